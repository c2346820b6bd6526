"""Who calls, and what each of them is to be answered.

A row of the table names one of these in a word: ``members(200)``, ``managers(204)``, …; what
differs from the word is given by the actor's name: ``members(204, muted=FORBIDDEN)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from shared.codes import ErrorCode


class Actor(StrEnum):
    """Everybody who may knock. The group of the scene is meant where nothing else is said."""

    ANONYMOUS = "anonymous"  # no token
    STRANGER = "stranger"  # signed in, shares nothing with anybody
    MEMBER = "member"
    MUTED = "muted"  # a member who may not speak now
    ADMIN = "admin"
    OWNER = "owner"
    FORMER = "former"  # was a member until a moment ago
    BLOCKED = "blocked"  # a member whom `target`, the person acted upon, has blocked
    NARROW_SERVICE = "narrow_service"  # a service whose token lacks the scope
    SERVICE = "service"  # a service with the scope; internal routes only


PEOPLE: Final = (
    Actor.STRANGER,
    Actor.MEMBER,
    Actor.MUTED,
    Actor.ADMIN,
    Actor.OWNER,
    Actor.FORMER,
    Actor.BLOCKED,
)
OUTSIDERS: Final = (Actor.STRANGER, Actor.FORMER)
ORDINARY: Final = (Actor.MEMBER, Actor.MUTED, Actor.BLOCKED)

# A status of success, an error code, or in a frame's row the word for what happens.
Expected = int | ErrorCode | str
Answers = Mapping[Actor, Expected]

UNAUTHENTICATED: Final = ErrorCode.UNAUTHENTICATED
FORBIDDEN: Final = ErrorCode.FORBIDDEN
NOT_FOUND: Final = ErrorCode.NOT_FOUND
CONFLICT: Final = ErrorCode.CONFLICT
INVALID: Final = ErrorCode.INVALID


def public(expected: Expected, **changes: Expected) -> Answers:
    """Anybody, with or without a token."""
    everyone = (Actor.ANONYMOUS, *PEOPLE, Actor.NARROW_SERVICE)
    return _changed(dict.fromkeys(everyone, expected), changes)


def signed_in(expected: Expected, **changes: Expected) -> Answers:
    """Every person with a token."""
    answers: dict[Actor, Expected] = dict.fromkeys(PEOPLE, expected)
    answers |= dict.fromkeys((Actor.ANONYMOUS, Actor.NARROW_SERVICE), UNAUTHENTICATED)
    return _changed(answers, changes)


def members(expected: Expected, **changes: Expected) -> Answers:
    """Members of the conversation; for all others it does not exist."""
    answers = dict(signed_in(expected))
    answers |= dict.fromkeys(OUTSIDERS, NOT_FOUND)
    return _changed(answers, changes)


def managers(expected: Expected, **changes: Expected) -> Answers:
    """The owner and admins."""
    return _changed(dict(members(expected)) | dict.fromkeys(ORDINARY, FORBIDDEN), changes)


def owner(expected: Expected, **changes: Expected) -> Answers:
    """The owner alone."""
    return _changed(dict(managers(expected)) | {Actor.ADMIN: FORBIDDEN}, changes)


def service(expected: Expected, **changes: Expected) -> Answers:
    """A service with the row's scope; for people these routes want another kind of token."""
    answers: dict[Actor, Expected] = dict.fromkeys((Actor.ANONYMOUS, *PEOPLE), UNAUTHENTICATED)
    answers |= {Actor.NARROW_SERVICE: FORBIDDEN, Actor.SERVICE: expected}
    return _changed(answers, changes)


def _changed(answers: dict[Actor, Expected], changes: Mapping[str, Expected]) -> Answers:
    return answers | {Actor(name): expected for name, expected in changes.items()}
