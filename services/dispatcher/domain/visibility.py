"""Who may see whether somebody is here, and hear them type."""

from __future__ import annotations

from typing import Literal

Audience = Literal["everyone", "contacts", "nobody"]


class Card:
    """What api says of one person. A block counts both ways, whoever has made it."""

    __slots__ = ("audience", "blocked", "contacts", "last_seen_ms")

    def __init__(
        self, audience: Audience, contacts: frozenset[str], blocked: frozenset[str],
        last_seen_ms: int,
    ) -> None:  # fmt: skip
        self.audience = audience
        self.contacts = contacts  # only where the audience is made of them
        self.blocked = blocked  # those whom one has blocked, and those who have blocked one
        self.last_seen_ms = last_seen_ms  # Unix time; 0: never, or long ago

    def shows_to(self, viewer: str) -> bool:
        """Whether the viewer sees if and when the person is here."""
        if viewer in self.blocked:
            return False
        return self.audience == "everyone" or (
            self.audience == "contacts" and viewer in self.contacts
        )

    def reaches(self, other: str) -> bool:
        """Whether the other one hears the person type."""
        return other not in self.blocked


# Of somebody whom api does not know.
UNSEEN = Card("nobody", frozenset(), frozenset(), 0)
