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
    BlockChanged,
    ConnectionState,
    ContactChanged,
    ConversationAdded,
    ConversationChanged,
    ConversationCreated,
    ConversationRemoved,
    ConversationRenamed,
    Event,
    GroupChanged,
    GroupDissolved,
    JoinAnswered,
    JoinRequested,
    LogEvent,
    MemberBanned,
    MemberLeft,
    MemberRemoved,
    MembersAdded,
    MemberSilenced,
    MemberUnbanned,
    Message,
    MessageEdited,
    MessagePinned,
    MessageRecalled,
    MessageUnpinned,
    OtherEvent,
    PersonChanged,
    Presence,
    ProfileChanged,
    ReactionAdded,
    ReactionRemoved,
    Receipt,
    RoleChanged,
    SettingsChanged,
    ThreadChanged,
    Typing,
)
from agileim.group_models import (
    Ban,
    Channel,
    Invite,
    InvitePreview,
    Joined,
    JoinRequest,
)
from agileim.models import (
    Bot,
    Conversation,
    Forwarded,
    Member,
    MemberSettings,
    MessageDraft,
    MessagePage,
    MessageVersion,
    PresentMessage,
    Reaction,
    Sent,
    Thread,
    User,
)
from agileim.oauth import Device
from agileim.people_models import (
    Block,
    Contact,
    ContactRequest,
    Me,
    Privacy,
    Relation,
    Status,
)
from agileim.profiles import Profile, ProfileFile, TokenSet
from agileim.rest import Api
from agileim.services import Services
from agileim.sign_in import sign_in_with_browser, sign_in_with_device, sign_out
from agileim.stores import MemoryStore, Saved, SqliteStore, Store, StoreBusy
from agileim.tokens import BotTokens, MemoryTokens, ProfileTokens, StaticToken, TokenSource
from agileim.transcript import Transcript

__version__ = "0.1.0"

__all__ = [
    "AgileIMError",
    "Api",
    "Ban",
    "Block",
    "BlockChanged",
    "Bot",
    "BotTokens",
    "Channel",
    "Client",
    "Closed",
    "ConnectionState",
    "Contact",
    "ContactChanged",
    "ContactRequest",
    "Conversation",
    "ConversationAdded",
    "ConversationChanged",
    "ConversationCreated",
    "ConversationRemoved",
    "ConversationRenamed",
    "Device",
    "Event",
    "EventStream",
    "Forwarded",
    "GroupChanged",
    "GroupDissolved",
    "Invite",
    "InvitePreview",
    "JoinAnswered",
    "JoinRequest",
    "JoinRequested",
    "Joined",
    "LogEvent",
    "Me",
    "Member",
    "MemberBanned",
    "MemberLeft",
    "MemberRemoved",
    "MemberSettings",
    "MemberSilenced",
    "MemberUnbanned",
    "MembersAdded",
    "MemoryStore",
    "MemoryTokens",
    "Message",
    "MessageDraft",
    "MessageEdited",
    "MessagePage",
    "MessagePinned",
    "MessageRecalled",
    "MessageUnpinned",
    "MessageVersion",
    "NotFound",
    "OtherEvent",
    "OutcomeUnknown",
    "PersonChanged",
    "Presence",
    "PresentMessage",
    "Privacy",
    "Profile",
    "ProfileChanged",
    "ProfileFile",
    "ProfileTokens",
    "ProtocolError",
    "RateLimited",
    "Reaction",
    "ReactionAdded",
    "ReactionRemoved",
    "Receipt",
    "Refused",
    "Relation",
    "RoleChanged",
    "Saved",
    "Sent",
    "Services",
    "SessionRevoked",
    "SettingsChanged",
    "SignInError",
    "SignedOut",
    "SqliteStore",
    "StaticToken",
    "Status",
    "Store",
    "StoreBusy",
    "Thread",
    "ThreadChanged",
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
