"""The REST interface ``/v1``, typed."""

from __future__ import annotations

from agileim.calls.bots import BotCalls
from agileim.calls.conversations import ConversationCalls
from agileim.calls.log import LogCalls
from agileim.calls.messages import MessageCalls
from agileim.calls.people import PeopleCalls


class Api(BotCalls, PeopleCalls, ConversationCalls, MessageCalls, LogCalls):
    """The calls. All raise :class:`~agileim.Refused` (often :class:`~agileim.NotFound`),
    :class:`~agileim.Unreachable` and :class:`~agileim.SignedOut`."""
