"""Contacts, requests and blocks: what the one does, and what the other learns of it."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from services.api import schemas
from shared.ids import new_id
from shared.limits import CONTACT_REQUESTS_MAX
from tests.api.rig import Caller, RunningApi
from tests.api.test_rest import fits


async def inbox(person: Caller) -> list[tuple[str, dict[str, Any]]]:
    """(kind, body) of what stands in the person's own inbox."""
    page = await person.get("/v1/conversations")
    inboxes = [one["id"] for one in page["conversations"] if one["kind"] == "inbox"]
    if not inboxes:
        return []
    events = (await person.get(f"/v1/conversations/{inboxes[0]}/events"))["events"]
    return [(event["kind"], event["body"]) for event in events]


async def relation(one: Caller, other: Caller) -> Any:
    found = await one.get(f"/v1/contacts/{other.id}")
    fits(schemas.Relation, found)
    return found


async def ask(one: Caller, other: Caller, text: str = "") -> Any:
    answer = await one.call("PUT", f"/v1/contacts/{other.id}", {"text": text})
    assert answer.status == 200, answer.body
    return answer.json


async def act(one: Caller, method: str, other: Caller, deed: str = "") -> int:
    path = f"/v1/contacts/{other.id}" + (f"/{deed}" if deed else "")
    return (await one.call(method, path)).status


async def block(one: Caller, other: Caller) -> None:
    assert (await one.call("PUT", f"/v1/blocks/{other.id}")).status == 204


async def unblock(one: Caller, other: Caller) -> None:
    assert (await one.call("DELETE", f"/v1/blocks/{other.id}")).status == 204


async def say(one: Caller, conversation: str, text: str = "hi", key: str = "") -> Any:
    body = {"client_msg_id": key or new_id(), "body": {"text": text}}
    return await one.call("POST", f"/v1/conversations/{conversation}/messages", body)


# --- contacts -----------------------------------------------------------------------------------


async def test_a_request_is_asked_seen_and_accepted(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    assert (await ask(ada, bob, "we met in Turin"))["state"] == "asked"
    got = await bob.get("/v1/contacts/requests")
    fits(schemas.ContactRequestPage, got)
    assert [(one["user"]["id"], one["text"]) for one in got["requests"]] == [
        (ada.id, "we met in Turin")
    ]
    assert (await relation(bob, ada))["state"] == "asks"
    made = await ada.get("/v1/contacts/requests", direction="out")
    assert [one["user"]["id"] for one in made["requests"]] == [bob.id]
    assert await act(bob, "POST", ada, "accept") == 200
    for one, other in ((ada, bob), (bob, ada)):
        page = await one.get("/v1/contacts")
        fits(schemas.ContactPage, page)
        assert [contact["user"]["id"] for contact in page["contacts"]] == [other.id]
        assert (await relation(one, other))["state"] == "contact"
        for direction in ("in", "out"):
            left = await one.get("/v1/contacts/requests", direction=direction)
            assert left["requests"] == []
    assert await inbox(ada) == [
        ("contact_changed", {"user": bob.id, "state": "asked", "text": "we met in Turin"}),
        ("contact_changed", {"user": bob.id, "state": "contact"}),
    ]
    assert await inbox(bob) == [
        ("contact_changed", {"user": ada.id, "state": "asks", "text": "we met in Turin"}),
        ("contact_changed", {"user": ada.id, "state": "contact"}),
    ]


async def test_everything_may_be_repeated(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    for _ in range(2):
        await ask(ada, bob)
    for _ in range(2):
        assert await act(bob, "POST", ada, "accept") == 200
    for _ in range(2):
        await ask(ada, bob)
    for _ in range(2):
        assert await act(ada, "DELETE", bob) == 204
    states = [body["state"] for _, body in await inbox(ada)]
    assert states == ["asked", "contact", "none"]
    assert [body["state"] for _, body in await inbox(bob)] == ["asks", "contact", "none"]


async def test_two_who_ask_each_other_at_once_are_contacts(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    await asyncio.gather(ask(ada, bob), ask(bob, ada))
    assert (await relation(ada, bob))["state"] == (await relation(bob, ada))["state"] == "contact"
    left = await ada.get("/v1/contacts/requests", direction="in")
    assert left["requests"] == []


async def test_a_refusal_is_not_told_and_holds_for_a_while(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    await ask(ada, bob)
    before = await inbox(ada)
    assert await act(bob, "POST", ada, "refuse") == 204
    assert await inbox(ada) == before
    assert (await relation(ada, bob))["state"] == "asked"
    assert await act(bob, "POST", ada, "accept") == 404
    # Asking again looks the same to her, and does not reach him.
    assert await act(ada, "DELETE", bob) == 204
    assert (await ask(ada, bob))["state"] == "asked"
    assert (await relation(bob, ada))["state"] == "none"
    await api.database.execute(
        "UPDATE contact_requests SET refused_at = refused_at - interval '8 days', open = false"
    )
    await ask(ada, bob)
    assert (await relation(bob, ada))["state"] == "asks"
    # He may still ask her himself.
    assert (await ask(bob, ada))["state"] == "contact"


async def test_a_request_taken_back_is_gone_for_both(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    await ask(ada, bob)
    assert await act(ada, "DELETE", bob) == 204
    assert (await relation(bob, ada))["state"] == (await relation(ada, bob))["state"] == "none"
    assert [body["state"] for _, body in await inbox(bob)] == ["asks", "none"]


async def test_a_note_is_ones_own(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    await ask(ada, bob)
    await ask(bob, ada)
    answer = await ada.call("PATCH", f"/v1/contacts/{bob.id}", {"note": "Bob 🧗 from Turin"})
    assert answer.json["note"] == "Bob 🧗 from Turin"
    assert "note" not in await relation(bob, ada)
    assert (await inbox(ada))[-1][1] == {
        "user": bob.id, "state": "contact", "note": "Bob 🧗 from Turin",
    }  # fmt: skip
    long = await ada.call("PATCH", f"/v1/contacts/{bob.id}", {"note": "👨‍👩‍👧‍👦" * 101})
    assert long.refusal == (422, "invalid", "note")


async def test_contacts_come_in_pages(api: RunningApi) -> None:
    ada, *others = await api.people(6)
    for other in others:
        await ask(ada, other)
        await ask(other, ada)
    found, after = [], ""
    while True:
        page = await ada.get("/v1/contacts", limit=2, **({"after": after} if after else {}))
        found += [one["user"]["id"] for one in page["contacts"]]
        after = page["next"]
        if after is None:
            break
    assert found == sorted(other.id for other in others)


async def test_unanswered_requests_are_bounded(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    await api.database.execute(
        "INSERT INTO contact_requests (from_id, to_id, open, shown)"
        " SELECT %s, gen_random_uuid(), true, false FROM generate_series(1, %s)",
        (ada.id, CONTACT_REQUESTS_MAX),
    )
    answer = await ada.call("PUT", f"/v1/contacts/{bob.id}", {})
    assert answer.refusal[:2] == (409, "conflict")


# --- blocks -------------------------------------------------------------------------------------


async def test_a_block_stops_direct_messages_and_is_not_told(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    conversation = await ada.direct_with(bob)
    await ada.say(conversation)
    before = (await inbox(bob), await bob.get(f"/v1/users/{ada.id}"))
    await block(ada, bob)
    refused = await say(bob, conversation)
    assert refused.refusal == (403, "forbidden", "")
    assert "take" in refused.json["detail"]
    assert "block" not in refused.json["detail"]
    own = await say(ada, conversation)
    assert own.refusal[:2] == (409, "conflict")
    assert (await inbox(bob), await bob.get(f"/v1/users/{ada.id}")) == before
    # What was said before stays, and groups are not concerned.
    events = await bob.get(f"/v1/conversations/{conversation}/events")
    assert events["events"][-1]["kind"] == "message"
    group = await ada.group_with(bob)
    assert (await say(bob, group)).status == 201
    await unblock(ada, bob)
    assert (await say(bob, conversation)).status == 201
    assert (await say(ada, conversation)).status == 201


async def test_a_retry_of_what_was_sent_before_the_block_still_succeeds(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    conversation = await ada.direct_with(bob)
    assert (await say(bob, conversation, key="one")).status == 201
    await block(ada, bob)
    again = await say(bob, conversation, key="one")
    assert again.status == 200
    assert again.json["repeat"] is True


@pytest.mark.parametrize("deed", ["edit", "react", "pin"])
async def test_nor_can_old_messages_be_used_to_reach_who_has_blocked_one(
    api: RunningApi, deed: str
) -> None:
    ada, bob = await api.people(2)
    conversation = await ada.direct_with(bob)
    seq = (await bob.say(conversation))["seq"]
    await block(ada, bob)
    path = f"/v1/conversations/{conversation}/messages/{seq}"
    answer = {
        "edit": bob.call("PATCH", path, {"text": "you"}),
        "react": bob.call("PUT", f"{path}/reactions/👎"),
        "pin": bob.call("PUT", f"{path}/pin"),
    }
    for name, call in answer.items():
        if name == deed:
            assert (await call).refusal[:2] == (403, "forbidden")
        else:
            call.close()
    assert (await bob.call("DELETE", path)).status == 204, "one's own words may be taken back"


async def test_both_have_blocked_each_other(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    conversation = await ada.direct_with(bob)
    await block(ada, bob)
    await block(bob, ada)
    await unblock(ada, bob)
    assert (await say(ada, conversation)).refusal[:2] == (403, "forbidden")
    await unblock(bob, ada)
    assert (await say(ada, conversation)).status == 201


async def test_a_conversation_cannot_be_begun_with_who_has_blocked_one(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    await block(ada, bob)
    body = {"kind": "direct", "user": ada.id}
    refused = await bob.call("POST", "/v1/conversations", body)
    assert refused.refusal == (403, "forbidden", "user")
    contacts_only = await api.person()
    await contacts_only.call("PATCH", "/v1/me", {"privacy": {"messages": "contacts"}})
    same = await bob.call("POST", "/v1/conversations", body | {"user": contacts_only.id})
    assert same.json["detail"] == refused.json["detail"], "why, is theirs to know"
    own = await ada.call("POST", "/v1/conversations", {"kind": "direct", "user": bob.id})
    assert own.refusal == (409, "conflict", "user")


async def test_nor_can_they_be_put_into_groups(api: RunningApi) -> None:
    ada, bob, cy = await api.people(3)
    group = await bob.group_with(cy)
    await block(ada, bob)
    new = {"kind": "group", "name": "x", "members": [cy.id, ada.id]}
    assert (await bob.call("POST", "/v1/conversations", new)).refusal == (
        403, "forbidden", "members",
    )  # fmt: skip
    path = f"/v1/conversations/{group}/members"
    assert (await bob.call("POST", path, {"users": [ada.id]})).refusal == (
        403, "forbidden", "users",
    )  # fmt: skip
    await cy.call("PATCH", "/v1/me", {"privacy": {"groups": "contacts"}})
    assert (await bob.call("POST", "/v1/conversations", new)).status == 403


async def test_a_request_from_who_is_blocked_looks_sent_and_is_never_seen(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    await block(ada, bob)
    assert (await ask(bob, ada))["state"] == "asked"
    made = await bob.get("/v1/contacts/requests", direction="out")
    assert len(made["requests"]) == 1
    assert (await relation(ada, bob))["state"] == "none"
    await unblock(ada, bob)
    assert (await relation(ada, bob))["state"] == "none"
    assert (await ada.get("/v1/contacts/requests"))["requests"] == []


async def test_a_block_ends_requests_both_ways(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    await ask(bob, ada)
    await block(ada, bob)
    assert (await relation(ada, bob)) == {"user": bob.id, "state": "none", "blocked": True}
    assert (await relation(bob, ada))["state"] == "asked", "he is not told"
    cy, dan = await api.people(2)
    await ask(cy, dan)
    await block(cy, dan)
    assert (await relation(dan, cy))["state"] == "none", "she does not want him any more"


async def test_whom_one_has_blocked_is_listed_and_told_to_ones_other_devices(
    api: RunningApi,
) -> None:
    ada, bob = await api.people(2)
    await block(ada, bob)
    await block(ada, bob)
    page = await ada.get("/v1/blocks")
    fits(schemas.BlockPage, page)
    assert [one["user"]["id"] for one in page["blocks"]] == [bob.id]
    assert await inbox(ada) == [("block_changed", {"user": bob.id, "blocked": True})]
    await unblock(ada, bob)
    assert (await ada.get("/v1/blocks"))["blocks"] == []
    assert len(await inbox(ada)) == 2


async def test_a_block_and_a_new_conversation_at_once_leave_no_way_through(
    api: RunningApi,
) -> None:
    for _ in range(10):
        ada, bob = await api.people(2)
        opened, _ = await asyncio.gather(
            bob.call("POST", "/v1/conversations", {"kind": "direct", "user": ada.id}),
            block(ada, bob),
        )
        if opened.status == 201:
            assert (await say(bob, opened.json["id"])).status == 403
        else:
            assert opened.status == 403


@pytest.mark.parametrize("seed", range(12))
async def test_what_the_inbox_tells_adds_up_to_what_is(api: RunningApi, seed: int) -> None:
    """Random deeds of three people: each one's events, replayed, give what a question gives."""
    dice = random.Random(seed)
    people = await api.people(3)
    deeds = [
        ("PUT", "/v1/contacts/{}", {"text": "hi"}), ("POST", "/v1/contacts/{}/accept", None),
        ("POST", "/v1/contacts/{}/refuse", None), ("DELETE", "/v1/contacts/{}", None),
        ("PATCH", "/v1/contacts/{}", {"note": "n"}), ("PUT", "/v1/blocks/{}", None),
        ("DELETE", "/v1/blocks/{}", None),
    ]  # fmt: skip
    for _ in range(40):
        one, other = dice.sample(people, 2)
        method, path, body = dice.choice(deeds)
        answer = await one.call(method, path.format(other.id), body)
        assert answer.status in (200, 204, 404, 409), answer.body
    for one in people:
        states: dict[str, str] = {}
        blocks: dict[str, bool] = {}
        for kind, body in await inbox(one):
            if kind == "contact_changed":
                states[body["user"]] = body["state"]
            elif kind == "block_changed":
                blocks[body["user"]] = body["blocked"]
        for other in people:
            if other is not one:
                now = await relation(one, other)
                assert states.get(other.id, "none") == now["state"]
                assert blocks.get(other.id, False) == now["blocked"]
