"""The redirect's target on this machine: a server that takes one authorization response.

RFC 8252, section 7.3: loopback address, any free port. The answer's `state` must be ours, and its
`iss`, where given, the server's (RFC 9207).
"""

from __future__ import annotations

import asyncio
import html
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from agileim.errors import SignInError

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>AgileIM</title>
<body style="font: 1.1rem system-ui; margin: 20vh auto; max-width: 28rem; text-align: center">
<h1>{title}</h1><p>{text}</p></body></html>"""


class Loopback:
    """Waits for the browser. `redirect_uri` and `state` belong into the authorization request."""

    def __init__(self) -> None:
        self.state = secrets.token_urlsafe(24)
        self.redirect_uri = ""
        self.issuer = ""
        self._code: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def code(self, timeout_s: float) -> str:
        """The authorization code. Raises :class:`SignInError`."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._code
        except TimeoutError:
            raise SignInError(f"nobody signed in within {timeout_s:.0f} seconds") from None

    async def _callback(self, request: web.Request) -> web.Response:
        query = request.query
        if not secrets.compare_digest(query.get("state", ""), self.state):
            # Not the answer to our request: somebody else's page. Go on waiting.
            return _page(400, "Not signed in", "This answer belongs to another request.")
        if self._code.done():
            return _page(400, "Already done", "You may close this window.")
        issuer = query.get("iss", self.issuer)
        if issuer.rstrip("/") != self.issuer.rstrip("/"):
            self._code.set_exception(SignInError("the answer came from another server"))
        elif "code" in query:
            self._code.set_result(query["code"])
            return _page(200, "You are signed in", "Close this window, go on in the terminal.")
        else:
            why = query.get("error_description") or query.get("error") or "no code"
            self._code.set_exception(SignInError(f"not signed in: {why}"))
        return _page(400, "Not signed in", "The terminal says why.")


def _page(status: int, title: str, text: str) -> web.Response:
    body = _PAGE.format(title=html.escape(title), text=html.escape(text))
    return web.Response(status=status, text=body, content_type="text/html")


@asynccontextmanager
async def listen() -> AsyncIterator[Loopback]:
    """Serve on a free port of 127.0.0.1 as long as the context lasts."""
    loopback = Loopback()
    app = web.Application()
    app.router.add_get("/callback", loopback._callback)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        loopback.redirect_uri = f"http://127.0.0.1:{port}/callback"
        yield loopback
    finally:
        if loopback._code.done() and not loopback._code.cancelled():
            loopback._code.exception()  # seen, so that nobody warns of it
        await runner.cleanup()
