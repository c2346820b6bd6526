"""AgileIM for Python: a client for people's tools, bots and tests.

::

    import asyncio
    import agileim

    async def main() -> None:
        async with agileim.Client.from_profile("bot") as client:
            async for event in client.events():
                if isinstance(event, agileim.Message) and not event.mine:
                    await client.send(event.conversation, f"You said: {event.text}")

    asyncio.run(main())

The errors are drawn in :mod:`agileim.errors`, the events described in :mod:`agileim.events`.
"""

from __future__ import annotations

from agileim.client import Client, EventStream
from agileim.errors import (
    AgileIMError,
    Closed,
    NotFound,
    OutcomeUnknown,
    ProtocolError,
    RateLimited,
    Refused,
    SessionRevoked,
    SignedOut,
    SignInError,
    Unreachable,
)
from agileim.events import (
    ConnectionState,
    ConversationAdded,
    ConversationChanged,
    ConversationCreated,
    ConversationRemoved,
    ConversationRenamed,
    Event,
    LogEvent,
    MemberLeft,
    MemberRemoved,
    MembersAdded,
    Message,
    MessageEdited,
    MessagePinned,
    MessageRecalled,
    MessageUnpinned,
    OtherEvent,
    Presence,
    ReactionAdded,
    ReactionRemoved,
    Receipt,
    RoleChanged,
    Typing,
)
from agileim.models import (
    Bot,
    Conversation,
    Member,
    MessagePage,
    MessageVersion,
    PresentMessage,
    Reaction,
    Sent,
    User,
)
from agileim.oauth import Device
from agileim.profiles import Profile, ProfileFile, TokenSet
from agileim.rest import Api
from agileim.sign_in import sign_in_with_browser, sign_in_with_device, sign_out
from agileim.stores import MemoryStore, Saved, SqliteStore, Store, StoreBusy
from agileim.tokens import BotTokens, MemoryTokens, ProfileTokens, StaticToken, TokenSource
from agileim.transcript import Transcript

__version__ = "0.1.0"

__all__ = [
    "AgileIMError",
    "Api",
    "Bot",
    "BotTokens",
    "Client",
    "Closed",
    "ConnectionState",
    "Conversation",
    "ConversationAdded",
    "ConversationChanged",
    "ConversationCreated",
    "ConversationRemoved",
    "ConversationRenamed",
    "Device",
    "Event",
    "EventStream",
    "LogEvent",
    "Member",
    "MemberLeft",
    "MemberRemoved",
    "MembersAdded",
    "MemoryStore",
    "MemoryTokens",
    "Message",
    "MessageEdited",
    "MessagePage",
    "MessagePinned",
    "MessageRecalled",
    "MessageUnpinned",
    "MessageVersion",
    "NotFound",
    "OtherEvent",
    "OutcomeUnknown",
    "Presence",
    "PresentMessage",
    "Profile",
    "ProfileFile",
    "ProfileTokens",
    "ProtocolError",
    "RateLimited",
    "Reaction",
    "ReactionAdded",
    "ReactionRemoved",
    "Receipt",
    "Refused",
    "RoleChanged",
    "Saved",
    "Sent",
    "SessionRevoked",
    "SignInError",
    "SignedOut",
    "SqliteStore",
    "StaticToken",
    "Store",
    "StoreBusy",
    "TokenSet",
    "TokenSource",
    "Transcript",
    "Typing",
    "Unreachable",
    "User",
    "__version__",
    "sign_in_with_browser",
    "sign_in_with_device",
    "sign_out",
]
