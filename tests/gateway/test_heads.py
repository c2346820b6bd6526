"""From when on a gateway knows which conversations moved."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from prometheus_client import CollectorRegistry

from services.gateway.heads import Heartbeat
from services.gateway.hub import Hub
from services.gateway.metrics import GatewayMetrics
from services.gateway.stopping import Stop
from shared.internal import HeadsReply, HeadsRequest
from shared.service_client import ApiClient


class Heads:
    """api's answer to the question for heads: a cursor that counts."""

    def __init__(self) -> None:
        self.asked: list[HeadsRequest] = []

    async def call(self, _: str, __: str, body: HeadsRequest, *___: Any, **____: Any) -> HeadsReply:
        self.asked.append(body)
        return HeadsReply(f"c{len(self.asked)}", {})


async def test_every_bucket_has_a_cursor_from_before_its_first_connection() -> None:
    """What moves after the first `welcome` is told by its first heartbeat, whatever its bucket."""
    api = Heads()
    heartbeat = Heartbeat(
        cast(ApiClient, api),
        Hub(GatewayMetrics(CollectorRegistry()), buckets=25),
        heartbeat_s=25.0,
        buckets=25,
        stop=Stop(),
        clock=asyncio.get_running_loop().time,
    )
    await heartbeat.ask(0)
    assert api.asked == [HeadsRequest([], "")]
    assert heartbeat._cursors == ["c1"] * 25
    await heartbeat.ask(7)  # nobody there, and a cursor is known: api is left alone
    assert len(api.asked) == 1
