"""What stands beside a message's event: whom it mentions, its thread, the files it carries.

Asked for before messages are stored, written with them; both only for those that have any, so that
the many plain ones do not pay for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from services.api.domain.message import Draft
from services.api.store.attachments import attach, described
from services.api.store.database import Database, Transaction
from services.api.store.mentions import with_mentions, write_mentions
from services.api.store.replies import misdirected
from services.api.store.threads import write_reply
from shared.codes import ErrorCode
from shared.internal import Appended, NotAppended
from shared.limits import MENTIONS_MAX

_NO_SUCH_MESSAGE: Final = "There is no such message in this conversation."
_NO_SUCH_THREAD: Final = NotAppended(
    ErrorCode.INVALID, "There is no such message in this conversation, or it is itself a reply in"
    " a thread.", "body.thread",
)  # fmt: skip
_NO_SUCH_FILE: Final = NotAppended(
    ErrorCode.INVALID,
    "One of these files does not exist, is not complete, or may not be seen.",
    "body.attachments",
)
_TOO_MANY_MENTIONS: Final = NotAppended(
    ErrorCode.INVALID, f"mentions more than {MENTIONS_MAX} people", "body.text"
)


async def completed(
    database: Database, drafts: Sequence[Draft]
) -> tuple[Sequence[Draft], dict[int, NotAppended]]:
    """(The drafts with all that their bodies tell, refusals by index). Raises StoreError."""
    refused: dict[int, NotAppended] = {}
    if any(one.reply_to or one.thread for one in drafts):
        replies, threads = await misdirected(database, drafts)
        no_message = NotAppended(ErrorCode.INVALID, _NO_SUCH_MESSAGE, "body.reply_to")
        refused |= dict.fromkeys(threads, _NO_SUCH_THREAD) | dict.fromkeys(replies, no_message)
    if any(b"@" in one.body and not one.plain for one in drafts):
        drafts, many = await with_mentions(database, drafts)
        refused |= dict.fromkeys(many, _TOO_MANY_MENTIONS)
    if any(one.attachments for one in drafts):
        drafts, unknown = await described(database, drafts)
        refused |= dict.fromkeys(unknown, _NO_SUCH_FILE)
    return drafts, refused


def has_companions(draft: Draft) -> bool:
    """Whether more than its event is to be written."""
    return bool(draft.attachments or draft.mentions or draft.thread)


async def write_companions(
    transaction: Transaction, drafts: Sequence[Draft], results: Sequence[Appended | NotAppended]
) -> None:
    """For the messages that are new."""
    new = [
        (one, result.seq) for one, result in zip(drafts, results, strict=True)
        if isinstance(result, Appended) and not result.repeat and has_companions(one)
    ]  # fmt: skip
    carried = [(one.conversation, seq, one.attachments) for one, seq in new if one.attachments]
    if carried:
        await attach(transaction, carried)
    await write_mentions(
        transaction, [(one.conversation, seq, one.sender, one.mentions) for one, seq in new]
    )
    for one, seq in new:
        if one.thread:
            await write_reply(
                transaction, one.conversation, one.thread, seq, one.sender, one.mentions
            )
