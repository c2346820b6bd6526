"""Who may do what in a group. Raises Problem where the answer is no."""

from __future__ import annotations

from shared.codes import ErrorCode
from shared.events import ConversationKind, Role
from shared.problems import Problem

_RANK = {Role.MEMBER: 0, Role.ADMIN: 1, Role.OWNER: 2}


def need_group(kind: str) -> None:
    """Names, roles and comings and goings exist in groups only."""
    if kind != ConversationKind.GROUP:
        raise Problem(ErrorCode.CONFLICT, "That is possible in groups only.")


def may_manage(actor: Role) -> None:
    """Rename the group and add members: admins and the owner."""
    if _RANK[actor] < _RANK[Role.ADMIN]:
        raise Problem(ErrorCode.FORBIDDEN, "Only the owner and admins may do that.")


def may_remove(actor: Role, target: Role) -> None:
    """The owner removes anybody, an admin removes members without a special role."""
    may_manage(actor)
    if _RANK[target] >= _RANK[actor]:
        raise Problem(ErrorCode.FORBIDDEN, "Only somebody above this member may remove them.")


def may_set_roles(actor: Role) -> None:
    """Give roles, and hand the group over: the owner."""
    if actor is not Role.OWNER:
        raise Problem(ErrorCode.FORBIDDEN, "Only the owner may do that.")


def may_leave(actor: Role, member_count: int) -> None:
    """The owner leaves last, or hands the group over first."""
    if actor is Role.OWNER and member_count > 1:
        raise Problem(
            ErrorCode.CONFLICT, "Hand the group over to another member before you leave it."
        )
