"""What the dispatcher asks api for: members, and events that the stream did not bring."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Final

from services.dispatcher.domain.membership import Members
from services.dispatcher.domain.ordering import Gap
from services.dispatcher.domain.visibility import Card
from shared.entries import EventBatch, RoutedEvent
from shared.internal import MembersReply, SeenReport, VisibilityReply, VisibilityRequest
from shared.limits import PAGE_MAX
from shared.logs import get_logger
from shared.service_client import ApiClient, ApiRefused, ApiUnavailable

LATEST: Final = 2**53 - 1  # as from_seq: only who is a member now
TIMEOUT_S: Final = 3.0
RETRY_FIRST_S: Final = 0.1
RETRY_MAX_S: Final = 2.0


class Unknown(Exception):
    """api does not know the conversation."""


class Fetching:
    """Bounded, patient calls. A call that fails delays only the conversation that it is for."""

    def __init__(self, api: ApiClient, *, parallel: int) -> None:
        self._api = api
        self._slots = asyncio.Semaphore(parallel)
        self._signal_slots = asyncio.Semaphore(max(1, parallel // 4))

    async def members(self, conversation: str, from_seq: int) -> Members:
        """Who gets event ``from_seq`` and those after it. Tries until api answers.

        Raises :class:`Unknown`.
        """
        pause_s = RETRY_FIRST_S
        while True:
            try:
                async with self._slots:
                    return await self._members(conversation, from_seq)
            except ApiUnavailable as error:
                get_logger().warning("members_unavailable", error=str(error))
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(pause_s * 2, RETRY_MAX_S)

    async def members_once(self, conversation: str) -> Members | None:
        """Who is a member now, for signals: one try, and not at the cost of events."""
        try:
            async with self._signal_slots:
                return await self._members(conversation, LATEST)
        except (ApiUnavailable, Unknown):
            return None

    async def events(self, gap: Gap) -> list[RoutedEvent]:
        """The events of a gap; fewer when api has not all of them.

        Raises :class:`ApiUnavailable`, :class:`Unknown`.
        """
        found: list[RoutedEvent] = []
        after = gap.first - 1
        while after < gap.last:
            async with self._slots:
                page = await self._events(gap.conversation, after, min(PAGE_MAX, gap.last - after))
            found += [event for event in page if after < event.seq <= gap.last]
            if not page or page[-1].seq <= after:
                break
            after = page[-1].seq
        return found

    async def cards(self, users: Sequence[str]) -> dict[str, Card] | None:
        """What people show to whom; None: api does not answer."""
        try:
            async with self._signal_slots:
                reply = await self._api.call(
                    "POST", "/internal/v1/people/visibility", VisibilityRequest(list(users)),
                    VisibilityReply, timeout_s=TIMEOUT_S,
                )  # fmt: skip
        except (ApiUnavailable, ApiRefused) as error:
            get_logger().warning("visibility_unavailable", error=str(error))
            return None
        return {
            one.user: Card(
                one.audience, frozenset(one.contacts), frozenset(one.blocked), one.last_seen_ms
            )
            for one in reply.people
        }

    async def report_seen(self, times: Mapping[str, int]) -> bool:
        """When people were last here; whether api has taken it."""
        try:
            async with self._signal_slots:
                await self._api.call(
                    "POST", "/internal/v1/people/seen", SeenReport(dict(times)), bytes,
                    timeout_s=TIMEOUT_S,
                )  # fmt: skip
        except (ApiUnavailable, ApiRefused) as error:
            get_logger().warning("last_seen_not_reported", people=len(times), error=str(error))
            return False
        return True

    async def _members(self, conversation: str, from_seq: int) -> Members:
        try:
            reply = await self._api.call(
                "GET",
                f"/internal/v1/conversations/{conversation}/members",
                None,
                MembersReply,
                timeout_s=TIMEOUT_S,
                params={"from_seq": from_seq},
            )
        except ApiRefused as refused:
            raise _sort_out(refused) from refused
        return Members(reply, from_seq)

    async def _events(self, conversation: str, after: int, limit: int) -> list[RoutedEvent]:
        try:
            batch = await self._api.call(
                "GET",
                f"/internal/v1/conversations/{conversation}/events",
                None,
                EventBatch,
                timeout_s=TIMEOUT_S,
                params={"after_seq": after, "limit": limit},
            )
        except ApiRefused as refused:
            raise _sort_out(refused) from refused
        return batch.events


def _sort_out(refused: ApiRefused) -> Exception:
    """Only "not found" is an answer; another refusal is a fault of the set-up, and may be mended
    while the events wait."""
    if refused.status == 404:
        return Unknown(refused.detail)
    get_logger().error("api_refuses_dispatcher", status=refused.status, problem=refused.detail)
    return ApiUnavailable(str(refused))
