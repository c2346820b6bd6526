"""Contacts, requests and blocks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

from agileim.calls.pages import pages
from agileim.http import Http
from agileim.people_models import (
    Block,
    BlockPage,
    Contact,
    ContactPage,
    ContactRequest,
    ContactRequestPage,
    Relation,
)


class ContactCalls:
    """Whom one knows, and of whom one wants nothing. All changes may be repeated."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def contacts(self) -> AsyncIterator[Contact]:
        """The people one knows, page by page."""
        async for page in pages(self._http, "/v1/contacts", ContactPage):
            for contact in page.contacts:
                yield contact

    async def contact_requests(
        self, direction: Literal["in", "out"] = "in"
    ) -> AsyncIterator[ContactRequest]:
        """Requests that one has got, or made."""
        path = "/v1/contacts/requests"
        async for page in pages(self._http, path, ContactRequestPage, direction=direction):
            for request in page.requests:
                yield request

    async def contact(self, user: str) -> Relation:
        """What somebody is to one."""
        return await self._http.request("GET", f"/v1/contacts/{user}", Relation)

    async def ask_contact(self, user: str, text: str = "") -> Relation:
        """Ask somebody to become a contact; if they have asked, this accepts."""
        return await self._http.request(
            "PUT", f"/v1/contacts/{user}", Relation, body={"text": text}
        )

    async def accept_contact(self, user: str) -> Relation:
        """Take somebody who has asked as a contact."""
        return await self._http.request("POST", f"/v1/contacts/{user}/accept", Relation)

    async def refuse_contact(self, user: str) -> None:
        """Put a request away; who asked is not told."""
        await self._http.request("POST", f"/v1/contacts/{user}/refuse")

    async def remove_contact(self, user: str) -> None:
        """End a contact, or take a request back."""
        await self._http.request("DELETE", f"/v1/contacts/{user}")

    async def note_contact(self, user: str, note: str) -> Relation:
        """What one calls a contact, for oneself; "": as everybody does."""
        body = {"note": note}
        return await self._http.request("PATCH", f"/v1/contacts/{user}", Relation, body=body)

    async def blocks(self) -> AsyncIterator[Block]:
        """Whom one has blocked."""
        async for page in pages(self._http, "/v1/blocks", BlockPage):
            for block in page.blocks:
                yield block

    async def block(self, user: str) -> None:
        """Want nothing of somebody, who is not told."""
        await self._http.request("PUT", f"/v1/blocks/{user}")

    async def unblock(self, user: str) -> None:
        """Let somebody reach one again."""
        await self._http.request("DELETE", f"/v1/blocks/{user}")
