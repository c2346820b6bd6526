"""What operators ask of api: every change is audited, and only their scope may ask."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from services.api.store import announcements
from shared.administration import SCOPE_ADMIN
from shared.entries import decode_revocation
from shared.ids import new_id
from shared.internal import SCOPE_AUTH, SCOPE_DISPATCHER, SCOPE_GATEWAY, NewSession
from tests.api.rig import Caller, RunningApi
from tests.support.servers import wait_until

BASE = "/internal/v1/admin"
BY = {"operator": "olga", "reason": "spam"}


@pytest.fixture
def operator(api: RunningApi) -> Caller:
    return api.service(SCOPE_ADMIN)


async def session_of(api: RunningApi, person: Caller) -> str:
    session = new_id()
    begun = NewSession(
        session, person.id, "agileim-cli", "chat", "desk", new_id().replace("-", ""),
        datetime.now(UTC) + timedelta(days=1),
    )  # fmt: skip
    assert (await api.call(SCOPE_AUTH, "POST", "/internal/v1/sessions", begun)).status == 201
    return session


async def revoked(api: RunningApi) -> list[str]:
    entries: Any = await api.redis.xrange(api.keys.revocations())
    return [session for _, fields in entries for session in decode_revocation(fields).sessions]


async def audited(operator: Caller, user: str = "") -> list[tuple[str, str]]:
    page = await operator.get(f"{BASE}/audit", **({"user": user} if user else {}))
    return [(event["what"], event["detail"]) for event in page["events"]]


@pytest.mark.parametrize("scope", [SCOPE_AUTH, SCOPE_GATEWAY, SCOPE_DISPATCHER])
async def test_other_services_may_not_administer(api: RunningApi, scope: str) -> None:
    someone = api.service(scope)
    for path in ("users", "conversations", "audit", "database", f"users/{new_id()}"):
        assert (await someone.call("GET", f"{BASE}/{path}")).status == 403
    for path in (f"users/{new_id()}/disable", "announcements", "audit"):
        assert (await someone.call("POST", f"{BASE}/{path}", BY)).status == 403


async def test_a_person_with_a_chat_token_may_not_administer(api: RunningApi) -> None:
    person = await api.person()
    assert (await person.call("GET", f"{BASE}/users")).status == 401


async def test_people_are_found_by_the_beginning_of_their_handle(
    api: RunningApi, operator: Caller
) -> None:
    for handle in ("anna", "anne", "anton", "bob"):
        await api.person(handle)
    first = await operator.get(f"{BASE}/users", find="an", limit=2)
    assert [user["handle"] for user in first["users"]] == ["anna", "anne"]
    rest = await operator.get(f"{BASE}/users", find="an", limit=2, after=first["next"])
    assert [user["handle"] for user in rest["users"]] == ["anton"]
    assert rest["next"] == ""


async def test_a_disabled_person_is_out_and_told_to_the_gateways(
    api: RunningApi, operator: Caller
) -> None:
    person = await api.person()
    session = await session_of(api, person)
    ended = await operator.post(f"{BASE}/users/{person.id}/disable", BY)
    assert ended["sessions"] == [session]
    assert session in await revoked(api)
    shown = await operator.get(f"{BASE}/users/{person.id}")
    assert shown["disabled_at"] is not None
    assert shown["sessions"] == 0
    assert await audited(operator, person.id) == [
        ("admin_user_disabled", "operator=olga reason=spam")
    ]
    # Whoever did not see the answer asks again, and gateways are told again.
    assert (await operator.post(f"{BASE}/users/{person.id}/disable", BY))["sessions"] == [session]
    await operator.post(f"{BASE}/users/{person.id}/enable", BY)
    assert (await operator.get(f"{BASE}/users/{person.id}"))["disabled_at"] is None


async def test_one_session_is_ended_and_the_others_live(api: RunningApi, operator: Caller) -> None:
    person = await api.person()
    first, second = await session_of(api, person), await session_of(api, person)
    await operator.post(f"{BASE}/sessions/{first}/end", BY)
    left = await operator.get(f"{BASE}/users/{person.id}/sessions")
    assert [one["session"] for one in left["sessions"]] == [second]
    assert await revoked(api) == [first]
    assert (await audited(operator, person.id))[0][0] == "admin_session_ended"
    await operator.post(f"{BASE}/users/{person.id}/sessions/end", BY)
    assert set(await revoked(api)) == {first, second}


async def test_unknown_things_are_not_found(api: RunningApi, operator: Caller) -> None:
    for identifier in (new_id(), "nonsense"):
        for path in (f"users/{identifier}", f"conversations/{identifier}"):
            assert (await operator.call("GET", f"{BASE}/{path}")).refusal[:2] == (404, "not_found")
        for path in (
            f"users/{identifier}/disable",
            f"users/{identifier}/sessions/end",
            f"sessions/{identifier}/end",
            f"conversations/{identifier}/freeze",
        ):
            assert (await operator.call("POST", f"{BASE}/{path}", BY)).status == 404, path


async def test_a_change_needs_a_name(api: RunningApi, operator: Caller) -> None:
    person = await api.person()
    path = f"{BASE}/users/{person.id}/disable"
    answer = await operator.call("POST", path, {"operator": ""})
    assert answer.refusal == (422, "invalid", "operator")
    answer = await operator.call("POST", path, {"operator": "olga", "reason": "x" * 501})
    assert answer.refusal == (422, "invalid", "reason")


async def test_conversations_are_found_by_name_and_by_person(
    api: RunningApi, operator: Caller
) -> None:
    anna, ben = await api.people(2)
    group = await anna.group_with(ben, name="100%_sure")
    other = await anna.group_with(name="1000 sure")
    await anna.say(group)
    found = await operator.get(f"{BASE}/conversations", find="0%_s")
    assert [one["conversation"] for one in found["conversations"]] == [group]
    assert found["conversations"][0]["messages"] == 1
    found = await operator.get(f"{BASE}/conversations", user=ben.id, limit=1)
    assert found["next"] != ""
    both = [one["conversation"] for one in found["conversations"]]
    page = await operator.get(f"{BASE}/conversations", user=ben.id, after=found["next"])
    both += [one["conversation"] for one in page["conversations"]]
    assert group in both
    assert other not in both


async def test_a_frozen_conversation_is_read_and_not_written(
    api: RunningApi, operator: Caller
) -> None:
    anna, ben = await api.people(2)
    group = await anna.group_with(ben)
    first = await anna.say(group)
    row = await operator.post(f"{BASE}/conversations/{group}/freeze", BY)
    assert row["frozen_at"] is not None
    path = f"/v1/conversations/{group}"
    message = {"client_msg_id": new_id(), "body": {"text": "again"}}
    answers = [
        await ben.call("POST", f"{path}/messages", message),
        await anna.call("PATCH", path, {"name": "Other"}),
        await anna.call("PUT", f"{path}/messages/{first['seq']}/reactions/👍"),
    ]
    assert {answer.refusal[:2] for answer in answers[:2]} == {(403, "forbidden")}
    assert answers[2].status >= 400
    log = await ben.get(f"{path}/events")
    assert log["head_seq"] == first["seq"]
    await operator.post(f"{BASE}/conversations/{group}/unfreeze", BY)
    assert (await ben.call("POST", f"{path}/messages", message)).status == 201
    whats = [what for what, _ in await audited(operator)]
    assert whats == ["admin_conversation_unfrozen", "admin_conversation_frozen"]


async def test_a_dissolved_group_is_gone_for_everybody(api: RunningApi, operator: Caller) -> None:
    anna, ben = await api.people(2)
    group = await anna.group_with(ben)
    direct = await anna.direct_with(ben)
    await operator.post(f"{BASE}/conversations/{group}/freeze", BY)
    for _ in range(2):  # the second time changes nothing
        assert (await operator.post(f"{BASE}/conversations/{group}/dissolve", BY))["members"] == 0
    for person in (anna, ben):
        assert (await person.call("GET", f"/v1/conversations/{group}")).status == 404
    whats = [what for what, _ in await audited(operator)]
    assert whats.count("admin_conversation_dissolved") == 1
    refused = await operator.call("POST", f"{BASE}/conversations/{direct}/dissolve", BY)
    assert refused.status == 404

    async def published() -> bool:
        return any(b"conversation_dissolved" in event.frame for event in await api.stream(group))

    await wait_until(published)


async def test_everybody_is_told_once_however_often_it_is_asked_for(
    api: RunningApi, operator: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcements, "STEP_USERS", 2)
    people = await api.people(5)
    out = people.pop()
    await operator.post(f"{BASE}/users/{out.id}/disable", BY)
    step = {"id": new_id(), "text": "Maintenance at 5", "by": BY}
    for told in (4, 0):
        count, after = 0, ""
        while True:
            answer = await operator.post(f"{BASE}/announcements", step | {"after": after})
            count += answer["told"]
            after = answer["next"]
            if not after:
                break
        assert count == told
    for person in people:
        (inbox,) = (await person.sync())["conversations"]
        log = await person.get(f"/v1/conversations/{inbox['id']}/events")
        assert [(e["kind"], e["body"]) for e in log["events"]] == [
            ("announcement", {"text": "Maintenance at 5"})
        ]

        async def published(conversation: str = inbox["id"]) -> bool:
            return len(await api.stream(conversation)) == 1

        await wait_until(published)
    whats = [what for what, _ in await audited(operator)]
    assert whats.count("admin_announced") == 1


async def test_deeds_done_elsewhere_are_noted_once(api: RunningApi, operator: Caller) -> None:
    deed = {"id": new_id(), "what": "admin_dead_entry_dropped", "by": BY, "detail": "partition=3"}
    for _ in range(2):
        assert (await operator.call("POST", f"{BASE}/audit", deed)).status == 204
    assert await audited(operator) == [
        ("admin_dead_entry_dropped", "partition=3 operator=olga reason=spam")
    ]


async def test_the_state_of_the_database(api: RunningApi, operator: Caller) -> None:
    state = await operator.get(f"{BASE}/database")
    assert state["missing"] == state["unknown"] == state["invalid_indexes"] == []
    assert state["missing_privileges"] == []
    assert state["version_number"] >= 150_000
    assert "0001_accounts" in state["applied"]
    await api.database.execute(
        "UPDATE agileim_migrations SET migration_id = '9999_new' WHERE migration_id = '0004_audit'"
    )
    state = await operator.get(f"{BASE}/database")
    assert (state["unknown"], state["missing"]) == (["9999_new"], ["0004_audit"])
    assert msgspec.json.encode(state["settings"])
