"""The public HTTP edge: what goes in is checked by these schemas, and OpenAPI is made from them."""

from __future__ import annotations

from services.api.schemas.conversations import (
    Conversation,
    ConversationPage,
    Member,
    MemberPage,
    NewConversation,
    NewMembers,
    NewOwner,
    NewRole,
    Rename,
)
from services.api.schemas.events import (
    Event,
    EventPage,
    EventsQuery,
    NewReceipts,
    SyncedConversation,
    SyncPage,
    SyncQuery,
)
from services.api.schemas.lists import ListQuery
from services.api.schemas.messages import (
    MessagePage,
    MessagesQuery,
    MessageVersion,
    MessageVersions,
    NewMessage,
    NewText,
    PresentMessage,
    Reaction,
    Sent,
    Text,
)
from services.api.schemas.people import User, UserList, UsersQuery
from services.api.schemas.problem import Problem

__all__ = [
    "Conversation",
    "ConversationPage",
    "Event",
    "EventPage",
    "EventsQuery",
    "ListQuery",
    "Member",
    "MemberPage",
    "MessagePage",
    "MessageVersion",
    "MessageVersions",
    "MessagesQuery",
    "NewConversation",
    "NewMembers",
    "NewMessage",
    "NewOwner",
    "NewReceipts",
    "NewRole",
    "NewText",
    "PresentMessage",
    "Problem",
    "Reaction",
    "Rename",
    "Sent",
    "SyncPage",
    "SyncQuery",
    "SyncedConversation",
    "Text",
    "User",
    "UserList",
    "UsersQuery",
]
