"""Messages as they are now: the same as their log, replayed."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marshmallow import RAISE

from agileim import PresentMessage, Transcript
from agileim.events import from_wire
from agileim.frames import Event
from services.api import schemas
from services.api.store import snapshots
from shared.ids import new_id
from shared.limits import REACTION_USERS_SHOWN
from tests.api.rig import Caller, RunningApi


async def snapshot(caller: Caller, room: str, limit: int = 50) -> list[PresentMessage]:
    """All pages."""
    found: list[PresentMessage] = []
    query: dict[str, Any] = {"limit": limit}
    while True:
        page = await caller.get(f"/v1/conversations/{room}/messages", **query)
        assert schemas.MessagePage(unknown=RAISE).validate(page) == {}
        found = msgspec.convert(page["messages"], list[PresentMessage]) + found
        if page["next"] is None:
            return found
        query["before_seq"] = page["next"]


async def replay(caller: Caller, room: str, transcript: Transcript, after: int = 0) -> int:
    """Apply the log after a seq, asking for texts that it does not tell; its end."""
    while True:
        page = await caller.get(f"/v1/conversations/{room}/events", after_seq=after, limit=200)
        for event in msgspec.convert(page["events"], list[Event]):
            transcript.apply(from_wire(event, caller.id))
            after = event.seq
        if after >= page["head_seq"]:
            break
    for seq in sorted(transcript.outdated):
        page = await caller.get(f"/v1/conversations/{room}/messages", before_seq=seq + 1, limit=1)
        transcript.replace(msgspec.convert(page["messages"], list[PresentMessage]))
    return after


DEEDS = st.lists(
    st.tuples(
        st.integers(0, 2),  # who
        st.sampled_from(
            ["say", "say", "reply", "edit", "edit", "react", "react", "unreact", "pin", "unpin",
             "recall", "come", "go", "look", "aside", "aside", "mention", "mention in edit",
             "forward", "read thread"]
        ),
        st.integers(0, 3),  # to which message
        st.integers(0, 2),  # which emoji or text
    ),
    min_size=15,
    max_size=40,
)  # fmt: skip


def handle_of(person: Caller) -> str:
    """As the rig makes them."""
    return f"u{person.id.replace('-', '')[-20:]}"


async def act(
    people: list[Caller], room: str, said: list[int], deed: tuple[int, str, int, int]
) -> None:
    """Do something that may well be refused; ``said`` are the messages so far."""
    who, what, index, choice = deed
    seq = said[index % len(said)]
    base = f"/v1/conversations/{room}"
    message, sign = f"{base}/messages/{seq}", quote("👍❤🎉"[choice])
    body = {"text": f"text {choice}"}
    named = {"text": ["@all", f"@{handle_of(people[who])}", f"@{handle_of(people[1])} !"][choice]}
    send = {"client_msg_id": new_id(), "body": body}
    calls: dict[str, tuple[str, str, Any]] = {
        "say": ("POST", f"{base}/messages", send),
        "reply": ("POST", f"{base}/messages", send | {"body": body | {"reply_to": seq}}),
        "edit": ("PATCH", message, body),
        "react": ("PUT", f"{message}/reactions/{sign}", None),
        "unreact": ("DELETE", f"{message}/reactions/{sign}", None),
        "pin": ("PUT", f"{message}/pin", None),
        "unpin": ("DELETE", f"{message}/pin", None),
        "recall": ("DELETE", message, None),
        "aside": ("POST", f"{base}/messages", send | {"body": body | {"thread": seq}}),
        "mention": ("POST", f"{base}/messages", send | {"body": named}),
        "mention in edit": ("PATCH", message, named),
        "forward": (
            "POST",
            f"{base}/forward",
            {"source": room, "messages": [{"seq": seq, "client_msg_id": new_id()}]},
        ),
        "read thread": ("PATCH", f"{message}/thread", {"read_seq": said[-1]}),
        "go": ("POST", f"{base}/leave", None),
        "come": ("POST", f"{base}/members", {"users": [people[2].id]}),
    }
    answer = await people[who].call(*calls[what])
    assert answer.status < 500, (deed, answer.body)
    if what in ("say", "reply", "aside", "mention") and answer.status == 201:
        said.append(answer.json["seq"])


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(deeds=DEEDS, page=st.integers(1, 4))
async def test_a_snapshot_equals_the_log_replayed(
    api: RunningApi, deeds: list[tuple[int, str, int, int]], page: int
) -> None:
    people = await api.people(3)
    room = await people[0].group_with(people[1])
    said = [(await person.say(room))["seq"] for person in people[:2]]
    live = Transcript(people[1].id)  # follows all the time; the others replay at the end
    seen = 0
    for deed in deeds:
        if deed[1] == "look":
            seen = await replay(people[1], room, live, seen)
        else:
            await act(people, room, said, deed)
        if deed[1] == "go" and people[deed[0]] is people[1]:
            live, seen = Transcript(people[1].id), 0  # gone; from here on as somebody new
            await people[0].post(f"/v1/conversations/{room}/members", {"users": [people[1].id]})
    await replay(people[1], room, live, seen)
    for person in people:
        if (await person.call("GET", f"/v1/conversations/{room}")).status == 404:
            continue
        now = await snapshot(person, room, page)
        late = Transcript(person.id)
        await replay(person, room, late)
        assert list(late.messages.values()) == now
        if person is people[1]:
            assert list(live.messages.values()) == now


async def test_a_page_among_many_other_events_is_short_but_not_the_last(
    api: RunningApi, monkeypatch: Any
) -> None:
    monkeypatch.setattr(snapshots, "SCAN_MAX", 3)
    ada, bob = await api.people(2)
    room = await ada.direct_with(bob)
    seq = (await ada.say(room, "early"))["seq"]
    for _ in range(3):
        for method in ("PUT", "DELETE"):
            await bob.call(method, f"/v1/conversations/{room}/messages/{seq}/pin")
    page = await bob.get(f"/v1/conversations/{room}/messages")
    assert (page["messages"], page["next"], page["head_seq"]) == ([], 6, 8)
    assert [one.text for one in await snapshot(bob, room)] == ["early"]


async def test_many_reactions_are_counted_and_the_first_ones_named(api: RunningApi) -> None:
    people = await api.people(REACTION_USERS_SHOWN + 2)
    room = await people[0].group_with(*people[1:])
    seq = (await people[0].say(room))["seq"]
    for person in people:
        await person.call("PUT", f"/v1/conversations/{room}/messages/{seq}/reactions/{quote('👍')}")
    (message,) = await snapshot(people[-1], room)
    (reaction,) = message.reactions
    assert (reaction.count, reaction.mine) == (len(people), True)
    assert reaction.users == [person.id for person in people[:REACTION_USERS_SHOWN]]


async def test_a_snapshot_is_for_members_from_where_they_came_in(api: RunningApi) -> None:
    ada, bob, late, stranger = await api.people(4)
    room = await ada.group_with(bob)
    await ada.say(room, "early")
    await ada.post(f"/v1/conversations/{room}/members", {"users": [late.id]})
    await ada.say(room, "later")
    assert [one.text for one in await snapshot(late, room)] == ["later"]
    path = f"/v1/conversations/{room}/messages"
    assert (await stranger.call("GET", path)).refusal[:2] == (404, "not_found")
    assert (await api.nobody().call("GET", path)).refusal[0] == 401
    await bob.post(f"/v1/conversations/{room}/leave")
    assert (await bob.call("GET", path)).refusal[:2] == (404, "not_found")
    for query in ("before_seq=0", "limit=0", "limit=201", "before_seq=x"):
        assert (await ada.call("GET", f"{path}?{query}")).refusal[:2] == (422, "invalid")


async def test_all_pinned_messages_are_told_at_once_to_who_may_see_them(api: RunningApi) -> None:
    ada, bob, late, stranger = await api.people(4)
    room = await ada.group_with(bob)
    path = f"/v1/conversations/{room}/pins"
    seqs = [(await ada.say(room, text))["seq"] for text in ("one", "two", "three")]
    assert (await ada.get(path))["messages"] == []
    for seq in (seqs[2], seqs[0]):
        await bob.call("PUT", f"/v1/conversations/{room}/messages/{seq}/pin")
    await ada.call("PATCH", f"/v1/conversations/{room}/messages/{seqs[0]}", {"text": "ONE"})
    page = await bob.get(path)
    assert schemas.MessagePage(unknown=RAISE).validate(page) == {}
    assert [(one["text"], one["pinned"]) for one in page["messages"]] == [
        ("ONE", True),
        ("three", True),
    ]
    assert (page["next"], page["head_seq"]) == (None, seqs[2] + 3)
    await ada.post(f"/v1/conversations/{room}/members", {"users": [late.id]})
    assert (await late.get(path))["messages"] == []
    assert (await stranger.call("GET", path)).refusal[:2] == (404, "not_found")
    await ada.call("DELETE", f"/v1/conversations/{room}/messages/{seqs[2]}")
    assert [one["text"] for one in (await ada.get(path))["messages"]] == ["ONE"]
