"""Who is who."""

from __future__ import annotations

from collections.abc import Sequence

from agileim.calls.page import PAGE
from agileim.http import Http
from agileim.models import User, UserPage


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
