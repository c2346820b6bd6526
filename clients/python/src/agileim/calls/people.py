"""Who is who."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agileim.calls.page import PAGE
from agileim.calls.pages import pages
from agileim.http import Http
from agileim.models import User, UserPage
from agileim.people_models import Me, PeoplePage, Profile


class PeopleCalls:
    """Who is who."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def me(self) -> User:
        """The signed-in user."""
        return await self._http.request("GET", "/v1/me", User)

    async def user(self, user: str) -> User:
        """A user by id."""
        return await self._http.request("GET", f"/v1/users/{user}", User)

    async def user_by_handle(self, handle: str) -> User | None:
        """A user by handle (exactly, but for upper and lower case)."""
        page = await self._http.request("GET", "/v1/users", UserPage, handle=handle.lower())
        return page.users[0] if page.users else None

    async def users(self, ids: Sequence[str]) -> list[User]:
        """Users by id; unknown ones are left out."""
        found: list[User] = []
        for start in range(0, len(ids), PAGE):
            some = ",".join(ids[start : start + PAGE])
            found += (await self._http.request("GET", "/v1/users", UserPage, ids=some)).users
        return found

    async def own_profile(self) -> Me:
        """All that one has told of oneself, and who may see and reach one."""
        return await self._http.request("GET", "/v1/me", Me)

    async def change_me(self, *, version: int | None = None, **changes: Any) -> Me:
        """Change ``display_name``, ``avatar``, ``status`` (``{"text", "emoji", "until"}``),
        ``time_zone``, ``language``, ``phone``, ``privacy``. With `version`, a change from elsewhere
        in between is refused (code ``stale``)."""
        match = None if version is None else {"If-Match": f'"{version}"'}
        return await self._http.request("PATCH", "/v1/me", Me, body=changes, headers=match)

    async def profile(self, user: str) -> Profile:
        """What somebody tells and shows of themselves."""
        return await self._http.request("GET", f"/v1/users/{user}", Profile)

    async def find_people(self, question: str, *, limit: int = PAGE) -> list[User]:
        """People by parts of their names, a handle, a phone number or an e-mail address; who fits
        exactly comes first."""
        found: list[User] = []
        async for page in pages(self._http, "/v1/people", PeoplePage, q=question):
            found += page.people
            if len(found) >= limit:
                break
        return found[:limit]
