"""Who may change a message that was sent. Raises Problem where the answer is no."""

from __future__ import annotations

from shared.codes import ErrorCode
from shared.events import Role
from shared.limits import MESSAGE_VERSIONS_MAX, RECALL_WITHIN_S
from shared.problems import Problem


def may_edit(user: str, sender: str, *, recalled: bool) -> None:
    """One's own messages, as long as they are there."""
    if user != sender:
        raise Problem(ErrorCode.FORBIDDEN, "Only who wrote a message may edit it.")
    if recalled:
        raise Problem(ErrorCode.CONFLICT, "The message was recalled.")


def may_become(version: int, expected: int | None) -> None:
    """``expected`` is the version that the editor has seen; None: any."""
    if expected is not None and expected != version:
        raise Problem(ErrorCode.STALE, f"The message is at version {version} meanwhile.")
    if version >= MESSAGE_VERSIONS_MAX:
        raise Problem(
            ErrorCode.CONFLICT, f"A message may be edited {MESSAGE_VERSIONS_MAX - 1} times."
        )


def may_recall(user: str, sender: str, role: Role, age_s: float) -> None:
    """The owner and admins any message, all others their own within a time."""
    if role in (Role.OWNER, Role.ADMIN):
        return
    if user != sender:
        raise Problem(
            ErrorCode.FORBIDDEN, "Only who wrote a message, the owner and admins may recall it."
        )
    if age_s > RECALL_WITHIN_S:
        raise Problem(
            ErrorCode.FORBIDDEN, f"A message may be recalled for {RECALL_WITHIN_S // 3600} hours."
        )
