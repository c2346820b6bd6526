"""Messages that are to be said again elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from services.api.domain.message import Draft
from services.api.store.conversations import not_found
from services.api.store.database import Database
from services.api.store.messages import no_message
from services.api.store.snapshots import Present, Snapshots
from shared.ids import is_id

_encode: Final = msgspec.json.Encoder().encode


class Forwards:
    """Makes drafts of messages that are there. Methods raise Problem, and StoreError."""

    def __init__(self, database: Database) -> None:
        self._snapshots = Snapshots(database)

    async def drafts(
        self, source: str, target: str, user: str, messages: Sequence[tuple[int, str]], trace: str
    ) -> list[Draft]:
        """Drafts of (seq, client_msg_id) of ``source``, with who said them first: as they are now,
        without what is attached to them there. Only what the user may see can be forwarded."""
        if not is_id(target):
            raise not_found()
        found = await self._snapshots.by_seq(source, user, [seq for seq, _ in messages])
        present = {one.seq: one for one in found if not one.recalled}
        if any(seq not in present for seq, _ in messages):
            raise no_message()
        return [_draft(present[seq], source, target, user, key, trace) for seq, key in messages]


def _draft(message: Present, source: str, target: str, user: str, key: str, trace: str) -> Draft:
    """One that was forwarded before keeps its first origin."""
    origin = message.forwarded or {
        "conversation": source, "seq": message.seq, "sender": message.sender, "time": message.time,
    }  # fmt: skip
    body: dict[str, Any] = {"text": message.text, "forwarded": origin}
    files = tuple(file["id"] for file in message.attachments)
    return Draft(target, user, key, _encode(body), trace=trace, attachments=files, plain=True)
