"""One's own profile, what others see of it, and finding people."""

from __future__ import annotations

from typing import Any

import pytest

from services.api import schemas
from services.api.domain.confusables import skeleton
from services.api.domain.names import asked_tokens, graphemes, search_name, search_tokens
from services.api.store.naming import Naming
from shared.entries import decode_presence_change
from shared.handles import is_handle
from shared.internal import SCOPE_AUTH, NewAccount
from tests.api.rig import Caller, RunningApi
from tests.api.test_contacts import ask, block, inbox
from tests.api.test_rest import fits
from tests.support.servers import wait_until

FAMILY = "👨‍👩‍👧‍👦"


async def change(person: Caller, **changes: Any) -> Any:
    answer = await person.call("PATCH", "/v1/me", changes)
    assert answer.status == 200, answer.body
    fits(schemas.Me, answer.json)
    return answer.json


async def named(api: RunningApi, handle: str, display_name: str) -> Caller:
    """Somebody who has registered."""
    account = NewAccount(handle=handle, display_name=display_name, password_hash=f"h-{handle}")
    answer = await api.call(SCOPE_AUTH, "POST", "/internal/v1/accounts", account)
    assert answer.status == 201, answer.body
    user = answer.json["user"]
    return Caller(api, api.issuer.user_token(user), user)


async def found(person: Caller, question: str) -> list[str]:
    page = await person.get("/v1/people", q=question)
    fits(schemas.PeoplePage, page)
    return [one["handle"] for one in page["people"]]


# --- profiles -----------------------------------------------------------------------------------


async def test_what_one_tells_is_what_others_see(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    told = await change(
        ada,
        display_name=f"Ada {FAMILY}",
        status={"text": "in Turin", "emoji": "🏔️", "until": "2099-01-01T00:00:00Z"},
        time_zone="Europe/Rome",
        language="ZH-hans-cn",
        phone="+393331234567",
    )
    assert (told["language"], told["version"]) == ("zh-Hans-CN", 2)
    seen = await bob.get(f"/v1/users/{ada.id}")
    fits(schemas.Profile, seen)
    assert seen["display_name"] == f"Ada {FAMILY}"
    assert seen["status"] == {"text": "in Turin", "emoji": "🏔️", "until": "2099-01-01T00:00:00Z"}
    assert seen.keys() & {"phone", "privacy", "version"} == set()
    assert (await inbox(ada))[-1][0] == "profile_changed"
    assert (await inbox(ada))[-1][1]["version"] == 2
    await change(ada, status=None, time_zone="")
    seen = await bob.get(f"/v1/users/{ada.id}")
    assert seen.keys() & {"status", "time_zone"} == set()


async def test_a_status_ends_by_itself(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    await change(ada, status={"text": "back soon", "until": "2020-01-01T00:00:00Z"})
    assert "status" not in await bob.get(f"/v1/users/{ada.id}")


async def test_two_devices_do_not_overwrite_each_other(api: RunningApi) -> None:
    ada = await api.person()
    first = await ada.call("GET", "/v1/me")
    tag = first.headers["Etag"]
    one = await ada.call("PATCH", "/v1/me", {"display_name": "A"}, headers={"If-Match": tag})
    assert one.status == 200
    other = await ada.call("PATCH", "/v1/me", {"display_name": "B"}, headers={"If-Match": tag})
    assert other.refusal[:2] == (412, "stale")
    fresh = {"If-Match": one.headers["Etag"]}
    assert (await ada.call("PATCH", "/v1/me", {"display_name": "B"}, headers=fresh)).status == 200
    assert len(await inbox(ada)) == 2


async def test_the_same_again_is_no_change(api: RunningApi) -> None:
    ada = await api.person()
    assert (await change(ada, display_name="Ada"))["version"] == 2
    assert (await change(ada, display_name="Ada"))["version"] == 2
    assert (await change(ada))["version"] == 2
    assert len(await inbox(ada)) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"display_name": " \u200b"}, "display_name"),
        ({"display_name": FAMILY * 101}, "display_name"),
        ({"display_name": "a\u202eb"}, "display_name"),
        ({"display_name": "a\nb"}, "display_name"),
        ({"display_name": "Z" + "\u0301" * 900}, "display_name"),
        ({"status": {"emoji": "ab"}}, "status.emoji"),
        ({"status": {"until": "2030-01-01T00:00:00"}}, "status.until"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"language": "not a tag"}, "language"),
        ({"phone": "123"}, "phone"),
        ({"avatar": "00000000-0000-7000-8000-000000000000"}, "avatar"),
        ({"privacy": {"presence": "friends"}}, "privacy.presence"),
        ({"handle": "other"}, "handle"),
    ],
)
async def test_what_is_wrong_is_named(api: RunningApi, body: Any, field: str) -> None:
    ada = await api.person()
    assert (await ada.call("PATCH", "/v1/me", body)).refusal == (422, "invalid", field)


async def test_the_longest_names_fit(api: RunningApi) -> None:
    ada = await api.person()
    assert (await change(ada, display_name="é" * 100))["display_name"] == "é" * 100
    assert graphemes(FAMILY * 100) == 100
    await change(ada, display_name="שלום עולם")
    await change(ada, display_name="مرحبا")


async def test_who_follows_a_person_is_told_of_a_new_face_but_not_of_settings(
    api: RunningApi,
) -> None:
    ada = await api.person()

    async def news() -> list[tuple[str, bool]]:
        entries: Any = await api.redis.xrange(api.keys.presence_changes())
        changes = [decode_presence_change(fields) for _, fields in entries]
        return [(one.user, bool(one.frame)) for change in changes for one in change.people]

    await change(ada, language="it")
    await change(ada, display_name="New")
    await change(ada, privacy={"presence": "nobody"})
    await wait_until(lambda: _has(news, [(ada.id, True), (ada.id, False)]))


async def _has(ask_for: Any, wanted: Any) -> bool:
    return bool(await ask_for() == wanted)


async def test_when_one_was_last_here_is_shown_to_whom_one_says(api: RunningApi) -> None:
    ada, bob, friend = await api.people(3)
    await ask(ada, friend)
    await ask(friend, ada)
    await api.database.execute("UPDATE users SET last_seen_at = now() WHERE id = %s", (ada.id,))

    async def seen_by(viewer: Caller) -> bool:
        return "last_seen_at" in await viewer.get(f"/v1/users/{ada.id}")

    assert await seen_by(bob)
    await change(ada, privacy={"presence": "contacts"})
    assert not await seen_by(bob)
    assert await seen_by(friend)
    await change(ada, privacy={"presence": "nobody"})
    assert not await seen_by(friend)
    await change(ada, privacy={"presence": "everyone"})
    await block(bob, ada)
    assert not await seen_by(bob)
    await block(ada, friend)
    assert not await seen_by(friend)


# --- finding people -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "handles"),
    [
        ("emil", ["emile.n"]),
        ("ÉMILE  o'n", ["emile.n"]),
        ("ｅｍｉｌｅ", ["emile.n"]),
        ("neil", ["emile.n"]),
        ("李雷", ["lilei"]),
        ("雷雷", ["lilei"]),
        ("李", ["lilei"]),
        ("李花", []),
        ("さくら", ["sakura"]),
        ("桜田", ["sakura"]),
        ("김철", ["kim"]),
        ("철수", ["kim"]),
        ("мария", ["masha"]),
        ("@lilei", ["lilei"]),
        ("mil", []),
        ("o", []),
    ],
)
async def test_people_are_found_by_their_names_in_every_script(
    api: RunningApi, question: str, handles: list[str]
) -> None:
    for handle, name in (
        ("emile.n", "Émile O'Neil"), ("lilei", "李雷雷"), ("sakura", "桜田さくら"),
        ("kim", "김철수"), ("masha", "Мария"),
    ):  # fmt: skip
        await named(api, handle, name)
    assert await found(await api.person(), question) == handles


async def test_who_fits_exactly_comes_first_and_once_and_lists_come_in_pages(
    api: RunningApi,
) -> None:
    ada = await api.person()
    for number in range(7):
        await named(api, f"sam{number}", f"Sam {6 - number}")
    await named(api, "sam", "Zed")
    people, after = [], ""
    while True:
        query = {"after": after} if after else {}
        page = await ada.get("/v1/people", q="sam", limit=3, **query)
        people += [one["handle"] for one in page["people"]]
        after = page["next"]
        if after is None:
            break
    assert people == ["sam", *(f"sam{number}" for number in reversed(range(7)))]
    assert (await ada.call("GET", "/v1/people", params={"q": "sam", "after": "x"})).refusal == (
        422, "invalid", "after",
    )  # fmt: skip


async def test_nobody_is_found_who_does_not_want_to_be(api: RunningApi) -> None:
    ada = await api.person()
    bob = await named(api, "bobby", "Bobby")
    await change(bob, phone="+393331234567")
    await api.database.execute(
        "INSERT INTO emails (user_id, address, key) VALUES (%s, 'B@x.org', 'b@x.org')", (bob.id,)
    )
    assert await found(ada, "bobb") == ["bobby"]
    assert await found(ada, "+39 333 1234567") == []
    assert await found(ada, "B@X.org") == []
    await change(bob, privacy={"find_by_phone": True, "find_by_email": True, "find_by_name": False})
    assert await found(ada, "bobb") == []
    assert await found(ada, "bobby") == ["bobby"], "a handle is an address"
    assert await found(ada, "+39 333 1234567") == ["bobby"]
    assert await found(ada, "B@X.org") == ["bobby"]
    await change(bob, privacy={"find_by_name": True}, display_name="Robert")
    assert await found(ada, "rob") == ["bobby"]
    await block(bob, ada)
    assert await found(ada, "bobby") == await found(ada, "rob") == []
    assert await found(bob, ada.id[-12:]) == []
    await api.database.execute("UPDATE users SET disabled_at = now() WHERE id = %s", (bob.id,))
    assert await found(await api.person(), "bobby") == []


async def test_people_of_an_earlier_version_are_made_findable(api: RunningApi) -> None:
    ada = await api.person()
    await api.person("oldtimer")
    await Naming(api.database).complete(100)
    assert await found(ada, "oldt") == ["oldtimer"]
    assert await Naming(api.database).complete(100) == 0


def test_tokens_of_names() -> None:
    tokens = search_tokens(search_name("li.lei", "李雷 Anna-Maria"))
    assert {"李", "李雷", "anna", "mari", "lei", "li"} <= set(tokens)
    assert "雷l" not in tokens
    assert asked_tokens("李雷 an") == (["李雷", "an"], [])
    assert asked_tokens("山田太郎")[1] == ["山田太郎"]


# --- handles ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("taken", "wanted"),
    [("modern", "modem"), ("user1", "userl"), ("scope", "ѕсоре"), ("vanya", "vаnyа")],
)
async def test_a_handle_that_looks_like_another_is_taken(
    api: RunningApi, taken: str, wanted: str
) -> None:
    await named(api, taken, "First")
    account = NewAccount(handle=wanted, display_name="Second", password_hash="other")
    answer = await api.call(SCOPE_AUTH, "POST", "/internal/v1/accounts", account)
    assert answer.refusal == (409, "conflict", "handle")
    assert skeleton(taken) == skeleton(wanted)


@pytest.mark.parametrize(
    "handle", ["иван", "李雷li", "김철수", "ひらカタ漢字", "αβγ", "ñandú", "עברית"]
)
def test_handles_of_one_writing_are_good(handle: str) -> None:
    assert is_handle(handle)


@pytest.mark.parametrize("handle", ["pаypal", "αdmin", "аdmin", "עbri"])
def test_handles_that_mix_scripts_are_not(handle: str) -> None:
    assert not is_handle(handle)
