"""``/v1/contacts`` and ``/v1/blocks``. All changes may be repeated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from services.api import schemas
from services.api.endpoint import Call, Endpoint, Reply
from services.api.handlers.conversations import Announcer
from services.api.handlers.people import user_json
from services.api.news import News
from services.api.rates import Rate
from services.api.store.blocks import Block, Blocks
from services.api.store.contacts import Contact, Contacts, Request
from services.api.store.log import Written
from shared.codes import ErrorCode

_CONTACT = "/v1/contacts/{user}"

T = TypeVar("T", Contact, Request, Block)


class ContactHandlers:
    """Who knows whom, and who wants nothing of whom."""

    def __init__(self, contacts: Contacts, blocks: Blocks, announce: Announcer, news: News) -> None:
        self._contacts = contacts
        self._blocks = blocks
        self._announce = announce
        self._news = news

    def endpoints(self) -> Sequence[Endpoint]:
        """The operations of this module."""
        refusals = (ErrorCode.NOT_FOUND, ErrorCode.INVALID)
        full = (*refusals, ErrorCode.CONFLICT)
        return [
            Endpoint(
                method="GET", path="/v1/contacts", name="listContacts",
                summary="The people one knows, in the order of their ids",
                handler=self.page, query=schemas.ListQuery, answer=schemas.ContactPage,
            ),
            Endpoint(
                method="GET", path="/v1/contacts/requests", name="listContactRequests",
                summary="Requests that one has got, or made",
                handler=self.requests, query=schemas.RequestsQuery,
                answer=schemas.ContactRequestPage,
            ),
            Endpoint(
                method="GET", path=_CONTACT, name="getContact",
                summary="What somebody is to one",
                handler=self.one, answer=schemas.Relation, refusals=refusals,
            ),
            Endpoint(
                method="PUT", path=_CONTACT, name="askContact",
                summary="Ask somebody to become a contact; if they have asked, accept",
                handler=self.ask, body=schemas.NewRequest, answer=schemas.Relation, refusals=full,
                rate=Rate.ASK,
            ),
            Endpoint(
                method="PATCH", path=_CONTACT, name="noteContact",
                summary="Note what one calls a contact, for oneself",
                handler=self.note, body=schemas.NewNote, answer=schemas.Relation,
                refusals=refusals,
            ),
            Endpoint(
                method="DELETE", path=_CONTACT, name="removeContact",
                summary="End a contact, or take a request back",
                handler=self.remove, answer=None, statuses=(204,), refusals=refusals,
            ),
            Endpoint(
                method="POST", path=f"{_CONTACT}/accept", name="acceptContact",
                summary="Take somebody who has asked as a contact",
                handler=self.accept, answer=schemas.Relation, refusals=full,
            ),
            Endpoint(
                method="POST", path=f"{_CONTACT}/refuse", name="refuseContact",
                summary="Put a request away; who asked is not told",
                handler=self.refuse, answer=None, statuses=(204,), refusals=refusals,
            ),
            Endpoint(
                method="GET", path="/v1/blocks", name="listBlocks",
                summary="Whom one has blocked, in the order of their ids",
                handler=self.blocks, query=schemas.ListQuery, answer=schemas.BlockPage,
            ),
            Endpoint(
                method="PUT", path="/v1/blocks/{user}", name="block",
                summary="Want nothing of somebody, who is not told",
                handler=self.block, answer=None, statuses=(204,), refusals=full,
            ),
            Endpoint(
                method="DELETE", path="/v1/blocks/{user}", name="unblock",
                summary="Let somebody reach one again",
                handler=self.unblock, answer=None, statuses=(204,), refusals=refusals,
            ),
        ]  # fmt: skip

    async def page(self, call: Call) -> Reply:
        """GET /v1/contacts"""
        limit = call.query["limit"]
        found = await self._contacts.page(call.user, call.query["after"], limit + 1)
        return Reply(_page("contacts", found, limit, lambda one: one.user.id))

    async def requests(self, call: Call) -> Reply:
        """GET /v1/contacts/requests"""
        limit, direction = call.query["limit"], call.query["direction"]
        found = await self._contacts.requests(call.user, direction, call.query["after"], limit + 1)
        return Reply(_page("requests", found, limit, lambda one: one.user.id))

    async def blocks(self, call: Call) -> Reply:
        """GET /v1/blocks"""
        limit = call.query["limit"]
        found = await self._blocks.page(call.user, call.query["after"], limit + 1)
        return Reply(_page("blocks", found, limit, lambda one: one.user.id))

    async def one(self, call: Call) -> Reply:
        """GET /v1/contacts/{user}"""
        other = call.path["user"]
        relation = await self._contacts.relation(call.user, other)
        content = {"user": other, "state": relation.state, "blocked": relation.blocked}
        for name in ("note", "text"):
            if value := getattr(relation, name):
                content[name] = value
        return Reply(content)

    async def ask(self, call: Call) -> Reply:
        """PUT /v1/contacts/{user}"""
        other = call.path["user"]
        self._told(call, await self._contacts.ask(call.user, other, call.body["text"]))
        return await self.one(call)

    async def note(self, call: Call) -> Reply:
        """PATCH /v1/contacts/{user}"""
        other = call.path["user"]
        self._announce(await self._contacts.note(call.user, other, call.body["note"]))
        return await self.one(call)

    async def accept(self, call: Call) -> Reply:
        """POST /v1/contacts/{user}/accept"""
        self._told(call, await self._contacts.accept(call.user, call.path["user"]))
        return await self.one(call)

    async def refuse(self, call: Call) -> Reply:
        """POST /v1/contacts/{user}/refuse"""
        self._announce(await self._contacts.refuse(call.user, call.path["user"]))
        return Reply(None, 204)

    async def remove(self, call: Call) -> Reply:
        """DELETE /v1/contacts/{user}"""
        self._told(call, await self._contacts.remove(call.user, call.path["user"]))
        return Reply(None, 204)

    async def block(self, call: Call) -> Reply:
        """PUT /v1/blocks/{user}"""
        self._told(call, await self._blocks.block(call.user, call.path["user"]))
        return Reply(None, 204)

    async def unblock(self, call: Call) -> Reply:
        """DELETE /v1/blocks/{user}"""
        self._told(call, await self._blocks.unblock(call.user, call.path["user"]))
        return Reply(None, 204)

    def _told(self, call: Call, written: Written | None) -> None:
        """Who may see whose presence has changed with it."""
        if self._announce(written):
            self._news.of([call.user, call.path["user"]])


def _page(name: str, found: list[T], limit: int, key: Callable[[T], str]) -> dict[str, Any]:
    items = found[:limit]
    return {
        name: [asdict(item) | {"user": user_json(item.user)} for item in items],
        "next": key(items[-1]) if len(found) > limit else None,
    }
