"""What the REST interface answers with. Ids are UUID text, times are UTC, seqs count from 1."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, field

from agileim.file_models import Attachment
from agileim.frames import Event


class User(Struct, frozen=True):
    """A person or a bot."""

    id: str
    handle: str
    display_name: str = ""
    kind: str = "person"
    avatar: str | None = None  # a file

    @property
    def is_bot(self) -> bool:
        """Whether a program speaks under this name."""
        return self.kind == "bot"

    @property
    def label(self) -> str:
        """The name to show."""
        return self.display_name or self.handle


class SecretInfo(Struct, frozen=True):
    """One of a bot's secrets, less the secret itself."""

    id: str
    created_at: datetime
    expires_at: datetime | None = None


class Bot(Struct, frozen=True):
    """One's own bot. ``secret`` is there only where it was just made."""

    id: str
    handle: str
    display_name: str
    created_at: datetime
    secrets: list[SecretInfo] = []
    secret: str = ""


class BotPage(Struct, frozen=True):
    """One's bots."""

    bots: list[Bot]


class BotSecret(Struct, frozen=True):
    """A secret that was just made."""

    id: str
    secret: str


class MessageDraft(Struct, frozen=True):
    """What was begun on one device and not sent."""

    text: str
    reply_to: int | None = None
    thread: int | None = None


class MemberSettings(Struct, frozen=True):
    """How this user has set a conversation up. `pinned`: place among those at the top; `hidden`:
    until the next message. Version 0: never touched."""

    version: int = 0
    muted_until: datetime | None = None
    notify: str = "all"
    pinned: int | None = None
    archived: bool = False
    hidden: bool = False
    marked_unread: bool = False
    draft: MessageDraft | None = None


class Conversation(Struct, frozen=True):
    """A conversation as this user sees it. `state` is ``left`` for one that was left."""

    id: str
    kind: str = ""
    name: str | None = None
    head_seq: int = 0
    number: int = 0
    first_seq: int = 1
    role: str | None = None
    delivered_seq: int = 0
    read_seq: int = 0
    unread: int = 0
    member_count: int = 0
    created_at: datetime | None = None
    peer: User | None = None
    state: str = "member"
    mentions: int = 0  # of this user, unread; 100: so many or more
    threads_unread: int = 0  # followed ones; 100: so many or more
    silenced_until: datetime | None = None  # this user may not write until then
    settings: MemberSettings = MemberSettings()
    # groups
    version: int = 0  # of the following; for changes
    topic: str = ""
    description: str = ""
    avatar: str | None = None
    visibility: str = "private"
    joining: str = "invited"
    announcement: bool = False  # only owner and admins write

    @property
    def label(self) -> str:
        """The name to show: the group's, or the other person's."""
        if self.peer is not None:
            return self.peer.label
        return self.name or self.id


class Member(Struct, frozen=True):
    """A member of a conversation, with how far they have got and read it."""

    user: User
    role: str = "member"
    delivered_seq: int = 0
    read_seq: int = 0


class Sent(Struct, frozen=True):
    """A stored message: event `seq` of its conversation. `repeat`: an earlier try had stored it."""

    conversation: str
    seq: int
    number: int
    time: datetime
    repeat: bool = False
    client_msg_id: str = ""


class MessageVersion(Struct, frozen=True):
    """One text of a message; version 1 is the first."""

    seq: int
    version: int
    text: str
    time: datetime


class MessageVersions(Struct, frozen=True):
    """All texts of a message, the oldest first; empty when it was recalled."""

    versions: list[MessageVersion] = field(default_factory=list)


class Reaction(Struct, frozen=True):
    """One emoji on a message; `users` are the first who reacted with it, at least some of them."""

    emoji: str
    count: int = 0
    mine: bool = False
    users: list[str] = field(default_factory=list)


class Forwarded(Struct, frozen=True):
    """Where a forwarded message comes from; this user may not be there."""

    conversation: str
    seq: int
    sender: str
    time: datetime


class PresentMessage(Struct, frozen=True):
    """A message as it is now. `version` counts its texts, the first included."""

    seq: int
    sender: str
    time: datetime
    number: int
    text: str
    client_msg_id: str = ""
    reply_to: int | None = None
    version: int = 1
    edited_at: datetime | None = None
    recalled: bool = False
    pinned: bool = False
    reactions: list[Reaction] = field(default_factory=list)
    thread: int | None = None  # seq of the message that its thread begins with
    replies: int = 0  # in the thread that begins with this message
    last_reply: int | None = None
    mentions: list[str] = field(default_factory=list)
    mention_all: bool = False
    forwarded: Forwarded | None = None
    attachments: list[Attachment] = field(default_factory=list)


class MessagePage(Struct, frozen=True):
    """Messages as of event `head_seq`, ascending; `next` is the `before_seq` of the page before."""

    messages: list[PresentMessage] = field(default_factory=list)
    head_seq: int = 0
    first_seq: int = 1
    next: int | None = None


class Thread(Struct, frozen=True):
    """A thread as this user sees it; `thread` is the seq of the message that it begins with."""

    conversation: str
    thread: int
    replies: int = 0
    last_seq: int = 0
    following: bool = False
    read_seq: int = 0
    unread: int = 0


class ThreadPlace(Struct, frozen=True):
    """Where the next page of threads starts."""

    after: str
    after_thread: int


class ThreadPage(Struct, frozen=True):
    """Some threads."""

    threads: list[Thread] = field(default_factory=list)
    next: ThreadPlace | None = None


class MessageReceipt(Struct, frozen=True):
    """How far one member is with a message; a time is None for what was long ago, too."""

    user: str
    delivered: bool = False
    delivered_at: datetime | None = None
    read: bool = False
    read_at: datetime | None = None


class MessageReceipts(Struct, frozen=True):
    """Who has got and read a message; `members` is None where they are too many to list."""

    delivered: int = 0
    read: int = 0
    members: list[MessageReceipt] | None = None


class ReceiptPrivacy(Struct, frozen=True):
    """Whether this user neither tells nor is told what was read."""

    private: bool = False


class SentPage(Struct, frozen=True):
    """Stored messages."""

    messages: list[Sent] = field(default_factory=list)


class EventPage(Struct, frozen=True):
    """A range of a conversation's log, ascending."""

    events: list[Event] = field(default_factory=list)
    head_seq: int = 0
    first_seq: int = 1


class SyncPage(Struct, frozen=True):
    """Conversations that moved since a cursor."""

    cursor: str
    more: bool = False
    full: bool = False
    conversations: list[Conversation] = field(default_factory=list)


class UserPage(Struct, frozen=True):
    """Some users."""

    users: list[User] = field(default_factory=list)


class MemberPage(Struct, frozen=True):
    """Some members, and where the next page starts."""

    members: list[Member] = field(default_factory=list)
    next: str | None = None


class ConversationPage(Struct, frozen=True):
    """Some conversations, and where the next page starts."""

    conversations: list[Conversation] = field(default_factory=list)
    next: str | None = None
