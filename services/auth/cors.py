"""Cross-origin requests (Fetch, section 3.3): applications that run in browsers on origins of their
own (RFC 9700, section 2.6) may call what takes no cookie, and nothing else.

The answer to any origin is ``*``, which browsers never combine with cookies: whoever asks gets what
they would get from a program of their own. The browser client uses a cookie at the token endpoint,
from our own origin only (see :mod:`services.auth.browser_tokens`).
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

PATHS: Final = frozenset(
    {
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/.well-known/jwks.json",
        "/connect/token",
        "/connect/revocation",
        "/connect/userinfo",
    }
)
_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": "600",
}


def install(app: web.Application) -> None:
    """Answer preflights of these paths, and let scripts read their answers."""
    for path in sorted(PATHS):
        app.router.add_route("OPTIONS", path, _preflight)
    app.on_response_prepare.append(_allow)


async def _preflight(_: web.Request) -> web.Response:
    return web.Response(status=204, headers=_PREFLIGHT)


async def _allow(request: web.Request, response: web.StreamResponse) -> None:
    if request.path in PATHS:
        response.headers["Access-Control-Allow-Origin"] = "*"
        # A client must be able to tell why, and when to try again.
        response.headers["Access-Control-Expose-Headers"] = "WWW-Authenticate, Retry-After"
