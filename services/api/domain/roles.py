"""Who may do what in a group: one table. Raises Problem where the answer is no."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from shared.codes import ErrorCode
from shared.events import ConversationKind, Role
from shared.problems import Problem

_RANK: Final = {Role.MEMBER: 0, Role.ADMIN: 1, Role.OWNER: 2}


class Deed(StrEnum):
    """What can be done in a group beside talking."""

    CHANGE = "change its name, topic, description and picture"
    OPEN = "decide who may enter and who may write"
    ADD = "add members"
    INVITE = "make and revoke invitations"
    ADMIT = "answer those who ask to join"
    REMOVE = "remove a member"
    SILENCE = "silence a member"
    BAN = "ban and unban"
    MODERATE = "recall the messages of others"
    MENTION_ALL = "mention everybody"
    WRITE_ANNOUNCEMENTS = "write where only announcements are"
    SET_ROLES = "give roles"
    HAND_OVER = "hand it over"
    DISSOLVE = "dissolve it"


_ADMINS: Final = frozenset({Role.OWNER, Role.ADMIN})
_OWNER: Final = frozenset({Role.OWNER})

# The permission table. What is done to a member needs a rank above theirs, too: `may_to`.
ALLOWED: Final = {
    Deed.CHANGE: _ADMINS,
    Deed.OPEN: _ADMINS,
    Deed.ADD: _ADMINS,
    Deed.INVITE: _ADMINS,
    Deed.ADMIT: _ADMINS,
    Deed.REMOVE: _ADMINS,
    Deed.SILENCE: _ADMINS,
    Deed.BAN: _ADMINS,
    Deed.MODERATE: _ADMINS,
    Deed.MENTION_ALL: _ADMINS,
    Deed.WRITE_ANNOUNCEMENTS: _ADMINS,
    Deed.SET_ROLES: _OWNER,
    Deed.HAND_OVER: _OWNER,
    Deed.DISSOLVE: _OWNER,
}


def need_group(kind: str) -> None:
    """Names, roles and comings and goings exist in groups only."""
    if kind != ConversationKind.GROUP:
        raise Problem(ErrorCode.CONFLICT, "That is possible in groups only.")


def is_allowed(actor: Role, deed: Deed) -> bool:
    """What the table says."""
    return actor in ALLOWED[deed]


def may(actor: Role, deed: Deed) -> None:
    """Raises Problem unless the table allows it."""
    if not is_allowed(actor, deed):
        who = "the owner" if ALLOWED[deed] == _OWNER else "the owner and admins"
        raise Problem(ErrorCode.FORBIDDEN, f"Only {who} may {deed}.")


def may_to(actor: Role, deed: Deed, target: Role) -> None:
    """The same for what is done to a member: they must stand below the actor."""
    may(actor, deed)
    if _RANK[target] >= _RANK[actor]:
        raise Problem(ErrorCode.FORBIDDEN, "Only somebody above this member may do that.")


def may_leave(actor: Role, member_count: int) -> None:
    """The owner leaves last, or hands the group over first."""
    if actor is Role.OWNER and member_count > 1:
        raise Problem(
            ErrorCode.CONFLICT, "Hand the group over to another member before you leave it."
        )


def may_claim(actor: Role, *, owner_disabled: bool, has_admins: bool) -> None:
    """A group whose owner's account is disabled is taken over by an admin; without admins, by any
    member: ownership is never lost."""
    if not owner_disabled or (has_admins and actor is not Role.ADMIN):
        may(actor, Deed.HAND_OVER)
