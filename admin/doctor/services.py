"""The services over HTTP, the certificate at the edge, clocks and signing keys."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from admin.doctor.finding import Finding, State, judged
from admin.operator import Operator

SKEW_MAX_S: Final = 2.0  # tokens live for minutes; leases do not depend on clocks
HTTP_DATE_S: Final = 1.0  # what a Date header leaves out
CERTIFICATE_MIN_DAYS: Final = 14
KEY_MAX_DAYS: Final = 90
TIMEOUT: Final = aiohttp.ClientTimeout(total=5)
DAY_S: Final = 86_400.0


async def findings(operator: Operator) -> AsyncIterator[Finding]:
    """auth and every replica of api."""
    own, http = operator.settings, await operator.http()
    for kind, urls in (("api", own.api_urls), ("auth", (own.auth_url,) if own.auth_url else ())):
        if not urls:
            yield Finding(
                kind,
                State.SKIPPED,
                f"AGILEIM_{'API_URLS' if kind == 'api' else 'AUTH_URL'} is not set",
            )
        for url in urls:
            async for finding in _service(http, kind, url):
                yield finding
    if own.auth_url and own.issuer:
        yield await _issuer(http, own.auth_url, own.issuer)
    if own.issuer.startswith("https://"):
        yield await _certificate(own.issuer)


async def _service(http: aiohttp.ClientSession, kind: str, url: str) -> AsyncIterator[Finding]:
    name = f"{kind} {url}"
    try:
        before = time.time()
        async with http.get(f"{url}/readyz", timeout=TIMEOUT) as response:
            after = time.time()
            report: dict[str, Any] = await response.json(content_type=None)
            date = response.headers.get("Date", "")
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        yield Finding(
            name,
            State.FAIL,
            f"{type(error).__name__}: {error}",
            f"start {kind}, or mend its address",
        )
        return
    wrong = [f"{what}: {how}" for what, how in report.get("checks", {}).items() if how != "ok"]
    yield judged(name, response.status == 200, "; ".join(wrong) or "ready", "mend what it names")
    if date:
        there = parsedate_to_datetime(date).timestamp()
        yield clock(name, there + HTTP_DATE_S / 2, before, after, HTTP_DATE_S)


def clock(name: str, there: float, before: float, after: float, grain_s: float = 0.0) -> Finding:
    """Whether a clock that said ``there`` between ``before`` and ``after`` agrees with ours."""
    skew = there - (before + after) / 2
    good = abs(skew) <= SKEW_MAX_S + (after - before) / 2 + grain_s
    return judged(f"clock of {name}", good, f"{skew:+.1f} s", "run an NTP client on both machines")


async def _issuer(http: aiohttp.ClientSession, auth_url: str, issuer: str) -> Finding:
    try:
        url = f"{auth_url}/.well-known/openid-configuration"
        async with http.get(url, timeout=TIMEOUT) as response:
            found = str((await response.json(content_type=None)).get("issuer"))
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return Finding("issuer", State.FAIL, f"{type(error).__name__}: {error}", "mend auth")
    return judged(
        "issuer", found == issuer, found, f"AGILEIM_ISSUER is {issuer} here: all must say the same"
    )


async def _certificate(issuer: str) -> Finding:
    place = urlsplit(issuer)
    context = ssl.create_default_context()
    try:
        async with asyncio.timeout(5):
            _, writer = await asyncio.open_connection(
                place.hostname, place.port or 443, ssl=context, server_hostname=place.hostname
            )
        shown: dict[str, Any] = writer.get_extra_info("peercert")
        writer.close()
    except (OSError, TimeoutError, ssl.SSLError) as error:
        return Finding("certificate", State.FAIL, str(error), f"look at the edge of {issuer}")
    ends = ssl.cert_time_to_seconds(shown["notAfter"])
    days = (ends - time.time()) / DAY_S
    until = datetime.fromtimestamp(ends, UTC)
    return judged(
        "certificate", days >= CERTIFICATE_MIN_DAYS, f"until {until:%Y-%m-%d}, {days:.0f} days",
        "renew it: automatic renewal has not happened", State.FAIL if days < 3 else State.WARN,
    )  # fmt: skip


def keys(folder: Path | None, now: float) -> Iterator[Finding]:
    """auth's signing keys: how old the newest is, and who may read them."""
    if folder is None:
        yield Finding("signing keys", State.SKIPPED, "AGILEIM_KEYS_DIR is not set")
        return
    try:
        found = {path: path.stat() for path in folder.glob("*.pem")}
    except OSError as error:
        yield Finding("signing keys", State.FAIL, str(error), "let auth and this program read them")
        return
    if not found:
        yield Finding("signing keys", State.FAIL, f"none in {folder}", "agileim admin keys rotate")
        return
    days = (now - max(status.st_mtime for status in found.values())) / DAY_S
    yield judged(
        "signing key age", days <= KEY_MAX_DAYS, f"{days:.0f} days",
        "agileim admin keys rotate; see docs/operations.md", State.WARN,
    )  # fmt: skip
    loose = sorted(path.name for path, status in found.items() if status.st_mode & 0o007)
    yield judged(
        "signing key files", not loose, ", ".join(loose) or "not readable by others",
        f"chmod 600 in {folder}",
    )  # fmt: skip
