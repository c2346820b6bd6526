"""Two devices that sync at any time know what a fresh look shows, whatever has happened."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.ids import new_id
from tests.api.rig import Caller, RunningApi
from tests.api.test_snapshots import handle_of


class Device:
    """Keeps what sync has told it."""

    def __init__(self, person: Caller) -> None:
        self.person = person
        self.cursor = ""
        self.known: dict[str, Any] = {}

    async def sync(self) -> None:
        more = True
        while more:
            page = await self.person.sync(self.cursor, limit=2)
            if page["full"] and not self.cursor:
                self.known = {}
            for one in page["conversations"]:
                if one["state"] == "left":
                    self.known.pop(one["id"], None)
                else:
                    self.known[one["id"]] = {k: v for k, v in one.items() if k != "state"}
            self.cursor, more = page["cursor"], page["more"]


async def fresh(person: Caller) -> dict[str, Any]:
    page = await person.get("/v1/conversations", limit=200)
    return {one["id"]: one for one in page["conversations"]}


DEEDS = st.lists(
    st.tuples(
        st.integers(0, 2),  # who
        st.sampled_from(
            ["say", "mention", "mention all", "edit", "recall", "aside", "read", "read thread",
             "unfollow", "topic", "announce", "open", "set", "draft", "silence", "unsilence",
             "ban", "unban", "leave", "join", "add", "promote", "hand over", "sync 0", "sync 1"]
        ),
        st.integers(0, 2),  # to whom
        st.integers(0, 4),  # which message or value
    ),
    min_size=15,
    max_size=40,
)  # fmt: skip


async def act(
    people: list[Caller], room: str, said: list[int], deed: tuple[int, str, int, int]
) -> None:
    """Do something that may well be refused."""
    who, what, whom, choice = deed
    base, user, seq = f"/v1/conversations/{room}", people[whom].id, said[choice % len(said)]
    message = f"{base}/messages/{seq}"

    def text(text: str, **more: Any) -> dict[str, Any]:
        return {"client_msg_id": new_id(), "body": {"text": text, **more}}

    name = f"@{handle_of(people[whom])}"
    calls: dict[str, tuple[str, str, Any]] = {
        "say": ("POST", f"{base}/messages", text("hello")),
        "mention": ("POST", f"{base}/messages", text(name)),
        "mention all": ("POST", f"{base}/messages", text("@all")),
        "edit": ("PATCH", message, {"text": ["nobody", name][choice % 2]}),
        "recall": ("DELETE", message, None),
        "aside": ("POST", f"{base}/messages", text(name, thread=seq)),
        "read": ("POST", f"{base}/receipts", {"read_seq": said[-1]}),
        "read thread": ("PATCH", f"{message}/thread", {"read_seq": said[-1]}),
        "unfollow": ("PATCH", f"{message}/thread", {"following": bool(choice % 2)}),
        "topic": ("PATCH", base, {"topic": f"topic {choice}"}),
        "announce": ("PATCH", base, {"announcement": bool(choice % 2)}),
        "open": ("PATCH", base, {"visibility": "public", "joining": "open"}),
        "set": ("PATCH", f"{base}/me", {"pinned": choice, "hidden": bool(choice % 2)}),
        "draft": ("PATCH", f"{base}/me", {"draft": {"text": f"draft {choice}"}}),
        "silence": ("PUT", f"{base}/members/{user}/silence", {"until": "2100-01-01T00:00:00Z"}),
        "unsilence": ("DELETE", f"{base}/members/{user}/silence", None),
        "ban": ("PUT", f"{base}/bans/{user}", {}),
        "unban": ("DELETE", f"{base}/bans/{user}", None),
        "leave": ("POST", f"{base}/leave", None),
        "join": ("POST", f"{base}/join", {}),
        "add": ("POST", f"{base}/members", {"users": [user]}),
        "promote": ("PATCH", f"{base}/members/{user}", {"role": "admin"}),
        "hand over": ("POST", f"{base}/owner", {"user": user}),
    }
    answer = await people[who].call(*calls[what])
    assert answer.status < 500, (deed, answer.body)
    if answer.status == 201:
        said.append(answer.json["seq"])


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(deeds=DEEDS)
async def test_what_sync_told_is_what_a_fresh_look_shows(
    api: RunningApi, deeds: list[tuple[int, str, int, int]]
) -> None:
    people = await api.people(3)
    room = await people[0].group_with(*people[1:])
    said = [(await person.say(room))["seq"] for person in people[:2]]
    devices = [[Device(person), Device(person)] for person in people]
    for deed in deeds:
        if deed[1].startswith("sync"):
            await devices[deed[0]][int(deed[1][-1])].sync()
        else:
            await act(people, room, said, deed)
    for person, theirs in zip(people, devices, strict=True):
        now = await fresh(person)
        for device in theirs:
            await device.sync()
            assert device.known == now
