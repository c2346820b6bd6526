"""Delivered and read marks on their way to api: only the newest of each member counts."""

from __future__ import annotations

from typing import Final

from services.gateway.metrics import GatewayMetrics
from services.gateway.stopping import Stop
from shared.internal import ReceiptMark, ReceiptsReply, ReceiptsRequest
from shared.logs import get_logger
from shared.service_client import ApiClient, ApiRefused, ApiUnavailable

PATH: Final = "/internal/v1/receipts"
EVERY_S: Final = 0.5
# A mark costs the system about 0.1 ms, whether it moves by one event or by many. So many marks wait
# for each other longer: 500 of them for 1 s more, which takes two thirds off their cost.
MARK_S: Final = 0.002
EVERY_MAX_S: Final = 2.0
# Of a large conversation nobody is told live how far others have got (RECEIPTS_MAX_MEMBERS). Its
# marks are many and wait longer still.
UNSHOWN_EVERY_S: Final = 10.0
TIMEOUT_S: Final = 5.0
REQUEST_MAX: Final = 500  # marks in one request
WAITING_MAX: Final = 200_000  # while api is away; then new members' marks wait for their next ack


class Receipts:
    """Gathers marks, reports them every EVERY_S; less often when they are many."""

    def __init__(self, api: ApiClient, metrics: GatewayMetrics, *, stop: Stop) -> None:
        self._api = api
        self._metrics = metrics
        self._stop = stop
        self._marks: dict[tuple[str, str], list[int]] = {}  # → [delivered, read]
        self._unshown: dict[tuple[str, str], int] = {}  # → delivered

    @property
    def waiting(self) -> int:
        """Members whose marks have not been reported yet."""
        return len(self._marks) + len(self._unshown)

    def delivered(self, user: str, conversation: str, seq: int, *, shown: bool = True) -> None:
        """A device of ``user`` has got the conversation up to ``seq``. ``shown``: others may be
        waiting to see that."""
        if shown:
            self._raise(user, conversation, seq, 0)
        elif len(self._unshown) < WAITING_MAX:
            key = (user, conversation)
            self._unshown[key] = max(seq, self._unshown.get(key, 0))

    def read(self, user: str, conversation: str, seq: int) -> None:
        """``user`` has read the conversation up to ``seq``, and so has got it."""
        self._raise(user, conversation, seq, seq)

    def _raise(self, user: str, conversation: str, delivered: int, read: int) -> None:
        mark = self._marks.get((user, conversation))
        if mark is None:
            if len(self._marks) < WAITING_MAX:
                self._marks[user, conversation] = [delivered, read]
            return
        mark[0] = max(mark[0], delivered)
        mark[1] = max(mark[1], read)

    async def run(self) -> None:
        """Report until the service stops."""
        pause_s, unshown_s = EVERY_S, 0.0
        while not await self._stop.pause(pause_s):
            unshown_s += pause_s
            pause_s = min(EVERY_S + MARK_S * len(self._marks), EVERY_MAX_S)
            every = unshown_s >= UNSHOWN_EVERY_S
            if every:
                unshown_s = 0.0
            await self.report(every=every)

    async def report(self, *, every: bool = True) -> None:
        """Report all that has gathered, or only the marks that are shown to others; what fails is
        kept for the next time."""
        if every:
            unshown, self._unshown = self._unshown, {}
            for (user, conversation), seq in unshown.items():
                self._raise(user, conversation, seq, 0)
        marks, self._marks = self._marks, {}
        waiting = [
            ReceiptMark(user, conversation, delivered, read)
            for (user, conversation), (delivered, read) in marks.items()
        ]
        for start in range(0, len(waiting), REQUEST_MAX):
            some = waiting[start : start + REQUEST_MAX]
            try:
                reply = await self._api.call(
                    "POST", PATH, ReceiptsRequest(some), ReceiptsReply, timeout_s=TIMEOUT_S
                )
            except ApiUnavailable as error:
                get_logger().warning("receipts_not_reported", error=str(error))
                for mark in waiting[start:]:
                    self._raise(mark.user, mark.conversation, mark.delivered, mark.read)
                return
            except ApiRefused as error:
                get_logger().error("receipts_refused", code=error.code, detail=error.detail)
                self._metrics.receipts_refused += len(some)
            else:
                self._metrics.receipts_refused += sum(each is not None for each in reply.results)
