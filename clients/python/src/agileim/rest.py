"""The REST interface ``/v1``, typed."""

from __future__ import annotations

from agileim.calls.bots import BotCalls
from agileim.calls.contacts import ContactCalls
from agileim.calls.conversations import ConversationCalls
from agileim.calls.files import FileCalls
from agileim.calls.groups import GroupCalls
from agileim.calls.log import LogCalls
from agileim.calls.messages import MessageCalls
from agileim.calls.people import PeopleCalls
from agileim.calls.search import SearchCalls
from agileim.calls.threads import ThreadCalls


class Api(
    BotCalls,
    ContactCalls,
    ConversationCalls,
    FileCalls,
    GroupCalls,
    LogCalls,
    MessageCalls,
    PeopleCalls,
    SearchCalls,
    ThreadCalls,
):
    """The calls. All raise :class:`~agileim.Refused` (often :class:`~agileim.NotFound`),
    :class:`~agileim.Unreachable` and :class:`~agileim.SignedOut`."""
