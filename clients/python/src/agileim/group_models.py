"""What the REST interface answers about groups: public ones, invitations, requests, bans."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, field

from agileim.models import User


class Channel(Struct, frozen=True):
    """A public group as anybody sees it. `joining`: ``open`` or ``request``; `state` is that of
    this user: ``none``, ``requested`` or ``member``."""

    id: str
    name: str
    topic: str = ""
    description: str = ""
    avatar: str | None = None
    member_count: int = 0
    joining: str = ""
    announcement: bool = False
    state: str = "none"


class ChannelPage(Struct, frozen=True):
    """Some public groups, and where the next page starts."""

    channels: list[Channel] = field(default_factory=list)
    next: str | None = None


class Joined(Struct, frozen=True):
    """`state`: ``member``, or ``requested`` as long as nobody has answered."""

    conversation: str
    state: str


class JoinRequest(Struct, frozen=True):
    """Somebody who asks to come in."""

    user: User
    created_at: datetime
    message: str = ""


class JoinRequestPage(Struct, frozen=True):
    """Some requests, and where the next page starts."""

    requests: list[JoinRequest] = field(default_factory=list)
    next: str | None = None


class Invite(Struct, frozen=True):
    """A link into a group. `token` is there only where it was just made."""

    id: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None = None
    uses_max: int | None = None
    uses: int = 0
    approval: bool = False
    token: str = ""


class InvitePage(Struct, frozen=True):
    """Some invitations, and where the next page starts."""

    invites: list[Invite] = field(default_factory=list)
    next: str | None = None


class InvitePreview(Struct, frozen=True):
    """What a link leads to; with `approval` one has to ask first."""

    id: str
    name: str
    topic: str = ""
    description: str = ""
    avatar: str | None = None
    member_count: int = 0
    approval: bool = False
    expires_at: datetime | None = None


class Ban(Struct, frozen=True):
    """Somebody who may not be in a group."""

    user: User
    banned_by: str
    created_at: datetime
    reason: str = ""


class BanPage(Struct, frozen=True):
    """Some of them, and where the next page starts."""

    bans: list[Ban] = field(default_factory=list)
    next: str | None = None
