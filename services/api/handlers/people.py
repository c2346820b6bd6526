"""``/v1/users`` and ``/v1/people``: finding people."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import msgspec

from services.api import schemas
from services.api.endpoint import Call, Endpoint, Reply
from services.api.rates import Rate
from services.api.store.people import People, Place
from services.api.store.users import User, Users
from shared.codes import ErrorCode
from shared.handles import normal_form
from shared.ids import is_id
from shared.problems import Problem


def user_json(user: User) -> dict[str, Any]:
    """As schema User."""
    result = asdict(user)
    if user.avatar is None:
        del result["avatar"]
    return result


class PeopleHandlers:
    """Looking people up."""

    def __init__(self, users: Users, people: People) -> None:
        self._users = users
        self._people = people

    def endpoints(self) -> Sequence[Endpoint]:
        """The operations of this module."""
        return [
            Endpoint(
                method="GET", path="/v1/users", name="findUsers",
                summary="People by their exact handle, or by ids",
                handler=self.find, query=schemas.UsersQuery, answer=schemas.UserList,
            ),
            Endpoint(
                method="GET", path="/v1/people", name="searchPeople",
                summary="People by parts of their names, a handle or a phone number",
                handler=self.search, query=schemas.PeopleQuery, answer=schemas.PeoplePage,
                rate=Rate.SEARCH,
            ),
        ]  # fmt: skip

    async def find(self, call: Call) -> Reply:
        """GET /v1/users?handle=H or ?ids=a,b"""
        if "handle" in call.query:
            found = await self._users.by_handle(normal_form(call.query["handle"]))
            return Reply({"users": [user_json(found)] if found else []})
        users = await self._users.by_ids(call.query["ids"].split(","))
        return Reply({"users": [user_json(user) for user in users]})

    async def search(self, call: Call) -> Reply:
        """GET /v1/people?q="""
        question, limit = call.query["q"], call.query["limit"]
        exact = await self._people.exactly(call.user, question)
        first = {user.id for user in exact}
        after = _place(call.query["after"])
        # Those who come first anyway are read in their turn, too, and left out there.
        named = await self._people.named(call.user, question, after, limit + len(first) + 1)
        rest = [one for one in named if one[0].id not in first]
        page = rest[:limit]
        people = [] if call.query["after"] else exact
        return Reply(
            {
                "people": [user_json(one) for one in [*people, *(user for user, _ in page)]],
                "next": _text(page[-1][1]) if len(rest) > limit else None,
            }
        )


def _text(place: Place) -> str:
    return urlsafe_b64encode(msgspec.json.encode([place.name, place.user])).decode()


def _place(text: str) -> Place:
    if not text:
        return Place()
    try:
        name, user = msgspec.json.decode(urlsafe_b64decode(text), type=tuple[str, str])
    except (ValueError, msgspec.DecodeError):
        name, user = "", ""
    if not is_id(user) or "\0" in name:
        raise Problem(ErrorCode.INVALID, "This is no place in a list.", field="after")
    return Place(name, user)
