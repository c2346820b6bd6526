"""Groups beside their members: what they are, who keeps order, who comes in and how."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from marshmallow import RAISE

from services.api import schemas
from services.api.domain.folding import folded
from services.api.domain.roles import ALLOWED, Deed, is_allowed
from shared.events import Role
from shared.ids import new_id
from tests.api.rig import Caller, RunningApi
from tests.api.test_conversations import events_of, inbox_of


def later(**span: int) -> str:
    return (datetime.now(UTC) + timedelta(**span)).isoformat()


async def say(caller: Caller, room: str, text: str = "hello") -> Any:
    body = {"client_msg_id": new_id(), "body": {"text": text}}
    return await caller.call("POST", f"/v1/conversations/{room}/messages", body)


def test_the_permission_table_names_every_deed_and_the_owner_may_all() -> None:
    assert ALLOWED.keys() == set(Deed)
    assert all(is_allowed(Role.OWNER, deed) for deed in Deed)
    assert not any(is_allowed(Role.MEMBER, deed) for deed in Deed)


async def test_a_group_has_details_with_a_version(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.group_with(bob)
    base = f"/v1/conversations/{room}"
    changes = {"topic": "Tea", "description": "All about tea", "name": "Tea room"}
    answer = await ada.call("PATCH", base, changes)
    assert (answer.status, answer.headers["Etag"]) == (200, '"2"')
    assert schemas.Conversation(unknown=RAISE).validate(answer.json) == {}
    view = await bob.get(base)
    assert {name: view[name] for name in changes} == changes
    assert (view["version"], view["visibility"], view["announcement"]) == (2, "private", False)
    assert (await events_of(bob, room))[1:] == [
        ("conversation_renamed", {"name": "Tea room"}),
        ("conversation_changed", {"version": 2, "topic": "Tea", "description": "All about tea"}),
    ]
    again = await ada.call("PATCH", base, changes, headers={"If-Match": '"1"'})
    assert again.status == 200, "a retry changes nothing and is no conflict"
    stale = await ada.call("PATCH", base, {"topic": "Coffee"}, headers={"If-Match": '"1"'})
    assert stale.refusal[:2] == (412, "stale")
    refused = await ada.call("PATCH", base, {"joining": "open"})
    assert refused.refusal == (422, "invalid", "joining")
    assert (await ada.call("PATCH", base, {})).refusal[:2] == (422, "invalid")


async def test_where_only_announcements_are_members_read(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.group_with(bob)
    base = f"/v1/conversations/{room}"
    seq = (await bob.say(room, "before"))["seq"]
    await ada.call("PATCH", base, {"announcement": True})
    assert (await say(bob, room)).refusal == (403, "forbidden", "")
    assert (await say(ada, room)).status == 201
    edit = await bob.call("PATCH", f"{base}/messages/{seq}", {"text": "after all"})
    assert edit.refusal[:2] == (403, "forbidden")
    assert (await bob.call("PUT", f"{base}/messages/{seq}/reactions/👍")).status == 204
    assert (await bob.call("PUT", f"{base}/messages/{seq}/pin")).refusal[:2] == (403, "forbidden")
    await ada.call("PATCH", base, {"announcement": False})
    assert (await say(bob, room)).status == 201


async def test_a_silenced_member_reads_until_the_time_is_over(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.group_with(bob)
    base = f"/v1/conversations/{room}"
    seq = (await bob.say(room, "before"))["seq"]
    silence = f"{base}/members/{bob.id}/silence"
    until = later(hours=1)
    assert (await ada.call("PUT", silence, {"until": until})).status == 204
    assert (await say(bob, room)).refusal == (403, "forbidden", "")
    for method, path, body in (
        ("PATCH", f"{base}/messages/{seq}", {"text": "x"}),
        ("PUT", f"{base}/messages/{seq}/reactions/👍", None),
        ("PUT", f"{base}/messages/{seq}/pin", None),
    ):
        assert (await bob.call(method, path, body)).refusal[:2] == (403, "forbidden")
    assert (await bob.get(base))["silenced_until"] is not None
    await bob.call("POST", f"{base}/leave")
    await ada.post(f"{base}/members", {"users": [bob.id]})
    assert (await say(bob, room)).status == 403, "coming back does not undo it"
    assert (await ada.call("DELETE", silence)).status == 204
    assert (await say(bob, room)).status == 201
    await ada.call("PUT", silence, {"until": later(seconds=-1)})
    assert (await say(bob, room, "over")).status == 201
    kinds = [kind for kind, _ in await events_of(ada, room)]
    assert kinds.count("member_silenced") == 3


async def test_the_banned_are_out_and_stay_out(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    room = await ada.group_with(bob)
    base = f"/v1/conversations/{room}"
    await ada.call("PATCH", base, {"visibility": "public", "joining": "open"})
    token = (await ada.post(f"{base}/invites", {}))["token"]
    ban = f"{base}/bans/{bob.id}"
    assert (await ada.call("PUT", ban, {"reason": "spam"})).status == 204
    assert (await ada.call("PUT", ban, {})).status == 204, "the same again"
    assert (await bob.call("GET", base)).status == 404
    assert (await inbox_of(bob))[-1][0] == "conversation_removed"
    added = await ada.call("POST", f"{base}/members", {"users": [bob.id]})
    assert added.refusal == (409, "conflict", "users")
    assert (await bob.call("POST", f"{base}/join", {})).status == 404
    assert (await bob.call("GET", f"/v1/channels/{room}")).status == 404
    assert (await bob.get("/v1/channels"))["channels"] == []
    for what in ("preview", "accept"):
        assert (await bob.call("POST", f"/v1/invites/{what}", {"token": token})).status == 404
    page = await ada.get(f"{base}/bans")
    assert schemas.BanPage(unknown=RAISE).validate(page) == {}
    (entry,) = page["bans"]
    assert (entry["user"]["id"], entry["reason"], entry["banned_by"]) == (bob.id, "spam", ada.id)
    assert (await ada.call("PUT", f"{base}/bans/{eve.id}", {})).status == 204, "before they come"
    assert (await eve.call("POST", f"{base}/join", {})).status == 404
    assert (await ada.call("DELETE", ban)).status == 204
    assert (await bob.call("POST", f"{base}/join", {})).status == 200
    kinds = [kind for kind, _ in await events_of(ada, room)]
    assert kinds[2:] == ["member_banned", "member_banned", "member_unbanned", "members_added"]


async def test_a_dissolved_group_is_closed_for_everybody(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    room = await ada.group_with(bob)
    base = f"/v1/conversations/{room}"
    cursors = [(await person.sync())["cursor"] for person in (ada, bob)]
    await ada.call("PATCH", base, {"visibility": "public", "joining": "open"})
    token = (await ada.post(f"{base}/invites", {}))["token"]
    assert (await ada.call("DELETE", base)).status == 204
    for person, cursor in zip((ada, bob), cursors, strict=True):
        assert (await person.call("GET", f"{base}/events")).status == 404
        changed = (await person.sync(cursor))["conversations"]
        assert {"id": room, "state": "left"} in changed
    assert (await say(bob, room)).refusal[:2] == (404, "not_found")
    assert (await eve.call("POST", f"{base}/join", {})).status == 404
    assert (await eve.call("POST", "/v1/invites/accept", {"token": token})).status == 404
    assert (await ada.call("DELETE", base)).status == 404


async def test_a_group_is_never_without_an_owner(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    room = await ada.group_with(bob, eve)
    base = f"/v1/conversations/{room}"
    assert (await ada.call("PUT", f"{base}/bans/{ada.id}", {})).refusal[:2] == (403, "forbidden")
    claim = {"user": bob.id}
    assert (await bob.call("POST", f"{base}/owner", claim)).refusal[:2] == (403, "forbidden")
    await api.database.execute("UPDATE users SET disabled_at = now() WHERE id = %s", (ada.id,))
    assert (await bob.call("POST", f"{base}/owner", claim)).status == 204, "no admin is left to"
    roles = {
        one["user"]["id"]: one["role"] for one in (await bob.get(f"{base}/members"))["members"]
    }
    assert roles == {ada.id: "admin", bob.id: "owner", eve.id: "member"}
    await bob.call("PATCH", f"{base}/members/{eve.id}", {"role": "admin"})
    await api.database.execute("UPDATE users SET disabled_at = now() WHERE id = %s", (bob.id,))
    guest = await api.person()
    await eve.post(f"{base}/members", {"users": [guest.id]})
    refused = await guest.call("POST", f"{base}/owner", {"user": guest.id})
    assert refused.refusal[:2] == (403, "forbidden"), "an admin is there"
    assert (await eve.call("POST", f"{base}/owner", {"user": eve.id})).status == 204


async def test_public_groups_are_found_by_words_of_their_names(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    names = ["Café Société", "café noir", "Tea", "読書クラブ", "100%"]
    rooms = {name: await ada.group_with(name=name) for name in names}
    for room in rooms.values():
        opened = {"visibility": "public", "joining": "open"}
        assert (await ada.call("PATCH", f"/v1/conversations/{room}", opened)).status == 200
    await ada.group_with(name="Café private")
    for words, expected in (
        ("CAFE", {"Café Société", "café noir"}), ("noir caf", {"café noir"}),
        ("読書", {"読書クラブ"}),
        ("%", {"100%"}), ("_", set()), ("", set(names)),
    ):  # fmt: skip
        page = await bob.get("/v1/channels", q=words)
        assert {one["name"] for one in page["channels"]} == expected, words
        assert schemas.ChannelPage(unknown=RAISE).validate(page) == {}
    first = await bob.get("/v1/channels", limit=3)
    rest = await bob.get("/v1/channels", limit=3, after=first["next"])
    assert (len(first["channels"]), len(rest["channels"]), rest["next"]) == (3, 2, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Ｃafé  NOIR", "cafe noir"), ("Straße", "strasse"), ("がぎ", "がぎ"), ("Ελλάδα", "ελλαδα")],
)
def test_names_are_compared_without_case_accents_and_widths(text: str, expected: str) -> None:
    assert folded(text) == expected


async def test_joining_an_open_group_or_asking_to(api: RunningApi) -> None:
    ada, bob, eve, late = await api.people(4)
    room = await ada.group_with(eve)
    base = f"/v1/conversations/{room}"
    await ada.call("PATCH", f"{base}/members/{eve.id}", {"role": "admin"})
    await ada.call("PATCH", base, {"visibility": "public", "joining": "request"})
    asked = await bob.call("POST", f"{base}/join", {"message": "I like tea"})
    assert (asked.status, asked.json["state"]) == (202, "requested")
    assert (await bob.call("POST", f"{base}/join", {})).status == 202, "the same again"
    assert (await bob.get(f"/v1/channels/{room}"))["state"] == "requested"
    page = await eve.get(f"{base}/requests")
    assert schemas.JoinRequestPage(unknown=RAISE).validate(page) == {}
    (request,) = page["requests"]
    assert (request["user"]["id"], request["message"]) == (bob.id, "I like tea")
    body = {"conversation": room, "user": bob.id}
    assert [one for one in await inbox_of(ada) + await inbox_of(eve) if one[1] == body] == [
        ("join_requested", body)
    ] * 2
    assert (await eve.call("POST", f"{base}/requests/{bob.id}", {"accept": True})).status == 204
    assert (await bob.get(base))["role"] == "member"
    answered = ("join_answered", body | {"accepted": True})
    for person in (ada, bob, eve):
        assert (await inbox_of(person))[-1] == answered
    await late.call("POST", f"{base}/join", {})
    assert (await late.call("DELETE", f"{base}/join")).status == 204
    gone = await ada.call("POST", f"{base}/requests/{late.id}", {"accept": True})
    assert gone.refusal == (404, "not_found", "user")
    await late.call("POST", f"{base}/join", {})
    await ada.call("POST", f"{base}/requests/{late.id}", {"accept": False})
    assert (await late.call("GET", base)).status == 404
    await ada.call("PATCH", base, {"joining": "open"})
    assert (await late.call("POST", f"{base}/join", {})).json["state"] == "member"


async def test_an_invitation_is_good_so_often_so_long_and_until_revoked(api: RunningApi) -> None:
    ada, bob, eve, mei = await api.people(4)
    room = await ada.group_with(name="Tea")
    base = f"/v1/conversations/{room}"
    made = await ada.post(f"{base}/invites", {"uses_max": 1, "expires_in_s": 3600})
    assert schemas.Invite(unknown=RAISE).validate(made) == {}
    kept = await api.database.fetch_all("SELECT token_hash FROM invites")
    assert made["token"].encode() not in bytes(kept[0][0]), "only a hash is kept"
    token = {"token": made["token"]}
    preview = await bob.post("/v1/invites/preview", token)
    assert (preview["id"], preview["name"], preview["member_count"]) == (room, "Tea", 1)
    racing = await asyncio.gather(
        *(one.call("POST", "/v1/invites/accept", token) for one in (bob, eve))
    )
    assert sorted(answer.status for answer in racing) == [200, 404]
    listed = (await ada.get(f"{base}/invites"))["invites"]
    assert listed == [], "used up"
    over = await ada.post(f"{base}/invites", {"expires_in_s": 1})
    await api.database.execute("UPDATE invites SET expires_at = now() - interval '1 second'")
    gone = await ada.post(f"{base}/invites", {})
    assert (await ada.call("DELETE", f"{base}/invites/{gone['id']}")).status == 204
    for bad in (over["token"], gone["token"], "guessed"):
        for what in ("preview", "accept"):
            answer = await mei.call("POST", f"/v1/invites/{what}", {"token": bad})
            assert answer.refusal == (404, "not_found", "token")


async def test_an_invitation_with_approval_leads_to_a_request(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.group_with()
    base = f"/v1/conversations/{room}"
    token = (await ada.post(f"{base}/invites", {"approval": True}))["token"]
    for _ in range(2):
        answer = await bob.call("POST", "/v1/invites/accept", {"token": token, "message": "hi"})
        assert (answer.status, answer.json["state"]) == (202, "requested")
    assert (await ada.get(f"{base}/invites"))["invites"][0]["uses"] == 1
    await ada.call("POST", f"{base}/requests/{bob.id}", {"accept": True})
    assert (await bob.call("POST", "/v1/invites/accept", {"token": token})).json[
        "state"
    ] == "member"


async def test_settings_are_one_members_own_and_have_a_version(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.group_with(bob)
    path = f"/v1/conversations/{room}/me"
    cursor = (await ada.sync())["cursor"]
    bobs = (await bob.sync())["cursor"]
    changes = {
        "muted_until": "2100-01-01T00:00:00Z", "notify": "mentions", "pinned": 2, "archived": True,
        "hidden": True, "marked_unread": True, "draft": {"text": "so far", "reply_to": 1},
    }  # fmt: skip
    answer = await ada.call("PATCH", path, changes)
    assert (answer.status, answer.headers["Etag"]) == (200, '"1"')
    assert schemas.MemberSettings(unknown=RAISE).validate(answer.json) == {}
    synced = {one["id"]: one for one in (await ada.sync(cursor))["conversations"]}
    assert synced[room]["settings"] == answer.json
    assert (await bob.sync(bobs))["conversations"] == []
    kind, body = (await inbox_of(ada))[-1]
    assert kind == "conversation_settings"
    assert (body["version"], body["pinned"], body["draft"]) == (1, 2, True), "no text in the log"
    assert (await ada.call("PATCH", path, changes, headers={"If-Match": '"0"'})).status == 200
    stale = await ada.call("PATCH", path, {"pinned": None}, headers={"If-Match": '"0"'})
    assert stale.refusal[:2] == (412, "stale")
    await bob.say(room)
    assert (await ada.get(f"/v1/conversations/{room}"))["settings"]["hidden"] is False
    cleared = await ada.call("PATCH", path, {"draft": None, "muted_until": None, "pinned": None})
    assert cleared.json["draft"] is cleared.json["muted_until"] is cleared.json["pinned"] is None
    assert (await ada.call("PATCH", path, {"draft": {"text": ""}})).refusal[2] == "draft.text"
    assert (await ada.call("PATCH", path, {"muted_until": "soon"})).refusal[2] == "muted_until"


async def test_who_leaves_takes_their_settings_along(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.group_with(bob)
    await bob.call("PATCH", f"/v1/conversations/{room}/me", {"archived": True})
    await bob.post(f"/v1/conversations/{room}/leave")
    await ada.post(f"/v1/conversations/{room}/members", {"users": [bob.id]})
    assert (await bob.get(f"/v1/conversations/{room}"))["settings"]["version"] == 0


async def test_two_devices_change_settings_at_once(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.direct_with(bob)
    path = f"/v1/conversations/{room}/me"
    await asyncio.gather(*(ada.call("PATCH", path, {"pinned": place}) for place in range(1, 9)))
    assert (await ada.get(f"/v1/conversations/{room}"))["settings"]["version"] == 8
