"""``/v1/uploads``: the tus protocol, version 1.0.0 (https://tus.io/protocols/resumable-upload).

Core, and the extensions creation, termination, checksum and expiration. The texts in quotes are
headers of that document.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from email.utils import format_datetime
from typing import Final

from aiohttp import web

from services.api.domain.files import safe_name
from services.api.endpoint import Call, Endpoint, Reply
from services.api.store.files import Files, Upload
from services.api.uploads import CHECKSUMS, Checksum, ChecksumMismatch, Uploads
from shared.codes import ErrorCode
from shared.limits import FILE_MAX_BYTES
from shared.problems import TRACE_ID, Problem, problem_response

VERSION: Final = "1.0.0"
PATH: Final = "/v1/uploads"
BODY_TYPE: Final = "application/offset+octet-stream"
METADATA_MAX_CHARS: Final = 2_000
_VERSIONS: Final = {412: "another version of tus is needed"}
_RESUMABLE: Final = {"Tus-Resumable": VERSION}
_ABOUT: Final = {
    "Tus-Version": VERSION,
    "Tus-Extension": "creation,termination,checksum,expiration",
    "Tus-Max-Size": str(FILE_MAX_BYTES),
    "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
}
_HEADERS: Final = {"Tus-Resumable": f"{VERSION}"}


class UploadHandlers:
    """Uploads of the caller."""

    def __init__(self, files: Files, uploads: Uploads) -> None:
        self._files = files
        self._uploads = uploads

    def endpoints(self) -> Sequence[Endpoint]:
        """The operations of this module."""
        one = f"{PATH}/{{upload}}"
        missing = ErrorCode.NOT_FOUND
        return [
            Endpoint(
                method="OPTIONS", path=PATH, name="describeUploads", public=True,
                summary="What of tus 1.0 is spoken here", handler=self.about, answer=None,
                statuses=(204,),
            ),
            Endpoint(
                method="POST", path=PATH, name="createUpload",
                summary="Announce a file (tus); the answer's Location takes its bytes",
                handler=self.create, answer=None, statuses=(201,), others=_VERSIONS,
                refusals=(ErrorCode.INVALID, ErrorCode.TOO_LARGE, ErrorCode.CONFLICT),
                headers={
                    **_HEADERS,
                    "Upload-Length": "bytes of the whole file",
                    "Upload-Metadata": "filename and filetype, each followed by its Base64 form",
                },
            ),
            Endpoint(
                method="HEAD", path=one, name="getUpload", summary="How far an upload got (tus)",
                handler=self.state, answer=None, refusals=(missing,), others=_VERSIONS,
                headers=_HEADERS,
            ),
            Endpoint(
                method="PATCH", path=one, name="continueUpload",
                summary="The next bytes of a file (tus); with the last one the file is there",
                handler=self.receive, answer=None, statuses=(204,),
                others={**_VERSIONS, 460: "the checksum is another"},
                refusals=(
                    missing, ErrorCode.INVALID, ErrorCode.CONFLICT, ErrorCode.TOO_LARGE,
                    ErrorCode.UNSUPPORTED_TYPE,
                ),
                headers={
                    **_HEADERS,
                    "Upload-Offset": "where the upload stands",
                    "Upload-Checksum": "of this body: sha1 or sha256, and the digest in Base64",
                },
            ),
            Endpoint(
                method="DELETE", path=one, name="giveUpUpload",
                summary="Delete an upload, or a file that no message carries (tus)",
                handler=self.give_up, answer=None, statuses=(204,), others=_VERSIONS,
                refusals=(missing, ErrorCode.CONFLICT), headers=_HEADERS,
            ),
        ]  # fmt: skip

    async def about(self, _: Call) -> Reply:
        """OPTIONS /v1/uploads"""
        return Reply(None, status=204, headers=_RESUMABLE | _ABOUT)

    async def create(self, call: Call) -> Reply:
        """POST /v1/uploads"""
        if wrong := _wrong_version(call.request):
            return wrong
        size = _number(call.request, "Upload-Length")
        if size > FILE_MAX_BYTES:
            raise Problem(
                ErrorCode.TOO_LARGE, f"A file may have at most {FILE_MAX_BYTES} bytes.",
                field="Upload-Length",
            )  # fmt: skip
        metadata = _metadata(call.request.headers.get("Upload-Metadata", ""))
        name = safe_name(metadata.get("filename", "") or metadata.get("name", ""))
        claimed = metadata.get("filetype", "") or metadata.get("type", "")
        upload = await self._files.begin(call.user, name, claimed[:100], size)
        if size == 0:
            await self._uploads.empty(upload)
        headers = {"Location": f"{PATH}/{upload.id}", **_expiry(upload), **_RESUMABLE}
        return Reply(None, status=201, headers=headers)

    async def state(self, call: Call) -> Reply:
        """HEAD /v1/uploads/{upload}"""
        if wrong := _wrong_version(call.request):
            return wrong
        upload = await self._files.upload(call.path["upload"], call.user)
        headers = {
            "Upload-Offset": str(upload.received),
            "Upload-Length": str(upload.size),
            "Cache-Control": "no-store",
            **_expiry(upload),
            **_RESUMABLE,
        }
        return Reply(None, headers=headers)

    async def receive(self, call: Call) -> Reply:
        """PATCH /v1/uploads/{upload}"""
        request = call.request
        if wrong := _wrong_version(request):
            return wrong
        if request.content_type != BODY_TYPE:
            raise Problem(
                ErrorCode.UNSUPPORTED_TYPE, f"The body must be {BODY_TYPE}.", field="Content-Type"
            )
        checksum = _checksum(request.headers.get("Upload-Checksum"))
        offset = _number(request, "Upload-Offset")
        upload = await self._files.upload(call.path["upload"], call.user)
        if offset != upload.received:
            raise Problem(
                ErrorCode.CONFLICT, f"The upload stands at {upload.received}.",
                field="Upload-Offset",
            )  # fmt: skip
        try:
            upload = await self._uploads.receive(upload, request.content, checksum)
        except ChecksumMismatch:
            return _refusal(request, 460, "Checksum Mismatch", "Upload-Checksum")
        headers = {"Upload-Offset": str(upload.received), **_expiry(upload), **_RESUMABLE}
        return Reply(None, status=204, headers=headers)

    async def give_up(self, call: Call) -> Reply:
        """DELETE /v1/uploads/{upload}"""
        if wrong := _wrong_version(call.request):
            return wrong
        await self._files.give_up(call.path["upload"], call.user)
        return Reply(None, status=204, headers=_RESUMABLE)


def _expiry(upload: Upload) -> Mapping[str, str]:
    if upload.received == upload.size:
        return {}
    return {"Upload-Expires": format_datetime(upload.expires_at, usegmt=True)}


def _wrong_version(request: web.Request) -> Reply | None:
    """412 for clients of another version, with the one that is spoken here."""
    if request.headers.get("Tus-Resumable") == VERSION:
        return None
    return _refusal(request, 412, "Precondition Failed", "Tus-Resumable")


def _refusal(request: web.Request, status: int, title: str, field: str) -> Reply:
    """An answer with a status that is the protocol's own."""
    problem = Problem(ErrorCode.INVALID, f"{title}: {field}.", field=field)
    response = problem_response(problem, request[TRACE_ID], status=status, title=title)
    response.headers.update(_RESUMABLE)
    response.headers["Tus-Version"] = VERSION
    return Reply(response)


def _number(request: web.Request, header: str) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise Problem(ErrorCode.INVALID, f"{header} must be a number of bytes.", field=header)
    return int(text)


def _metadata(header: str) -> dict[str, str]:
    """ "Upload-Metadata": keys, each with a value in Base64 or without one."""
    if len(header) > METADATA_MAX_CHARS:
        raise Problem(ErrorCode.INVALID, "Upload-Metadata is too long.", field="Upload-Metadata")
    result: dict[str, str] = {}
    for pair in filter(None, map(str.strip, header.split(","))):
        key, _, value = pair.partition(" ")
        try:
            result[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise Problem(
                ErrorCode.INVALID, f"{key[:50]} is not UTF-8 in Base64.", field="Upload-Metadata"
            ) from None
    return result


def _checksum(header: str | None) -> Checksum | None:
    if header is None:
        return None
    algorithm, _, text = header.partition(" ")
    try:
        digest = base64.b64decode(text, validate=True)
    except binascii.Error:
        digest = b""
    if algorithm not in CHECKSUMS or not digest:
        raise Problem(
            ErrorCode.INVALID, f"One of {', '.join(CHECKSUMS)}, and the digest in Base64.",
            field="Upload-Checksum",
        )  # fmt: skip
    return Checksum(algorithm, digest)
