"""Reactions and pins."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from services.api.domain.emoji import normal_form
from shared.limits import PINS_MAX, REACTIONS_MAX_DIFFERENT
from tests.api.rig import Answer, Caller, RunningApi

ONE_EMOJI = [
    ("👍", "👍"), ("❤", "❤️"), ("❤️", "❤️"), ("👍️", "👍"), ("👍🏽", "👍🏽"), ("☝🏽", "☝🏽"),
    ("🇩🇪", "🇩🇪"), ("👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦"), ("🏳️‍🌈", "🏳️‍🌈"), ("🏳‍🌈", "🏳️‍🌈"),
    ("1⃣", "1️⃣"), ("#️⃣", "#️⃣"), ("👩‍❤️‍👩", "👩‍❤️‍👩"), ("🤷🏾‍♀", "🤷🏾‍♀️"), ("🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"), ("🫩", "🫩"),
]  # fmt: skip
NO_EMOJI = [
    "", "a", "1", "#", "好", "👍👍", "👍a", " 👍", "🇩", "🇩🇪🇫🇷", "\ufe0f", "\u200d", "👍\u200d",
    ":+1:", "👍\n", "\u200d".join("👍" * 40),
]  # fmt: skip


@pytest.mark.parametrize(("given", "kept"), ONE_EMOJI)
def test_one_emoji_has_one_form(given: str, kept: str) -> None:
    assert normal_form(given) == kept
    assert normal_form(kept) == kept


@pytest.mark.parametrize("given", NO_EMOJI)
def test_what_is_not_one_emoji_is_refused(given: str) -> None:
    assert normal_form(given) is None


async def mark(caller: Caller, method: str, room: str, seq: int, what: str) -> Answer:
    return await caller.call(method, f"/v1/conversations/{room}/messages/{seq}/{what}")


def reaction(emoji: str) -> str:
    return f"reactions/{quote(emoji)}"


async def told(caller: Caller, room: str) -> list[tuple[str, str, Any]]:
    """The kinds, senders and bodies of the events after the first message."""
    page = await caller.get(f"/v1/conversations/{room}/events")
    return [(e["kind"], e["sender"], e["body"]) for e in page["events"][2:]]


async def test_a_reaction_is_told_once_and_taken_back_once(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    chat = await ada.direct_with(bob)
    seq = (await ada.say(chat))["seq"]
    for method in ("PUT", "PUT", "DELETE", "DELETE"):
        assert (await mark(bob, method, chat, seq, reaction("❤"))).status == 204
    body = {"seq": seq, "emoji": "❤️"}
    assert await told(ada, chat) == [
        ("reaction_added", bob.id, body), ("reaction_removed", bob.id, body),
    ]  # fmt: skip
    assert len(await api.stream(chat)) == 4
    assert (await ada.get(f"/v1/conversations/{chat}"))["number"] == 1


async def test_nobody_takes_the_reaction_of_another_back(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    chat = await ada.direct_with(bob)
    seq = (await ada.say(chat))["seq"]
    await mark(bob, "PUT", chat, seq, reaction("👍"))
    await mark(ada, "DELETE", chat, seq, reaction("👍"))
    assert [kind for kind, _, _ in await told(ada, chat)] == ["reaction_added"]


async def test_a_message_has_only_so_many_different_reactions(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    chat = await ada.direct_with(bob)
    seq = (await ada.say(chat))["seq"]
    signs = [chr(0x1F600 + n) for n in range(REACTIONS_MAX_DIFFERENT + 1)]
    for sign in signs[:-1]:
        assert (await mark(ada, "PUT", chat, seq, reaction(sign))).status == 204
    assert (await mark(bob, "PUT", chat, seq, reaction(signs[-1]))).refusal == (409, "conflict", "")
    assert (await mark(bob, "PUT", chat, seq, reaction(signs[0]))).status == 204
    assert (await mark(bob, "PUT", chat, seq, reaction("x"))).refusal == (422, "invalid", "emoji")


async def test_a_pin_is_told_once_and_every_member_may_take_it_away(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    chat = await ada.direct_with(bob)
    seq = (await ada.say(chat))["seq"]
    for caller, method in ((bob, "PUT"), (ada, "PUT"), (ada, "DELETE"), (ada, "DELETE")):
        assert (await mark(caller, method, chat, seq, "pin")).status == 204
    assert await told(ada, chat) == [
        ("message_pinned", bob.id, {"seq": seq}), ("message_unpinned", ada.id, {"seq": seq}),
    ]  # fmt: skip
    await api.database.execute(
        "INSERT INTO pins SELECT %s, n, %s FROM generate_series(1000, %s) n",
        (chat, ada.id, 999 + PINS_MAX),
    )
    assert (await mark(ada, "PUT", chat, seq, "pin")).refusal == (409, "conflict", "")


async def test_a_recall_takes_reactions_and_pin_with_it(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    chat = await ada.direct_with(bob)
    seq = (await ada.say(chat))["seq"]
    await mark(bob, "PUT", chat, seq, reaction("👍"))
    await mark(bob, "PUT", chat, seq, "pin")
    assert (await ada.call("DELETE", f"/v1/conversations/{chat}/messages/{seq}")).status == 204
    for what in (reaction("👍"), "pin"):
        assert (await mark(bob, "PUT", chat, seq, what)).refusal == (409, "conflict", "")
        assert (await mark(bob, "DELETE", chat, seq, what)).status == 204
    assert (await told(ada, chat))[-1][0] == "message_recalled"


async def test_who_may_attach_something_to_a_message(api: RunningApi) -> None:
    owner, member, former, late, stranger = await api.people(5)
    room = await owner.group_with(member, former)
    seq = (await owner.say(room))["seq"]
    base = f"/v1/conversations/{room}/members"
    await owner.call("DELETE", f"{base}/{former.id}")
    await owner.post(base, {"users": [late.id]})
    expected = [
        (owner, 204), (member, 204), (former, 404), (late, 404), (stranger, 404),
        (api.nobody(), 401),
    ]  # fmt: skip
    for caller, status in expected:
        for what in (reaction("👍"), "pin"):
            for method in ("PUT", "DELETE"):
                assert (await mark(caller, method, room, seq, what)).status == status
