"""Versions of what two may edit: ETags of ours, and the preconditions that name them."""

from __future__ import annotations

import re
from typing import Final

from services.api.endpoint import Call
from shared.codes import ErrorCode
from shared.problems import Problem

MATCH_HEADER: Final = "If-Match"
_ETAG: Final = re.compile(r'"([0-9]{1,9})"\Z')


def etag(version: int) -> dict[str, str]:
    """The header that names a version (RFC 9110, section 8.8.3)."""
    return {"ETag": f'"{version}"'}


def expected_version(call: Call) -> int | None:
    """The version of If-Match (RFC 9110, section 13.1.1); None: any."""
    given = call.request.headers.get(MATCH_HEADER, "*").strip()
    if given == "*":
        return None
    match = _ETAG.match(given)
    if match is None:
        raise Problem(
            ErrorCode.INVALID, f"{MATCH_HEADER} must be an ETag of ours.", field=MATCH_HEADER
        )
    return int(match[1])
