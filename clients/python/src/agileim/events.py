"""What ``client.events()`` yields.

Numbered events (subclasses of :class:`LogEvent`) are a conversation's log: each comes once, in
order of ``seq``, without a gap. The others are news of a moment: under pressure older ones are
replaced by newer ones, and they are never replayed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct

from agileim import frames
from agileim.file_models import Attachment
from agileim.models import Conversation, Forwarded, MemberSettings
from agileim.people_models import Status

T = TypeVar("T")


class LogEvent(Struct, frozen=True, tag_field="event", kw_only=True):
    """An event of a conversation's log; `mine` tells that this user caused it."""

    conversation: str
    seq: int
    sender: str
    time: datetime
    number: int
    mine: bool = False


class Message(LogEvent, frozen=True, tag="message", kw_only=True):
    """A message; the user's own are included, whichever device sent them."""

    text: str
    client_msg_id: str = ""
    reply_to: int | None = None  # seq of the message that this one answers
    recalled: bool = False  # its text was taken away
    thread: int | None = None  # seq of the message that its thread begins with
    mentions: tuple[str, ...] = ()  # users
    mention_all: bool = False
    forwarded: Forwarded | None = None
    attachments: tuple[Attachment, ...] = ()


class MessageEdited(LogEvent, frozen=True, tag="message_edited", kw_only=True):
    """Message `target` (a seq) has another text; None: ask ``api.message_versions`` for it."""

    target: int = 0
    version: int = 0
    text: str | None = None
    mentions: tuple[str, ...] = ()
    mention_all: bool = False


class MessageRecalled(LogEvent, frozen=True, tag="message_recalled", kw_only=True):
    """Message `target` (a seq) has no text any more: forget it."""

    target: int = 0


class ReactionAdded(LogEvent, frozen=True, tag="reaction_added", kw_only=True):
    """`sender` reacts to message `target` (a seq)."""

    target: int = 0
    emoji: str = ""


class ReactionRemoved(LogEvent, frozen=True, tag="reaction_removed", kw_only=True):
    """`sender` takes a reaction to message `target` (a seq) back."""

    target: int = 0
    emoji: str = ""


class MessagePinned(LogEvent, frozen=True, tag="message_pinned", kw_only=True):
    """Message `target` (a seq) is pinned for all."""

    target: int = 0


class MessageUnpinned(LogEvent, frozen=True, tag="message_unpinned", kw_only=True):
    """Message `target` (a seq) is no longer pinned."""

    target: int = 0


class ConversationCreated(LogEvent, frozen=True, tag="conversation_created", kw_only=True):
    """The first event of a conversation."""

    kind: str = ""
    name: str = ""
    members: tuple[str, ...] = ()


class ConversationRenamed(LogEvent, frozen=True, tag="conversation_renamed", kw_only=True):
    """The group has a new name."""

    name: str = ""


class MembersAdded(LogEvent, frozen=True, tag="members_added", kw_only=True):
    """These users are members from now on."""

    users: tuple[str, ...] = ()


class MemberRemoved(LogEvent, frozen=True, tag="member_removed", kw_only=True):
    """`user` was removed by `sender`."""

    user: str = ""


class MemberLeft(LogEvent, frozen=True, tag="member_left", kw_only=True):
    """`user` has left."""

    user: str = ""


class RoleChanged(LogEvent, frozen=True, tag="role_changed", kw_only=True):
    """`user` is now owner, admin or member."""

    user: str = ""
    role: str = ""


class GroupChanged(LogEvent, frozen=True, tag="group_changed", kw_only=True):
    """The group's topic, description, avatar, visibility, joining or announcement has changed:
    `changes` has the new values, `version` names them."""

    version: int = 0
    changes: dict[str, Any] = {}


class GroupDissolved(LogEvent, frozen=True, tag="group_dissolved", kw_only=True):
    """The group is no more; the last event for everybody."""


class MemberBanned(LogEvent, frozen=True, tag="member_banned", kw_only=True):
    """`user` was removed, if a member, and may not come back."""

    user: str = ""


class MemberUnbanned(LogEvent, frozen=True, tag="member_unbanned", kw_only=True):
    """`user` may come back."""

    user: str = ""


class MemberSilenced(LogEvent, frozen=True, tag="member_silenced", kw_only=True):
    """`user` may not write until then; None: may again."""

    user: str = ""
    until: datetime | None = None


class SettingsChanged(LogEvent, frozen=True, tag="settings_changed", kw_only=True):
    """In the user's inbox: their settings of `about` are these now, but for the draft's text:
    ask ``api.conversation`` for it if `has_draft`."""

    about: str = ""
    settings: MemberSettings = MemberSettings()
    has_draft: bool = False


class ProfileChanged(LogEvent, frozen=True, tag="profile_changed", kw_only=True):
    """In the user's inbox: their own profile is at `version` now, with these `changes`."""

    version: int = 0
    changes: dict[str, Any] = {}


class ContactChanged(LogEvent, frozen=True, tag="contact_changed", kw_only=True):
    """In the user's inbox: what `user` is to them now (``none``, ``asked``, ``asks``, ``contact``),
    with the text of a request, or a note that has changed."""

    user: str = ""
    state: str = "none"
    text: str = ""
    note: str | None = None


class BlockChanged(LogEvent, frozen=True, tag="block_changed", kw_only=True):
    """In the user's inbox: they have blocked `user`, or have not any more."""

    user: str = ""
    blocked: bool = False


class ThreadChanged(LogEvent, frozen=True, tag="thread_changed", kw_only=True):
    """In the user's inbox: they follow a thread of `about` or do not, and have read so far."""

    about: str = ""
    thread: int = 0
    following: bool = False
    read_seq: int = 0


class JoinRequested(LogEvent, frozen=True, tag="join_requested", kw_only=True):
    """In the inboxes of owner and admins of `about`: `user` asks to join."""

    about: str = ""
    user: str = ""


class JoinAnswered(LogEvent, frozen=True, tag="join_answered", kw_only=True):
    """The answer, in the same inboxes and in that of `user`."""

    about: str = ""
    user: str = ""
    accepted: bool = False


class ConversationAdded(LogEvent, frozen=True, tag="conversation_added", kw_only=True):
    """In the user's inbox: `by` made this user a member of `added`."""

    added: str = ""
    by: str = ""


class ConversationRemoved(LogEvent, frozen=True, tag="conversation_removed", kw_only=True):
    """In the user's inbox: this user is no longer a member of `removed`."""

    removed: str = ""
    by: str = ""


class OtherEvent(LogEvent, frozen=True, tag="other", kw_only=True):
    """An event of a kind that this version does not know."""

    kind: str
    body: dict[str, Any] = {}


class Receipt(Struct, frozen=True, tag_field="event", tag="receipt"):
    """`user` has got and read the conversation up to these seqs."""

    conversation: str
    user: str
    delivered: int
    read: int


class Presence(Struct, frozen=True, tag_field="event", tag="presence"):
    """`user`, a member of a watched conversation, is online or not."""

    conversation: str
    user: str
    online: bool
    last_seen: datetime | None = None
    away: bool = False  # online, but none of their devices is in use


class PersonChanged(Struct, frozen=True, tag_field="event", tag="person_changed"):
    """`user`, a member of a watched conversation, looks different now."""

    user: str
    display_name: str
    avatar: str | None = None
    status: Status | None = None


class Typing(Struct, frozen=True, tag_field="event", tag="typing"):
    """`user` is typing, or has stopped."""

    conversation: str
    user: str
    active: bool


class ConversationChanged(Struct, frozen=True, tag_field="event", tag="conversation_changed"):
    """A sync found this conversation changed: unread count, name, role, or left."""

    conversation: Conversation


class ConnectionState(Struct, frozen=True, tag_field="event", tag="connection"):
    """The socket: connecting, connected, waiting (`retry_in_s` until the next try), closed."""

    state: Literal["connecting", "connected", "waiting", "closed"]
    retry_in_s: float = 0.0
    reason: str = ""


Event = (
    LogEvent | Receipt | Presence | PersonChanged | Typing | ConversationChanged | ConnectionState
)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _seq(value: object) -> int | None:
    return value if type(value) is int and value > 0 else None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list) else ()


def _as(value: object, kind: type[T]) -> T | None:
    """The value as this type; None for what has another shape."""
    try:
        return None if value is None else msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None


def person_changed(frame: frames.Person) -> PersonChanged:
    """What a `person` frame tells."""
    status = _as(frame.status, Status)
    return PersonChanged(frame.user, frame.display_name, frame.avatar, status)


def from_wire(event: frames.Event, me: str) -> LogEvent:
    """The typed event; one with an unknown kind becomes :class:`OtherEvent`."""
    body = event.body
    common: dict[str, Any] = {
        "conversation": event.conversation,
        "seq": event.seq,
        "sender": event.sender,
        "time": event.time,
        "number": event.number,
        "mine": bool(me) and event.sender == me,
    }
    match event.kind:
        case "message":
            text = _text(body.get("text"))
            reply_to = _seq(body.get("reply_to"))
            return Message(
                text=text,
                client_msg_id=event.client_msg_id,
                reply_to=reply_to,
                recalled=body.get("recalled") is True,
                thread=_seq(body.get("thread")),
                mentions=_texts(body.get("mentions")),
                mention_all=body.get("mention_all") is True,
                forwarded=_as(body.get("forwarded"), Forwarded),
                attachments=tuple(_as(body.get("attachments"), list[Attachment]) or ()),
                **common,
            )
        case "message_edited":
            new = body.get("text")
            return MessageEdited(
                target=_seq(body.get("seq")) or 0,
                version=_seq(body.get("version")) or 0,
                text=new if isinstance(new, str) else None,
                mentions=_texts(body.get("mentions")),
                mention_all=body.get("mention_all") is True,
                **common,
            )
        case "message_recalled":
            return MessageRecalled(target=_seq(body.get("seq")) or 0, **common)
        case "reaction_added" | "reaction_removed":
            reaction = ReactionAdded if event.kind == "reaction_added" else ReactionRemoved
            sign = _text(body.get("emoji"))
            return reaction(target=_seq(body.get("seq")) or 0, emoji=sign, **common)
        case "message_pinned":
            return MessagePinned(target=_seq(body.get("seq")) or 0, **common)
        case "message_unpinned":
            return MessageUnpinned(target=_seq(body.get("seq")) or 0, **common)
        case "conversation_created":
            return ConversationCreated(
                kind=_text(body.get("kind")),
                name=_text(body.get("name")),
                members=_texts(body.get("members")),
                **common,
            )
        case "conversation_renamed":
            return ConversationRenamed(name=_text(body.get("name")), **common)
        case "members_added":
            return MembersAdded(users=_texts(body.get("users")), **common)
        case "member_removed":
            return MemberRemoved(user=_text(body.get("user")), **common)
        case "member_left":
            return MemberLeft(user=_text(body.get("user")), **common)
        case "role_changed":
            role = _text(body.get("role"))
            return RoleChanged(user=_text(body.get("user")), role=role, **common)
        case "conversation_added":
            by = _text(body.get("by"))
            return ConversationAdded(added=_text(body.get("conversation")), by=by, **common)
        case "conversation_removed":
            by = _text(body.get("by"))
            return ConversationRemoved(removed=_text(body.get("conversation")), by=by, **common)
        case "conversation_changed":
            changes = {name: value for name, value in body.items() if name != "version"}
            version = _seq(body.get("version")) or 0
            return GroupChanged(version=version, changes=changes, **common)
        case "conversation_dissolved":
            return GroupDissolved(**common)
        case "member_banned":
            return MemberBanned(user=_text(body.get("user")), **common)
        case "member_unbanned":
            return MemberUnbanned(user=_text(body.get("user")), **common)
        case "member_silenced":
            until = _as(body.get("until"), datetime)
            return MemberSilenced(user=_text(body.get("user")), until=until, **common)
        case "conversation_settings":
            settings = {name: value for name, value in body.items() if name != "draft"}
            return SettingsChanged(
                about=_text(body.get("conversation")),
                settings=_as(settings, MemberSettings) or MemberSettings(),
                has_draft=body.get("draft") is True,
                **common,
            )
        case "profile_changed":
            return ProfileChanged(
                version=_seq(body.get("version")) or 0,
                changes={name: value for name, value in body.items() if name != "version"},
                **common,
            )
        case "contact_changed":
            note = body.get("note")
            return ContactChanged(
                user=_text(body.get("user")),
                state=_text(body.get("state")),
                text=_text(body.get("text")),
                note=note if isinstance(note, str) else None,
                **common,
            )
        case "block_changed":
            return BlockChanged(
                user=_text(body.get("user")), blocked=body.get("blocked") is True, **common
            )
        case "thread_changed":
            return ThreadChanged(
                about=_text(body.get("conversation")),
                thread=_seq(body.get("thread")) or 0,
                following=body.get("following") is True,
                read_seq=_seq(body.get("read_seq")) or 0,
                **common,
            )
        case "join_requested":
            about = _text(body.get("conversation"))
            return JoinRequested(about=about, user=_text(body.get("user")), **common)
        case "join_answered":
            return JoinAnswered(
                about=_text(body.get("conversation")),
                user=_text(body.get("user")),
                accepted=body.get("accepted") is True,
                **common,
            )
        case _:
            return OtherEvent(kind=event.kind, body=body, **common)
