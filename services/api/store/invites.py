"""Invitations: links by which whoever has them may come into a group."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from services.api.domain.roles import Deed, may, need_group
from services.api.store.conversations import LOWEST_ID, lock_as_member
from services.api.store.database import Database
from services.api.store.joining import Joining
from services.api.store.log import Written, lock
from services.api.store.membership import banned_among
from shared.codes import ErrorCode
from shared.ids import is_id, new_id
from shared.limits import INVITES_MAX
from shared.problems import Problem

TOKEN_BYTES = 24  # 192 bits of chance: nobody guesses one


@dataclass(frozen=True, slots=True)
class Invite:
    """A link, as those see it who may make and revoke them."""

    id: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    uses_max: int | None
    uses: int
    approval: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """What somebody with a link is shown before they come in."""

    id: str
    name: str
    topic: str
    description: str
    avatar: str | None
    member_count: int
    approval: bool
    expires_at: datetime | None


_COLUMNS = "id::text, created_by::text, created_at, expires_at, uses_max, uses, approval"
_GOOD = """
    revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
    AND (uses_max IS NULL OR uses < uses_max)
"""


def no_invite() -> Problem:
    """For links that never were, are used up, over or revoked, and for who is banned: alike."""
    return Problem(ErrorCode.NOT_FOUND, "This invitation is not good (any more).", field="token")


class Invites:
    """Table ``invites``: only a hash of each token. Methods raise Problem, and StoreError."""

    def __init__(self, database: Database, joining: Joining) -> None:
        self._database = database
        self._joining = joining

    async def create(
        self, conversation: str, actor: str, *, expires_in_s: int | None, uses_max: int | None,
        approval: bool,
    ) -> tuple[Invite, str]:  # fmt: skip
        """(The invitation, its token, which is told this once)."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        async with self._database.transaction() as transaction:
            locked, role = await lock_as_member(transaction, conversation, actor)
            need_group(locked[conversation].kind)
            may(role, Deed.INVITE)
            row = await transaction.fetch_one(
                f"SELECT count(*) FROM invites WHERE conversation_id = %s AND {_GOOD}",  # noqa: S608
                (conversation,),
            )
            if row is not None and row[0] >= INVITES_MAX:
                raise Problem(
                    ErrorCode.CONFLICT, f"A group has at most {INVITES_MAX} invitations at a time."
                )
            made = await transaction.fetch_one(
                f"""
                INSERT INTO invites (id, conversation_id, token_hash, created_by, expires_at,
                    uses_max, approval)
                VALUES (%s, %s, %s, %s, clock_timestamp() + make_interval(secs => %s), %s, %s)
                RETURNING {_COLUMNS}
                """,  # noqa: S608 - constants
                (new_id(), conversation, _hash(token), actor, expires_in_s, uses_max, approval),
            )
            assert made is not None
            return Invite(*made), token

    async def page(self, conversation: str, actor: str, after: str, limit: int) -> list[Invite]:
        """The good ones, in the order of ids, above ``after``."""
        async with self._database.transaction() as transaction:
            _, role = await lock_as_member(transaction, conversation, actor)
            may(role, Deed.INVITE)
            rows = await transaction.fetch_all(
                f"SELECT {_COLUMNS} FROM invites"  # noqa: S608 - constants
                f" WHERE conversation_id = %s AND id > %s AND {_GOOD} ORDER BY id LIMIT %s",
                (conversation, after or LOWEST_ID, limit),
            )
        return [Invite(*row) for row in rows]

    async def revoke(self, conversation: str, actor: str, invite: str) -> None:
        """It is good for nothing any more. The same again changes nothing."""
        async with self._database.transaction() as transaction:
            _, role = await lock_as_member(transaction, conversation, actor)
            may(role, Deed.INVITE)
            found = is_id(invite) and await transaction.execute(
                "UPDATE invites SET revoked_at = coalesce(revoked_at, clock_timestamp())"
                " WHERE id = %s AND conversation_id = %s",
                (invite, conversation),
            )
            if not found:
                raise Problem(ErrorCode.NOT_FOUND, "There is no such invitation.")

    async def preview(self, token: str, user: str) -> Preview:
        """What the link leads to."""
        row = await self._database.fetch_one(
            f"""
            SELECT c.id::text, c.name, coalesce(d.topic, ''), coalesce(d.description, ''),
                d.avatar::text, c.member_count, i.approval, i.expires_at
            FROM invites i JOIN conversations c ON c.id = i.conversation_id
            LEFT JOIN conversation_details d ON d.conversation_id = c.id
            WHERE i.token_hash = %s AND {_GOOD}
            """,  # noqa: S608 - constants
            (_hash(token),),
        )
        if row is None or await banned_among(self._database, row[0], [user]):
            raise no_invite()
        preview: Preview = Preview(*row)
        return preview

    async def accept(self, token: str, user: str, message: str) -> tuple[str, str, Written | None]:
        """Come in by a link, or ask to: (conversation, "member" or "requested", what was written).

        Who is in already, or asks already, uses nothing up.
        """
        conversation = (await self.preview(token, user)).id
        inboxes = await self._joining.involved(conversation, user)
        async with self._database.transaction() as transaction:
            locked = await lock(transaction, [conversation, *inboxes.values()])
            row = await transaction.fetch_one(
                f"SELECT id, approval FROM invites WHERE token_hash = %s AND {_GOOD} FOR UPDATE",  # noqa: S608
                (_hash(token),),
            )
            if row is None:
                raise no_invite()
            state, written = await self._joining.let_in(
                transaction, locked, conversation, user, message, inboxes,
                joining="request" if row[1] else "open",
            )  # fmt: skip
            if written is not None:
                await transaction.execute(
                    "UPDATE invites SET uses = uses + 1 WHERE id = %s", (row[0],)
                )
        return conversation, state, written


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
