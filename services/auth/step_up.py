"""Asking for a fresh sign-in before what one signs in with is changed (RFC 9470)."""

from __future__ import annotations

from aiohttp import web

from services.auth.bearer import Bearer
from services.auth.domain.authentication import TWO_FACTORS, is_strong
from services.auth.domain.factor_policy import has_any
from services.auth.resources import AUTH
from shared.codes import ErrorCode


async def lacking(
    request: web.Request, who: Bearer, *, always: bool = False
) -> web.Response | None:
    """The challenge, if the token does not come from a sign-in of just now with a second factor.
    Who has no second factor needs a fresh sign-in only, and that only with ``always``.

    Raises ApiUnavailable.
    """
    auth = request.app[AUTH]
    has_factor = has_any(await auth.factors.of(who.user))
    if not (always or has_factor):
        return None
    recent = auth.now() - who.auth_time <= auth.settings.fresh_s
    if recent and (is_strong(who.amr) or not has_factor):
        return None
    return _challenge(auth.settings.fresh_s, TWO_FACTORS if has_factor else "")


def _challenge(max_age_s: int, acr: str) -> web.Response:
    """RFC 9470, section 3: sign in again, then ask with the new token."""
    body = {
        "type": "about:blank", "title": "Unauthorized", "status": 401,
        "code": ErrorCode.UNAUTHENTICATED.value, "detail": "Sign in again first.",
    }  # fmt: skip
    challenge = f'Bearer error="insufficient_user_authentication", max_age="{max_age_s}"'
    if acr:
        challenge += f', acr_values="{acr}"'
    return web.json_response(
        body, status=401, content_type="application/problem+json",
        headers={"WWW-Authenticate": challenge},
    )  # fmt: skip
