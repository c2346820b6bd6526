"""Letters on their way out: a bounded queue in memory, and a few tries for each.

Nobody waits for a mail server. What a killed process had not sent is lost: people ask again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from typing import Final

from services.auth.mail.transports import Transport, Undelivered
from services.auth.metrics import AuthMetrics
from shared.logs import get_logger

WAITING_MAX: Final = 1_000  # some 10 KiB each
WORKERS: Final = 2
# Codes and links live for half an hour at most: later a letter is of no use.
RETRIES_S: Final = (2.0, 10.0, 60.0, 300.0)

Sleep = Callable[[float], Awaitable[None]]


class Outbox:
    """Takes letters at any time; :meth:`run` carries them away."""

    def __init__(
        self, transport: Transport, metrics: AuthMetrics, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._transport = transport
        self._metrics = metrics
        self._sleep = sleep
        self._waiting: asyncio.Queue[EmailMessage] = asyncio.Queue(WAITING_MAX)

    def post(self, message: EmailMessage) -> bool:
        """Send it soon. False: too many wait, it is dropped."""
        try:
            self._waiting.put_nowait(message)
        except asyncio.QueueFull:
            self._metrics.mails.labels("dropped").inc()
            get_logger().error("mail_queue_full")
            return False
        return True

    async def run(self) -> None:
        """Carry letters away, for good. Run WORKERS of these: a slow one holds up no other."""
        while True:
            message = await self._waiting.get()
            await self._carry(message)
            self._waiting.task_done()

    async def _carry(self, message: EmailMessage) -> None:
        for wait_s in (*RETRIES_S, None):
            try:
                await self._transport.deliver(message)
            except Undelivered as error:
                if error.final or wait_s is None:
                    self._metrics.mails.labels("failed").inc()
                    get_logger().error("mail_failed", why=str(error))
                    return
                get_logger().warning("mail_waits", why=str(error), retry_s=wait_s)
                await self._sleep(wait_s)
            else:
                self._metrics.mails.labels("sent").inc()
                return
