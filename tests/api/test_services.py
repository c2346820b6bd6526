"""What an organisation's own services do: on behalf of others, as the system, and by the feed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from services.api.settings import ApiSettings
from services.api.store.feed import Feed
from shared.entries import Presence, PresenceChange, encode, packed
from shared.ids import new_id
from shared.internal import SCOPE_GATEWAY, SCOPE_SERVICE
from tests.api.rig import Caller, RunningApi, running_api
from tests.support.servers import wait_until
from tests.support.tokens import TestIssuer


@pytest.fixture
async def fed(settings: ApiSettings, issuer: TestIssuer) -> AsyncIterator[RunningApi]:
    """A replica with a feed."""
    async with running_api(replace(settings, feed_days=7), issuer) as api:
        yield api


async def inbox(person: Caller) -> list[Any]:
    """What the system has told a person."""
    conversations = (await person.get("/v1/conversations"))["conversations"]
    inboxes = [each["id"] for each in conversations if each["kind"] == "inbox"]
    if not inboxes:
        return []
    return list((await person.get(f"/v1/conversations/{inboxes[0]}/events"))["events"])


async def connect(api: RunningApi, gateway: str, connection: str, who: Presence) -> None:
    """What a gateway writes when somebody connects."""
    keys: Any = api.keys
    await api.redis.zadd(keys.gateways(), {gateway: 1})
    await api.redis.hset(keys.gateway_roster(gateway), connection, packed(who))
    change: Any = encode(PresenceChange(gateway, came=[(connection, who)]))
    await api.redis.xadd(keys.presence_changes(), change)


# --- on behalf of others --------------------------------------------------------------------------


async def test_a_service_does_for_a_person_what_that_person_may(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    service = api.service(SCOPE_SERVICE)
    group = {"kind": "group", "name": "Orders", "members": [bob.id]}
    made = await service.post(f"/internal/v1/as/{ada.id}/v1/conversations", group)
    say = {"client_msg_id": "order-1", "body": {"text": "Shipped 出货了"}}
    path = f"/v1/conversations/{made['id']}/messages"
    sent = await service.post(f"/internal/v1/as/{ada.id}{path}", say)
    events = (await bob.get(f"/v1/conversations/{made['id']}/events"))["events"]
    assert (events[-1]["seq"], events[-1]["sender"]) == (sent["seq"], ada.id)
    refused = await service.call("POST", f"/internal/v1/as/{eve.id}{path}", say)
    assert refused.refusal[:2] == (404, "not_found")


async def test_who_does_not_exist_has_nothing_done_for_them(api: RunningApi) -> None:
    service = api.service(SCOPE_SERVICE)
    answer = await service.call("GET", f"/internal/v1/as/{new_id()}/v1/me")
    assert answer.refusal[:2] == (404, "not_found")


async def test_only_services_with_the_scope_act_for_others(api: RunningApi) -> None:
    ada = await api.person()
    path = f"/internal/v1/as/{ada.id}/v1/me"
    assert (await api.nobody().call("GET", path)).status == 401
    assert (await ada.call("GET", path)).status == 401
    assert (await api.service(SCOPE_GATEWAY).call("GET", path)).status == 403
    assert (await api.service(SCOPE_SERVICE).get(path))["id"] == ada.id


# --- as the system --------------------------------------------------------------------------------


async def test_people_are_told_once(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    service = api.service(SCOPE_SERVICE)
    tell = {"id": new_id(), "text": "Maintenance tonight", "users": [ada.id, bob.id]}
    assert await service.post("/internal/v1/tell", tell) == {"told": 2}
    assert await service.post("/internal/v1/tell", tell) == {"told": 0}
    assert [each["body"]["text"] for each in await inbox(ada)] == ["Maintenance tonight"]
    assert await inbox(eve) == []


async def test_everyone_online_is_told(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    await connect(api, "gw-1", new_id(), Presence(ada.id, new_id(), 1))
    service = api.service(SCOPE_SERVICE)
    tell = {"id": new_id(), "text": "Please save your work", "online": True}
    assert await service.post("/internal/v1/tell", tell) == {"told": 1}
    assert len(await inbox(ada)) == 1
    assert await inbox(bob) == []


async def test_a_conversation_is_told(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    group = await ada.group_with(bob)
    service = api.service(SCOPE_SERVICE)
    tell = {"id": new_id(), "text": "Build 7 is green", "conversation": group}
    assert await service.post("/internal/v1/tell", tell) == {"told": 1}
    assert await service.post("/internal/v1/tell", tell) == {"told": 0}
    last = (await bob.get(f"/v1/conversations/{group}/events"))["events"][-1]
    assert (last["kind"], last["body"]["text"]) == ("announcement", "Build 7 is green")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "x"}, "id"),
        ({"text": " "}, "text"),
        ({"text": "a\0b"}, "text"),
        ({"online": True}, "users"),
        ({"users": []}, "users"),
        ({"users": [new_id()]}, "users"),
    ],
)
async def test_what_cannot_be_told_is_refused(
    api: RunningApi, change: dict[str, Any], field: str
) -> None:
    ada = await api.person()
    tell = {"id": new_id(), "text": "Hello", "users": [ada.id], **change}
    answer = await api.service(SCOPE_SERVICE).call("POST", "/internal/v1/tell", tell)
    assert answer.refusal == (422, "invalid", field)
    assert await inbox(ada) == []


async def test_who_is_connected_on_which_devices(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    phone, laptop = Presence(ada.id, new_id(), 5), Presence(ada.id, new_id(), 6, away=True)
    await connect(api, "gw-1", "c1", phone)
    await connect(api, "gw-2", "c2", laptop)
    await connect(api, "gw-2", "c3", Presence(bob.id, new_id(), 7))
    service = api.service(SCOPE_SERVICE)
    found = await service.post("/internal/v1/connections", {"users": [ada.id]})
    assert found["complete"] is True
    assert sorted(found["connections"], key=lambda each: each["connection"]) == [
        {"connection": "c1", "user": ada.id, "session": phone.session, "gateway": "gw-1",
         "since_ms": 5},
        {"connection": "c2", "user": ada.id, "session": laptop.session, "gateway": "gw-2",
         "since_ms": 6, "away": True},
    ]  # fmt: skip
    assert len((await service.post("/internal/v1/connections", {}))["connections"]) == 3


# --- the feed -------------------------------------------------------------------------------------


async def read(api: RunningApi, cursor: str = "", **query: Any) -> Any:
    return await api.service(SCOPE_SERVICE).get("/internal/v1/feed", cursor=cursor, **query)


def texts(page: Any) -> list[str]:
    return [
        item["event"]["body"]["text"]
        for item in page["items"]
        if item.get("event", {}).get("kind") == "message"
    ]


async def everything(api: RunningApi, cursor: str = "") -> tuple[list[Any], str]:
    """All items after the cursor, in small pages."""
    items: list[Any] = []
    while (page := await read(api, cursor, limit=2))["items"]:
        items += page["items"]
        cursor = page["cursor"]
    return items, cursor


async def test_the_feed_has_every_event_once_in_pages(fed: RunningApi) -> None:
    ada, bob = await fed.people(2)
    direct = await ada.direct_with(bob)
    await asyncio.gather(*(ada.say(direct, f"m{n}") for n in range(12)))
    items, cursor = await everything(fed)
    said = texts({"items": items})
    assert sorted(said) == sorted(f"m{n}" for n in range(12))
    seqs = [i["event"]["seq"] for i in items if i.get("event", {}).get("conversation") == direct]
    assert sorted(seqs) == list(range(1, len(seqs) + 1))
    assert (await read(fed, cursor))["items"] == []
    await ada.say(direct, "later")
    assert texts(await read(fed, cursor)) == ["later"]


async def test_the_feed_waits_for_what_comes(fed: RunningApi) -> None:
    ada, bob = await fed.people(2)
    direct = await ada.direct_with(bob)
    _, cursor = await everything(fed)
    waiting = asyncio.create_task(read(fed, cursor, wait_s=20))
    await ada.say(direct, "at last")
    assert texts(await waiting) == ["at last"]


async def test_a_transaction_that_commits_late_is_not_passed_over(fed: RunningApi) -> None:
    ada, bob = await fed.people(2)
    direct = await ada.direct_with(bob)
    _, cursor = await everything(fed)
    async with fed.database.transaction() as late:
        await late.execute('INSERT INTO feed (connections) VALUES (\'{"gateway": "late"}\')')
        await ada.say(direct, "early")
        assert (await read(fed, cursor))["items"] == []  # the oldest is still open
    page = await read(fed, cursor)
    assert page["items"][0] == {"gateway": "late"}
    assert texts(page) == ["early"]


async def test_connections_are_in_the_feed(fed: RunningApi) -> None:
    ada = await fed.person()
    seen: list[Any] = []
    cursor = ""

    async def found(count: int) -> bool:
        nonlocal cursor
        page = await read(fed, cursor)
        seen.extend(item for item in page["items"] if "event" not in item)
        cursor = page["cursor"]
        return len(seen) >= count

    await wait_until(lambda: found(1))
    assert seen == [{"anew": True}]  # so far nothing was known
    who = Presence(ada.id, new_id(), 5)
    await connect(fed, "gw-1", "c1", who)
    change: Any = encode(PresenceChange("gw-1", went=["c1"]))
    await fed.redis.xadd(fed.keys.presence_changes(), change)
    dead: Any = encode(PresenceChange("gw-1", gone=True))
    await fed.redis.xadd(fed.keys.presence_changes(), dead)
    await wait_until(lambda: found(4))
    assert [sorted(item) for item in seen[1:]] == [["came"], ["went"], ["gateway"]]
    assert seen[1]["came"][0]["user"] == ada.id


async def test_a_wiped_redis_is_told_in_the_feed(fed: RunningApi) -> None:
    await wait_until(lambda: _anews(fed, 1))
    await fed.redis.flushall()
    await wait_until(lambda: _anews(fed, 2))


async def _anews(api: RunningApi, count: int) -> bool:
    items, _ = await everything(api)
    return sum("anew" in item for item in items) == count


async def test_a_cursor_that_is_too_old_is_told_so(fed: RunningApi) -> None:
    ada, bob = await fed.people(2)
    direct = await ada.direct_with(bob)
    first = (await read(fed, limit=1))["cursor"]
    await ada.say(direct, "forgotten")
    await fed.database.execute("UPDATE feed SET created_at = now() - interval '8 days'")
    assert await Feed(fed.database).prune(7) > 0
    await ada.say(direct, "kept")
    page = await read(fed, first)
    assert page["lost"] is True
    assert texts(page) == ["kept"]
    assert (await read(fed, page["cursor"]))["lost"] is False


async def test_without_a_feed_nothing_is_noted(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    await ada.say(await ada.direct_with(bob))
    assert await api.database.fetch_one("SELECT count(*) FROM feed") == (0,)
