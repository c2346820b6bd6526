"""What a conversation's messages are now, made from its log: texts, reactions, pins, threads.

Pure. Feed it the events of one conversation in the order of seq, as ``client.events()`` yields
them; or begin with ``api.messages()`` and go on with the events above its ``head_seq``.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from agileim import events as ev
from agileim.models import PresentMessage, Reaction


class Transcript:
    """The messages of one conversation by seq. `me` is the user's id."""

    def __init__(self, me: str) -> None:
        self.messages: dict[int, PresentMessage] = {}
        self.outdated: set[int] = set()  # edited, but the event does not tell how: ask for them
        self._me = me

    def replace(self, messages: Iterable[PresentMessage]) -> None:
        """Take messages as the server has them."""
        for message in messages:
            self.messages[message.seq] = message
            self.outdated.discard(message.seq)

    def apply(self, event: ev.LogEvent) -> int | None:
        """Take an event; the seq of the message that it is about, if that is known here."""
        if isinstance(event, ev.Message):
            self.messages[event.seq] = _first(event)
            root = self.messages.get(event.thread or 0)
            if root is not None:
                self.messages[root.seq] = structs.replace(
                    root, replies=root.replies + 1, last_reply=event.seq
                )
            return event.seq
        target: int | None = getattr(event, "target", None)
        message = self.messages.get(target) if target is not None else None
        if message is None or message.recalled:
            return None
        match event:
            case ev.MessageEdited():
                message = structs.replace(message, version=event.version, edited_at=event.time)
                if event.text is None:
                    self.outdated.add(message.seq)
                else:
                    message = structs.replace(
                        message, text=event.text, mentions=list(event.mentions),
                        mention_all=event.mention_all,
                    )  # fmt: skip
                    self.outdated.discard(message.seq)
            case ev.MessageRecalled():
                message = _recalled(message)
                self.outdated.discard(message.seq)
            case ev.ReactionAdded():
                message = self._with(message, event.emoji, event.sender, there=True)
            case ev.ReactionRemoved():
                message = self._with(message, event.emoji, event.sender, there=False)
            case ev.MessagePinned():
                message = structs.replace(message, pinned=True)
            case ev.MessageUnpinned():
                message = structs.replace(message, pinned=False)
        self.messages[message.seq] = message
        return message.seq

    def _with(
        self, message: PresentMessage, emoji: str, user: str, *, there: bool
    ) -> PresentMessage:
        """With or without one reaction. Who reacted beyond the first few is counted only."""
        before = next((one for one in message.reactions if one.emoji == emoji), None)
        old = before or Reaction(emoji)
        users = [one for one in old.users if one != user] + ([user] if there else [])
        changed = Reaction(
            emoji,
            count=old.count + (1 if there else -1),
            mine=there if user == self._me else old.mine,
            users=users,
        )
        if before is None:
            reactions = [*message.reactions, changed]
        else:
            reactions = [changed if one is before else one for one in message.reactions]
        return structs.replace(message, reactions=[one for one in reactions if one.count > 0])


def _first(event: ev.Message) -> PresentMessage:
    return PresentMessage(
        seq=event.seq,
        sender=event.sender,
        time=event.time,
        number=event.number,
        text=event.text,
        client_msg_id=event.client_msg_id,
        reply_to=event.reply_to,
        recalled=event.recalled,
        thread=event.thread,
        mentions=list(event.mentions),
        mention_all=event.mention_all,
        forwarded=event.forwarded,
        attachments=list(event.attachments),
    )


def _recalled(message: PresentMessage) -> PresentMessage:
    return structs.replace(
        message, text="", reply_to=None, version=1, edited_at=None, recalled=True, pinned=False,
        reactions=[], mentions=[], mention_all=False, forwarded=None, attachments=[],
    )  # fmt: skip
