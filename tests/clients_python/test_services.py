"""`agileim.Services` against a running api."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from agileim import Services
from services.api.settings import ApiSettings
from shared.entries import Presence, packed
from shared.ids import new_id
from shared.internal import SCOPE_SERVICE
from tests.api.conftest import api, issuer, settings
from tests.api.rig import RunningApi, running_api
from tests.support.tokens import TestIssuer

__all__ = ["api", "issuer", "settings"]


class _Tokens:
    def __init__(self, issuer: TestIssuer) -> None:
        self._issuer = issuer

    async def access_token(self, *, rejected: str = "") -> str:
        return self._issuer.service_token(SCOPE_SERVICE)


@pytest.fixture
async def fed(settings: ApiSettings, issuer: TestIssuer) -> AsyncIterator[RunningApi]:
    async with running_api(replace(settings, feed_days=1), issuer) as running:
        yield running


@pytest.fixture
async def services(fed: RunningApi) -> AsyncIterator[Services]:
    async with Services(fed.url, "", "shop", "", tokens=_Tokens(fed.issuer)) as services:
        yield services


async def test_acting_for_somebody_and_hearing_of_it(fed: RunningApi, services: Services) -> None:
    ada, bob = await fed.people(2)
    shop = services.acting_as(ada.id)
    direct = await shop.create_direct(bob.id)
    sent = await shop.post_message(direct.id, "Your parcel is on its way")
    async for page in services.feed():
        found = [item.event for item in page.items if item.event and item.event.seq == sent.seq]
        if found:
            break
    assert (found[0].sender, found[0].body["text"]) == (ada.id, "Your parcel is on its way")
    assert (await services.feed_page(page.cursor)).items == []


async def test_telling_and_who_is_there(fed: RunningApi, services: Services) -> None:
    ada = await fed.person()
    assert await services.connections() == []
    await fed.redis.zadd(fed.keys.gateways(), {"gw": 1})
    who = Presence(ada.id, new_id(), 7)
    await fed.redis.hset(fed.keys.gateway_roster("gw"), "c1", packed(who))  # type: ignore[misc]
    (found,) = await services.connections([ada.id])
    assert (found.connection, found.user, found.since_ms) == ("c1", ada.id, 7)
    tell_id = new_id()
    assert await services.tell("Hello", online=True, tell_id=tell_id) == 1
    assert await services.tell("Hello", users=[ada.id], tell_id=tell_id) == 0
    assert await services.sign_out(ada.id) == []
