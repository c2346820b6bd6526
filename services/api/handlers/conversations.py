"""``/v1/conversations``: listing, opening and renaming."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from services.api import schemas
from services.api.endpoint import Call, Endpoint, Reply
from services.api.handlers.people import user_json
from services.api.publisher import Publisher
from services.api.store.conversations import Conversations
from services.api.store.log import Written
from services.api.store.users import Users
from services.api.store.views import View
from shared.codes import ErrorCode
from shared.events import ConversationKind
from shared.problems import Problem

KEY_HEADER: Final = "Idempotency-Key"
KEY_MAX_CHARS: Final = 64

_PLAIN_FIELDS: Final = (
    "id", "kind", "name", "head_seq", "number", "first_seq", "role", "delivered_seq", "read_seq",
    "unread", "mentions", "threads_unread", "created_at", "member_count", "silenced_until",
)  # fmt: skip


def conversation_json(view: View) -> dict[str, Any]:
    """As schema Conversation."""
    result = {name: getattr(view, name) for name in _PLAIN_FIELDS}
    result["settings"] = asdict(view.settings)
    if view.kind == ConversationKind.GROUP:
        result |= asdict(view.details)
    if view.peer is not None:
        result["peer"] = user_json(view.peer)
        result["peer_delivered_seq"] = view.peer_delivered_seq
        result["peer_read_seq"] = view.peer_read_seq
    return result


class Announcer:
    """Publishes what a transaction has written."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def __call__(self, written: Written | None) -> bool:
        """Whether anything was written."""
        if written is None:
            return False
        self._publisher.offer(written.events, written.outbox_ids)
        return True


class ConversationHandlers:
    """Conversations of the caller."""

    def __init__(self, conversations: Conversations, users: Users, announce: Announcer) -> None:
        self._conversations = conversations
        self._users = users
        self._announce = announce

    def endpoints(self) -> Sequence[Endpoint]:
        """The operations of this module."""
        return [
            Endpoint(
                method="GET", path="/v1/conversations", name="listConversations",
                summary="The caller's conversations, in the order of their ids",
                handler=self.page, query=schemas.ListQuery, answer=schemas.ConversationPage,
            ),
            Endpoint(
                method="POST", path="/v1/conversations", name="createConversation",
                summary="Open the conversation with somebody (200 if there is one), or a group",
                handler=self.create, body=schemas.NewConversation, answer=schemas.Conversation,
                statuses=(200, 201),
                headers={KEY_HEADER: "group: the same key again gives the same group (200)"},
            ),
            Endpoint(
                method="GET", path="/v1/conversations/{conversation}", name="getConversation",
                summary="One conversation", handler=self.one, answer=schemas.Conversation,
                refusals=(ErrorCode.NOT_FOUND,),
            ),
        ]  # fmt: skip

    async def page(self, call: Call) -> Reply:
        """GET /v1/conversations"""
        limit = call.query["limit"]
        views = await self._conversations.page(call.user, call.query["after"], limit + 1)
        more = len(views) > limit
        views = views[:limit]
        return Reply(
            {
                "conversations": [conversation_json(view) for view in views],
                "next": views[-1].id if more else None,
            }
        )

    async def one(self, call: Call) -> Reply:
        """GET /v1/conversations/{conversation}"""
        view = await self._conversations.of_member(call.path["conversation"], call.user)
        return Reply(conversation_json(view))

    async def create(self, call: Call) -> Reply:
        """POST /v1/conversations"""
        if call.body["kind"] == "direct":
            peer = call.body["user"]
            await self._must_exist("user", [peer])
            conversation, written = await self._conversations.open_direct(call.user, peer)
        else:
            members = call.body.get("members", [])
            await self._must_exist("members", members)
            conversation, written = await self._conversations.create_group(
                call.user, call.body["name"], members, _key(call)
            )
        is_new = self._announce(written)
        view = await self._conversations.of_member(conversation, call.user)
        return Reply(conversation_json(view), status=201 if is_new else 200)

    async def _must_exist(self, field: str, users: Sequence[str]) -> None:
        unknown = await self._users.unknown(users)
        if unknown:
            raise Problem(
                ErrorCode.INVALID, f"There is no user {', '.join(unknown[:3])}.", field=field
            )


def _key(call: Call) -> str:
    key = call.request.headers.get(KEY_HEADER, "")
    if len(key) > KEY_MAX_CHARS or not (key.isascii() and key.isprintable()):
        raise Problem(
            ErrorCode.INVALID,
            f"{KEY_HEADER} may have at most {KEY_MAX_CHARS} printable ASCII characters.",
            field=KEY_HEADER,
        )
    return key
