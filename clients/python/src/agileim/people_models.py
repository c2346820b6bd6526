"""What the REST interface answers about people."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, field

from agileim.models import User


class Status(Struct, frozen=True):
    """What somebody is up to, until then; without an end, what they sign with."""

    text: str = ""
    emoji: str = ""
    until: datetime | None = None


class Profile(Struct, frozen=True):
    """A person as this user sees them; what they do not tell or show is empty."""

    id: str
    handle: str
    display_name: str = ""
    avatar: str | None = None
    status: Status | None = None
    time_zone: str = ""
    language: str = ""
    last_seen_at: datetime | None = None

    @property
    def label(self) -> str:
        """The name to show."""
        return self.display_name or self.handle


class Privacy(Struct, frozen=True):
    """Who may see and reach one: ``everyone``, ``contacts``, for `presence` also ``nobody``."""

    presence: str = "everyone"
    messages: str = "everyone"
    groups: str = "everyone"
    find_by_name: bool = True
    find_by_email: bool = False
    find_by_phone: bool = False


class Me(Profile, frozen=True):
    """One's own profile; `version` is for changes."""

    version: int = 1
    phone: str = ""
    privacy: Privacy = Privacy()


class Relation(Struct, frozen=True):
    """What another person is to one: `state` is ``none``, ``asked``, ``asks`` or ``contact``;
    `text` is that of the request that waits; `blocked`: by oneself."""

    user: str
    state: str = "none"
    note: str = ""
    text: str = ""
    blocked: bool = False


class Contact(Struct, frozen=True):
    """Somebody one knows, and what one calls them for oneself."""

    user: User
    note: str = ""
    since: datetime | None = None


class ContactPage(Struct, frozen=True):
    """Some contacts."""

    contacts: list[Contact] = field(default_factory=list)
    next: str | None = None


class ContactRequest(Struct, frozen=True):
    """Somebody who asks, or is asked."""

    user: User
    text: str = ""
    time: datetime | None = None


class ContactRequestPage(Struct, frozen=True):
    """Some requests."""

    requests: list[ContactRequest] = field(default_factory=list)
    next: str | None = None


class Block(Struct, frozen=True):
    """Somebody one has blocked."""

    user: User
    since: datetime | None = None


class BlockPage(Struct, frozen=True):
    """Some blocks."""

    blocks: list[Block] = field(default_factory=list)
    next: str | None = None


class PeoplePage(Struct, frozen=True):
    """Some people."""

    people: list[User] = field(default_factory=list)
    next: str | None = None
