"""Groups beside their members: what they are, who keeps order, how people come in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from agileim.calls.pages import pages
from agileim.group_models import (
    Ban,
    BanPage,
    Channel,
    ChannelPage,
    Invite,
    InvitePage,
    InvitePreview,
    Joined,
    JoinRequest,
    JoinRequestPage,
)
from agileim.http import Http
from agileim.models import Conversation, MemberSettings


def match_header(version: int | None) -> dict[str, str] | None:
    """The precondition that what is changed is still at this version."""
    return None if version is None else {"If-Match": f'"{version}"'}


class GroupCalls:
    """Groups beside their members."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def change_conversation(
        self, conversation: str, *, version: int | None = None, **changes: Any
    ) -> Conversation:
        """Change ``name``, ``topic``, ``description``, ``avatar``, ``visibility`` (private or
        public), ``joining`` (invited, request or open), ``announcement`` of a group. With
        `version`, a change from elsewhere in between is refused (code ``stale``)."""
        path = f"/v1/conversations/{conversation}"
        return await self._http.request(
            "PATCH", path, Conversation, body=changes, headers=match_header(version)
        )

    async def change_settings(
        self, conversation: str, *, version: int | None = None, **changes: Any
    ) -> MemberSettings:
        """Change one's own ``muted_until``, ``notify``, ``pinned``, ``archived``, ``hidden``,
        ``marked_unread``, ``draft`` (``{"text", "reply_to", "thread"}``); None: none of it."""
        path = f"/v1/conversations/{conversation}/me"
        return await self._http.request(
            "PATCH", path, MemberSettings, body=changes, headers=match_header(version)
        )

    async def dissolve(self, conversation: str) -> None:
        """Dissolve a group: everybody leaves, its history is closed."""
        await self._http.request("DELETE", f"/v1/conversations/{conversation}")

    async def silence(self, conversation: str, user: str, until: datetime | None) -> None:
        """Keep a member from writing until a time (with a zone); None: let them write again."""
        path = f"/v1/conversations/{conversation}/members/{user}/silence"
        if until is None:
            await self._http.request("DELETE", path)
        else:
            await self._http.request("PUT", path, body={"until": until.isoformat()})

    async def ban(self, conversation: str, user: str, reason: str = "") -> None:
        """Remove somebody and keep them out."""
        path = f"/v1/conversations/{conversation}/bans/{user}"
        await self._http.request("PUT", path, body={"reason": reason})

    async def unban(self, conversation: str, user: str) -> None:
        """Let somebody come back."""
        await self._http.request("DELETE", f"/v1/conversations/{conversation}/bans/{user}")

    async def bans(self, conversation: str) -> AsyncIterator[Ban]:
        """Who is banned."""
        path = f"/v1/conversations/{conversation}/bans"
        async for page in pages(self._http, path, BanPage):
            for ban in page.bans:
                yield ban

    async def channels(self, words: str = "") -> AsyncIterator[Channel]:
        """Public groups whose names contain these words."""
        async for page in pages(self._http, "/v1/channels", ChannelPage, q=words):
            for channel in page.channels:
                yield channel

    async def channel(self, conversation: str) -> Channel:
        """One public group."""
        return await self._http.request("GET", f"/v1/channels/{conversation}", Channel)

    async def join(self, conversation: str, message: str = "") -> Joined:
        """Join a public group, or ask to."""
        path = f"/v1/conversations/{conversation}/join"
        return await self._http.request("POST", path, Joined, body={"message": message})

    async def withdraw_join_request(self, conversation: str) -> None:
        """Stop asking to join."""
        await self._http.request("DELETE", f"/v1/conversations/{conversation}/join")

    async def join_requests(self, conversation: str) -> AsyncIterator[JoinRequest]:
        """Who asks to join."""
        path = f"/v1/conversations/{conversation}/requests"
        async for page in pages(self._http, path, JoinRequestPage):
            for request in page.requests:
                yield request

    async def answer_join_request(self, conversation: str, user: str, *, accept: bool) -> None:
        """Let somebody in who asks to join, or do not."""
        path = f"/v1/conversations/{conversation}/requests/{user}"
        await self._http.request("POST", path, body={"accept": accept})

    async def create_invite(
        self, conversation: str, *, expires_in_s: int | None = None, uses_max: int | None = None,
        approval: bool = False,
    ) -> Invite:  # fmt: skip
        """Make a link into a group; its `token` is told this once."""
        body: dict[str, Any] = {"approval": approval}
        body |= {"expires_in_s": expires_in_s} if expires_in_s is not None else {}
        body |= {"uses_max": uses_max} if uses_max is not None else {}
        path = f"/v1/conversations/{conversation}/invites"
        return await self._http.request("POST", path, Invite, body=body)

    async def invites(self, conversation: str) -> AsyncIterator[Invite]:
        """The links that are good."""
        path = f"/v1/conversations/{conversation}/invites"
        async for page in pages(self._http, path, InvitePage):
            for invite in page.invites:
                yield invite

    async def revoke_invite(self, conversation: str, invite: str) -> None:
        """Make a link good for nothing."""
        await self._http.request("DELETE", f"/v1/conversations/{conversation}/invites/{invite}")

    async def preview_invite(self, token: str) -> InvitePreview:
        """What a link leads to."""
        body = {"token": token}
        return await self._http.request("POST", "/v1/invites/preview", InvitePreview, body=body)

    async def accept_invite(self, token: str, message: str = "") -> Joined:
        """Come in by a link, or ask to."""
        body = {"token": token, "message": message}
        return await self._http.request("POST", "/v1/invites/accept", Joined, body=body)
