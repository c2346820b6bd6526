"""``…/messages/{seq}/receipts`` and ``/v1/me/receipts``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from services.api import schemas
from services.api.endpoint import Call, Endpoint, Reply
from services.api.handlers.messages import MESSAGE_PATH, seq_of
from services.api.store.read_receipts import ReadReceipts
from shared.codes import ErrorCode


class ReadReceiptHandlers:
    """Who has got and read what."""

    def __init__(self, receipts: ReadReceipts) -> None:
        self._receipts = receipts

    def endpoints(self) -> Sequence[Endpoint]:
        """The operations of this module."""
        return [
            Endpoint(
                method="GET", path=f"{MESSAGE_PATH}/receipts", name="listMessageReceipts",
                summary="Who has got and read a message, and when; in large groups how many",
                handler=self.of_message, answer=schemas.MessageReceipts,
                refusals=(ErrorCode.NOT_FOUND,),
            ),
            Endpoint(
                method="GET", path="/v1/me/receipts", name="getReceiptPrivacy",
                summary="Whether one keeps to oneself what one has read",
                handler=self.privacy, answer=schemas.ReceiptPrivacy,
            ),
            Endpoint(
                method="PUT", path="/v1/me/receipts", name="setReceiptPrivacy",
                summary="Keep to oneself what one has read, and see no more what others have",
                handler=self.set_privacy, body=schemas.ReceiptPrivacy,
                answer=schemas.ReceiptPrivacy,
            ),
        ]  # fmt: skip

    async def of_message(self, call: Call) -> Reply:
        """GET …/messages/{seq}/receipts"""
        found = await self._receipts.of_message(call.path["conversation"], call.user, seq_of(call))
        return Reply(asdict(found))

    async def privacy(self, call: Call) -> Reply:
        """GET /v1/me/receipts"""
        return Reply({"private": await self._receipts.is_private(call.user)})

    async def set_privacy(self, call: Call) -> Reply:
        """PUT /v1/me/receipts"""
        await self._receipts.set_private(call.user, call.body["private"])
        return Reply({"private": call.body["private"]})
