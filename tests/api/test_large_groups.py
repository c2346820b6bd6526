"""A group of as many members as there may be."""

from __future__ import annotations

import pytest

from shared.ids import EVERYBODY, new_id
from shared.limits import ADD_MEMBERS_MAX, GROUP_MAX_MEMBERS
from tests.api.rig import Caller, RunningApi
from tests.support.servers import wait_until


async def crowd(api: RunningApi, count: int) -> list[str]:
    users = [new_id() for _ in range(count)]
    await api.database.execute(
        "INSERT INTO users (id, handle, display_name, password_hash)"
        " SELECT id, 'u' || right(id::text, 12), 'Somebody', 'x' FROM unnest(%s::uuid[]) AS i (id)",
        (users,),
    )
    return users


@pytest.mark.slow
async def test_ten_thousand_come_are_told_and_go(api: RunningApi) -> None:
    ada = await api.person("ada")
    users = await crowd(api, GROUP_MAX_MEMBERS)
    room = await ada.group_with()
    base = f"/v1/conversations/{room}"
    for start in range(0, GROUP_MAX_MEMBERS - 1, ADD_MEMBERS_MAX):
        some = users[start : min(start + ADD_MEMBERS_MAX, GROUP_MAX_MEMBERS - 1)]
        await ada.post(f"{base}/members", {"users": some})
    assert (await ada.get(base))["member_count"] == GROUP_MAX_MEMBERS
    full = await ada.call("POST", f"{base}/members", {"users": users[-1:]})
    assert full.refusal[:2] == (409, "conflict")
    page = await ada.get(f"{base}/members", limit=200, after=users[5000])
    assert len(page["members"]) == 200
    seq = (await ada.say(room, "@all: hello"))["seq"]
    some_members = [Caller(api, api.issuer.user_token(user), user) for user in users[::2500]]
    for member in some_members:
        view = await member.get(base)
        assert (view["mentions"], view["unread"]) == (1, 1)
        assert (await member.sync())["conversations"]
    await some_members[0].post(f"{base}/receipts", {"read_seq": seq})
    counted = await ada.get(f"{base}/messages/{seq}/receipts")
    assert counted == {"delivered": 1, "read": 1, "members": None}
    assert (await ada.call("DELETE", base)).status == 204
    for member in some_members:
        assert (await member.call("GET", base)).status == 404

    async def told() -> bool:
        return [event.left for event in await api.stream(room)][-1:] == [[EVERYBODY]]

    await wait_until(told)
