"""Pictures of people and groups: whose files they may be, and who sees them."""

from __future__ import annotations

from tests.api.rig import RunningApi
from tests.api.test_files import picture, status, upload


async def test_a_groups_picture_is_for_its_members(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    room = await ada.group_with(bob)
    base = f"/v1/conversations/{room}"
    file = await upload(ada, picture(), "us.jpg")
    path = f"/v1/files/{file}/info"
    assert await status(bob, path) == 404, "nobody has been shown it"
    assert (await ada.call("PATCH", base, {"avatar": file})).status == 200
    assert (await bob.get(base))["avatar"] == file
    assert [await status(one, path) for one in (ada, bob, eve)] == [200, 200, 404]
    await ada.call("PATCH", base, {"visibility": "public", "joining": "open"})
    assert await status(eve, path) == 200
    await ada.call("PATCH", base, {"visibility": "private", "joining": "invited"})
    await bob.post(f"{base}/leave")
    assert await status(bob, path) == 404


async def test_a_picture_is_ones_own_and_a_picture(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    base = f"/v1/conversations/{await ada.group_with(bob)}"
    for file in (await upload(bob, picture()), await upload(ada, b"some text"), bob.id):
        refused = await ada.call("PATCH", base, {"avatar": file, "topic": "x"})
        assert refused.refusal == (422, "invalid", "avatar")
    assert (await ada.get(base))["topic"] == "", "all or nothing"


async def test_a_picture_that_is_replaced_may_go(api: RunningApi) -> None:
    ada = await api.person()
    base = f"/v1/conversations/{await ada.group_with()}"
    first, second = [await upload(ada, picture(size), "a.jpg") for size in ((40, 40), (50, 50))]

    async def kept() -> list[bool]:
        rows = await api.database.fetch_all(
            "SELECT id::text, kept_until IS NULL FROM files WHERE id = ANY(%s::uuid[])",
            ([first, second],),
        )
        known: dict[str, bool] = {file: is_kept for file, is_kept in rows}  # noqa: C416 - typed
        return [known[file] for file in (first, second)]

    await ada.call("PATCH", base, {"avatar": first})
    assert await kept() == [True, False]
    await ada.call("PATCH", base, {"avatar": second})
    assert await kept() == [False, True]
    await ada.call("PATCH", base, {"avatar": None})
    assert await kept() == [False, False]


async def test_a_persons_picture_is_for_everybody_who_is_signed_in(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    file = await upload(ada, picture(), "me.jpg")
    assert (await ada.call("PATCH", "/v1/me", {"avatar": file})).status == 200
    assert await status(bob, f"/v1/files/{file}/info") == 200
    assert await status(api.nobody(), f"/v1/files/{file}/info") == 401
