"""A person's sessions, as their own pages see and end them."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from services.auth import audit
from services.auth.issuing import token_hash
from services.auth.resources import AUTH
from shared.entries import Revocation
from shared.internal import SessionEnd, SessionQuery, SessionRecord


async def sessions_of(request: web.Request, user: str) -> list[SessionRecord]:
    """That live, the newest use first. Raises ApiUnavailable."""
    return await request.app[AUTH].accounts.sessions(SessionQuery(user=user))


async def session_of_browser(request: web.Request, user: str) -> str:
    """The session of the web client in this browser, by its cookie; or empty.

    Raises ApiUnavailable.
    """
    auth = request.app[AUTH]
    token = auth.pages.cookies.refresh(request)
    if not token:
        return ""
    found = await auth.accounts.sessions(SessionQuery(refresh_hash=token_hash(token)))
    return found[0].session if found and found[0].user == user else ""


async def end_sessions(request: web.Request, user: str, which: Iterable[str], reason: str) -> None:
    """End sessions and tell everybody, all at once. Raises ApiUnavailable."""
    auth = request.app[AUTH]
    ended = list(which)
    for session in ended:
        await auth.accounts.end(SessionEnd(session=session))
        auth.audit.note(request, audit.SESSION_ENDED, user=user, session=session, detail=reason)
    await auth.revocations.publish(Revocation(ended, user=user, reason=reason))


async def end_elsewhere(request: web.Request, user: str, reason: str) -> int:
    """All sessions but this browser's, and all sign-ins of other browsers; how many sessions.

    Raises ApiUnavailable, RedisError, Contended.
    """
    auth = request.app[AUTH]
    own = await session_of_browser(request, user)
    ours = auth.pages.cookies.signin(request)
    await auth.signins.end_all(user, auth.settings.signin_s, but=ours)
    others = [one.session for one in await sessions_of(request, user) if one.session != own]
    await end_sessions(request, user, others, reason)
    return len(others)
