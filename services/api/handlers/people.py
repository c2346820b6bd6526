"""``/v1/me`` and ``/v1/users``: people as others see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from services.api import schemas
from services.api.endpoint import Call, Endpoint, Reply
from services.api.store.users import User, Users
from shared.codes import ErrorCode
from shared.handles import normal_form
from shared.problems import Problem


def user_json(user: User) -> dict[str, Any]:
    """As schema User."""
    return asdict(user)


class PeopleHandlers:
    """Looking people up."""

    def __init__(self, users: Users) -> None:
        self._users = users

    def endpoints(self) -> Sequence[Endpoint]:
        """The operations of this module."""
        missing = (ErrorCode.NOT_FOUND,)
        return [
            Endpoint(
                method="GET", path="/v1/me", name="getMe", summary="Who the token belongs to",
                handler=self.me, answer=schemas.User,
            ),
            Endpoint(
                method="GET", path="/v1/users", name="findUsers",
                summary="People by their exact handle, or by ids",
                handler=self.find, query=schemas.UsersQuery, answer=schemas.UserList,
            ),
            Endpoint(
                method="GET", path="/v1/users/{user}", name="getUser", summary="One person",
                handler=self.one, answer=schemas.User, refusals=missing,
            ),
        ]  # fmt: skip

    async def me(self, call: Call) -> Reply:
        """GET /v1/me"""
        user = await self._users.by_id(call.user)
        if user is None:
            raise Problem(ErrorCode.UNAUTHENTICATED, "This account is gone.")
        return Reply(user_json(user))

    async def find(self, call: Call) -> Reply:
        """GET /v1/users?handle=H or ?ids=a,b"""
        if "handle" in call.query:
            found = await self._users.by_handle(normal_form(call.query["handle"]))
            return Reply({"users": [user_json(found)] if found else []})
        users = await self._users.by_ids(call.query["ids"].split(","))
        return Reply({"users": [user_json(user) for user in users]})

    async def one(self, call: Call) -> Reply:
        """GET /v1/users/{user}"""
        user = await self._users.by_id(call.path["user"])
        if user is None:
            raise Problem(ErrorCode.NOT_FOUND, "There is no such user.")
        return Reply(user_json(user))
