"""Files: how they come, and who may see them. Their content is in the blob store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.api.store.database import Database, Row, Transaction
from shared.codes import ErrorCode
from shared.ids import is_id, new_id
from shared.limits import FILES_QUOTA_BYTES, UPLOAD_LIFE_S, UPLOAD_PARTS_MAX, UPLOADS_MAX
from shared.problems import Problem

COLLECT_GRACE_S: Final = 300  # longer than any send takes: none can race with the collection


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way."""

    id: str
    user: str
    name: str
    claimed_type: str
    size: int
    received: int
    parts: list[int]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class File:
    """A file that is there."""

    id: str
    name: str
    type: str
    size: int
    width: int | None
    height: int | None
    placeholder: str
    thumbnail_size: int | None
    digest: bytes
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Finish:
    """What was found out about an upload when its last byte had come."""

    type: str
    digest: bytes
    width: int | None = None
    height: int | None = None
    placeholder: str = ""
    thumbnail_size: int | None = None


FILE_COLUMNS: Final = (
    "f.id::text, f.name, f.type, f.size, f.width, f.height, f.placeholder, f.thumbnail_size,"
    " f.digest, f.created_at"
)
_UPLOAD_COLUMNS: Final = (
    "id::text, user_id::text, name, claimed_type, size, received, parts, kept_until"
)
# Who sees a file: who uploaded it, who is shown a message with it, who sees what it is the picture
# of. `f` is the file, %(user)s the one who asks.
MAY_SEE: Final = """
    (f.user_id = %(user)s OR EXISTS (
        SELECT FROM attachments a JOIN members m ON m.conversation_id = a.conversation_id
        WHERE a.file_id = f.id AND m.user_id = %(user)s AND m.left_seq IS NULL
            AND a.seq >= m.first_seq
    ) OR EXISTS (
        SELECT FROM users p WHERE p.avatar = f.id
    ) OR EXISTS (
        SELECT FROM conversation_details d
        LEFT JOIN members m ON m.conversation_id = d.conversation_id AND m.user_id = %(user)s
            AND m.left_seq IS NULL
        WHERE d.avatar = f.id AND (d.visibility = 'public' OR m.user_id IS NOT NULL)
    ))
"""


def file_of(row: Row) -> File:
    """From FILE_COLUMNS."""
    file: File = File(*(*row[:8], bytes(row[8]), row[9]))
    return file


def no_file() -> Problem:
    """For what is not there and for what may not be seen."""
    return Problem(ErrorCode.NOT_FOUND, "There is no such file, or you may not see it.")


class Files:
    """Tables ``files`` and ``file_usage``. Methods raise Problem, and StoreError."""

    def __init__(self, database: Database, *, quota_bytes: int = FILES_QUOTA_BYTES) -> None:
        self._database = database
        self.quota_bytes = quota_bytes

    async def begin(self, user: str, name: str, claimed_type: str, size: int) -> Upload:
        """Note that a file is about to come, and keep room for it."""
        async with self._database.transaction() as transaction:
            # The row of the person's usage is locked: two uploads at once cannot share the rest.
            room = await transaction.fetch_one(
                """
                INSERT INTO file_usage AS u (user_id, bytes) VALUES (%(user)s, %(size)s)
                ON CONFLICT (user_id) DO UPDATE SET bytes = u.bytes + excluded.bytes
                RETURNING u.bytes <= %(quota)s
                """,
                {"user": user, "size": size, "quota": self.quota_bytes},
            )
            if room != (True,):
                raise Problem(
                    ErrorCode.TOO_LARGE,
                    f"All your files together may have {self.quota_bytes} bytes.",
                    field="quota",
                )
            waiting = await transaction.fetch_one(
                "SELECT count(*) FROM (SELECT FROM files WHERE user_id = %s"
                " AND finished_at IS NULL AND kept_until > now() LIMIT %s) w",
                (user, UPLOADS_MAX),
            )
            if waiting is not None and waiting[0] >= UPLOADS_MAX:
                raise Problem(
                    ErrorCode.CONFLICT, f"Finish one of your {UPLOADS_MAX} uploads first."
                )
            row = await transaction.fetch_one(
                f"""
                INSERT INTO files (id, user_id, name, claimed_type, size, kept_until)
                VALUES (%s, %s, %s, %s, %s, now() + %s * interval '1 second')
                RETURNING {_UPLOAD_COLUMNS}
                """,  # noqa: S608 - constants
                (new_id(), user, name, claimed_type, size, UPLOAD_LIFE_S),
            )
        assert row is not None
        return Upload(*row)

    async def upload(self, file: str, user: str) -> Upload:
        """An upload of this person; also one that is complete."""
        row = None
        if is_id(file):
            row = await self._database.fetch_one(
                f"SELECT {_UPLOAD_COLUMNS} FROM files"  # noqa: S608 - constants
                " WHERE id = %s AND user_id = %s AND NOT doomed"
                " AND (finished_at IS NOT NULL OR kept_until > now())",
                (file, user),
            )
        if row is None:
            raise Problem(ErrorCode.NOT_FOUND, "There is no such upload.")
        return Upload(*row)

    async def advance(self, upload: Upload, length: int) -> Upload | None:
        """Note that a part has been stored; None if another request was faster."""
        row = await self._database.fetch_one(
            f"""
            UPDATE files SET received = received + %s, parts = parts || received
            WHERE id = %s AND received = %s AND finished_at IS NULL AND NOT doomed
                AND cardinality(parts) < %s
            RETURNING {_UPLOAD_COLUMNS}
            """,  # noqa: S608 - constants
            (length, upload.id, upload.received, UPLOAD_PARTS_MAX),
        )
        return None if row is None else Upload(*row)

    async def finish(self, upload: Upload, found: Finish) -> bool:
        """The file is there; False if another request was faster, or it was given up."""
        return await self._database.execute(
            """
            UPDATE files SET finished_at = now(), received = size, parts = '{}', type = %s,
                digest = %s, width = %s, height = %s, placeholder = %s, thumbnail_size = %s,
                kept_until = now() + %s * interval '1 second'
            WHERE id = %s AND finished_at IS NULL AND NOT doomed
            """,
            (
                found.type, found.digest, found.width, found.height, found.placeholder,
                found.thumbnail_size, UPLOAD_LIFE_S, upload.id,
            ),
        ) > 0  # fmt: skip

    async def give_up(self, file: str, user: str) -> None:
        """Doom a file of this person that nothing refers to; the collector does the rest."""
        upload = await self.upload(file, user)
        doomed = await self._database.execute(
            "UPDATE files f SET doomed = true, kept_until = now() WHERE id = %s"
            " AND kept_until IS NOT NULL"
            " AND NOT EXISTS (SELECT FROM attachments a WHERE a.file_id = f.id)",
            (upload.id,),
        )
        if not doomed:
            raise Problem(ErrorCode.CONFLICT, "A message carries this file: recall the message.")

    async def seen_by(self, user: str, files: Sequence[str]) -> list[File]:
        """Those of these files that are there and that this person may see."""
        rows = await self._database.fetch_all(
            f"""
            SELECT {FILE_COLUMNS} FROM files f
            WHERE f.id = ANY(%(files)s::uuid[]) AND f.finished_at IS NOT NULL AND NOT f.doomed
                AND {MAY_SEE}
            """,  # noqa: S608 - constants
            {"files": [file for file in files if is_id(file)], "user": user},
        )
        return [file_of(row) for row in rows]

    async def one(self, user: str, file: str) -> File:
        """A file that this person may see."""
        found = await self.seen_by(user, [file])
        if not found:
            raise no_file()
        return found[0]

    async def own(self, user: str, after: str, limit: int) -> list[File]:
        """The person's own files in the order of ids, which is that of time, above ``after``."""
        rows = await self._database.fetch_all(
            f"SELECT {FILE_COLUMNS} FROM files f"  # noqa: S608 - constants
            " WHERE f.user_id = %s AND f.id > %s AND f.finished_at IS NOT NULL AND NOT f.doomed"
            " ORDER BY f.id LIMIT %s",
            (user, after, limit),
        )
        return [file_of(row) for row in rows]

    async def used_bytes(self, user: str) -> int:
        """What the person's files take up, unfinished ones included."""
        row = await self._database.fetch_one(
            "SELECT bytes FROM file_usage WHERE user_id = %s", (user,)
        )
        return int(row[0]) if row is not None else 0

    async def link_key(self) -> bytes:
        """Signs links to files; the same for all replicas."""
        row = await self._database.fetch_one("SELECT link_key FROM installation")
        assert row is not None
        return bytes(row[0])

    async def doom(self, limit: int) -> list[tuple[str, list[int]]]:
        """Files whose content is to be deleted, with the parts of unfinished ones.

        Those that are refered to after all are kept. What was doomed before and is still there is
        told again: then somebody died amid the deletion.
        """
        rows = await self._database.fetch_all(
            """
            WITH due AS MATERIALIZED (
                SELECT id FROM files WHERE kept_until < now() ORDER BY kept_until LIMIT %s
                FOR UPDATE SKIP LOCKED
            ), kept AS (
                UPDATE files f SET kept_until = NULL FROM due WHERE f.id = due.id
                    AND EXISTS (SELECT FROM attachments a WHERE a.file_id = f.id)
            )
            UPDATE files f SET doomed = true FROM due WHERE f.id = due.id
                AND NOT EXISTS (SELECT FROM attachments a WHERE a.file_id = f.id)
            RETURNING f.id::text, f.parts
            """,
            (limit,),
        )
        return [(row[0], row[1]) for row in rows]

    async def forget(self, files: Sequence[str]) -> None:
        """The content of these doomed files is gone; their room is free again."""
        await self._database.execute(
            """
            WITH gone AS (
                DELETE FROM files WHERE id = ANY(%s::uuid[]) AND doomed RETURNING user_id, size
            )
            UPDATE file_usage u SET bytes = greatest(u.bytes - g.bytes, 0)
            FROM (SELECT user_id, sum(size) AS bytes FROM gone GROUP BY user_id) g
            WHERE u.user_id = g.user_id
            """,
            (list(files),),
        )


async def keep_picture(transaction: Transaction, user: str, file: str) -> None:
    """A file becomes the picture of somebody or something: one of the user's own, complete.

    Raises Problem.
    """
    kept = await transaction.execute(
        "UPDATE files SET kept_until = NULL WHERE id = %s AND user_id = %s"
        " AND finished_at IS NOT NULL AND type LIKE 'image/%%' AND NOT doomed",
        (file, user),
    )
    if not kept:
        raise Problem(ErrorCode.INVALID, "There is no such picture of yours.", field="avatar")


async def release(transaction: Transaction, files: Sequence[str]) -> None:
    """Something no longer refers to these files: they are collected unless something else does."""
    await transaction.execute(
        """
        UPDATE files f SET kept_until = clock_timestamp() + %s * interval '1 second'
        WHERE f.id = ANY(%s::uuid[]) AND f.kept_until IS NULL
            AND NOT EXISTS (SELECT FROM attachments a WHERE a.file_id = f.id)
            AND NOT EXISTS (SELECT FROM users p WHERE p.avatar = f.id)
            AND NOT EXISTS (SELECT FROM conversation_details d WHERE d.avatar = f.id)
        """,
        (COLLECT_GRACE_S, list(files)),
    )
