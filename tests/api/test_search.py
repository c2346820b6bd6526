"""Searching: what is found in which languages, by whom, and what changes do to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from marshmallow import RAISE

from services.api.domain.fulltext import matched, parsed, tokens
from services.api.domain.signature import BLOCK, signature
from services.api.schemas import search as schemas
from services.api.sealing import Sealer
from services.api.store.conversations import LOWEST_ID
from services.api.store.database import Database
from services.api.store.signatures import Signatures
from shared.ids import new_id
from tests.api.rig import Caller, RunningApi
from tests.api.test_files import send, upload

# What is looked for, and sentences with and without it.
SENTENCES = [
    ("meeting", "The meetings are on Mondays.", "We met him on Monday."),
    ("Häuser", "Das alte Haus steht leer.", "Die Hausaufgaben sind fertig."),
    ("strasse", "Die Straße ist gesperrt.", "Der Strand ist leer."),
    ("cafe", "On se retrouve au Café de Flore ?", "Je préfère le thé."),
    ("canción", "Me encantan estas canciones.", "Me encanta cantar."),
    ("книги", "Я читаю книгу о Москве.", "Я читаю журнал."),
    ("ΑΘΗΝΑ", "Πάμε στην Αθήνα αύριο.", "Πάμε στην Κρήτη."),
    ("北京大学", "她去年从北京大学毕业。", "北京有很多大学。"),
    ("毕业", "她去年从北京大学毕业。", "她去年去了北京。"),
    ("會議", "明天的會議改到下午三點。", "明天下午三點見。"),
    ("東京", "来週、東京へ出張します。", "京都の東にあります。"),
    ("ﾊﾟｿｺﾝ", "新しいパソコンを買いました。", "新しい本を買いました。"),
    ("猫", "うちの猫は黒いです。", "うちの犬は黒いです。"),
    ("회의", "내일 회의가 취소되었습니다.", "내일 만나요."),
    ("नमस्ते", "नमस्ते दुनिया", "दुनिया"),
    ("שלום", "שלום לכולם", "להתראות"),
    ("deploy 北京", "We deploy to 北京 tonight", "We deploy to 上海 tonight"),
    ('"see you later"', "ok, see you later then", "later I will see you"),
]


@pytest.mark.parametrize(("wanted", "with_it", "without"), SENTENCES)
def test_sentences_of_many_languages(wanted: str, with_it: str, without: str) -> None:
    query = parsed(wanted)
    assert matched(query, with_it) is not None
    assert matched(query, without) is None
    found = tokens(with_it)
    assert all(found >= term.keys for term in query.terms)


def test_highlights_are_where_the_words_stand() -> None:
    for wanted, text, marked in [
        ("café", "Au CAFÉ, le cafe", ["CAFÉ", "cafe"]),
        ("大学", "北京大学和清华大学", ["大学", "大学"]),
        ("run", "👩‍👩‍👧 running, runs", ["running", "runs"]),
        ("ﬁne", "all is fine", ["fine"]),
    ]:
        match = matched(parsed(wanted), text)
        assert match is not None
        assert [text[start:end] for start, end in match.spans] == marked


def test_a_signature_has_a_bit_for_each_message() -> None:
    rows = signature({0: ["a"], 5: ["a", "b"], 31: ["c"]})
    assert all(-(2**31) <= row < 2**31 for row in rows)
    seen = 0
    for row in rows:
        seen |= row & 0xFFFF_FFFF
    assert seen == 1 | 1 << 5 | 1 << 31


async def find(caller: Caller, q: str = "", **query: Any) -> list[str]:
    answer = await caller.get("/v1/search", q=q, **query)
    assert schemas.SearchPage(unknown=RAISE).validate(answer) == {}
    return [hit["text"] for hit in answer["hits"]]


async def seal_all(database: Database) -> int:
    """As the background does; how many conversations had something to do."""
    signatures = Signatures(database)
    behind, _ = await signatures.behind(LOWEST_ID)
    sealer = Sealer(signatures)
    sealer.notice(behind)
    await sealer.seal()
    return len(behind)


@pytest.mark.parametrize("sealed", [False, True])
async def test_messages_are_found_sealed_or_not(api: RunningApi, sealed: bool) -> None:
    ada, bob = await api.people(2)
    room = await ada.direct_with(bob)
    for _, with_it, without in SENTENCES:
        await ada.say(room, with_it)
        await bob.say(room, without)
    if sealed:
        await seal_all(api.database)
        rows = await api.database.fetch_all("SELECT upto_seq FROM search_blocks ORDER BY block")
        assert [row[0] for row in rows] == [31, 37]
        assert await seal_all(api.database) == 0
    for wanted, with_it, without in SENTENCES:
        found = await find(bob, wanted)
        assert with_it in found, wanted
        assert without not in found, wanted
    assert await find(ada, "nothingofthekind") == []
    assert (await ada.call("GET", "/v1/search?q=!!!")).refusal == (422, "invalid", "q")


async def test_nobody_finds_what_they_may_not_see(api: RunningApi) -> None:
    ada, bob, eve, late = await api.people(4)
    room = await ada.group_with(bob)
    await ada.say(room, "the treasure is under the tree")
    await ada.post(f"/v1/conversations/{room}/members", {"users": [late.id]})
    await ada.say(room, "the treasure has moved")
    for _ in range(2):
        assert len(await find(bob, "treasure")) == 2
        assert await find(late, "treasure") == ["the treasure has moved"]
        assert await find(eve, "treasure") == []
        assert await find(eve, "treasure", **{"in": room}) == []
        await seal_all(api.database)
    assert (await api.nobody().call("GET", "/v1/search?q=treasure")).status == 401
    await ada.call("DELETE", f"/v1/conversations/{room}/members/{bob.id}")
    assert await find(bob, "treasure") == []


async def test_edits_and_recalls_count_at_once(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.direct_with(bob)
    seqs = [(await ada.say(room, f"apple number {n}"))["seq"] for n in range(40)]
    for sealed in (False, True):
        if sealed:
            await seal_all(api.database)
        path = f"/v1/conversations/{room}/messages/{seqs[sealed]}"
        await ada.call("PATCH", path, {"text": "zebra"})
        assert await find(bob, "zebra") == ["zebra"]
        assert await find(bob, f'"apple number {int(sealed)}"') == []
        await seal_all(api.database)
        assert await find(bob, "zebra") == ["zebra"]
        await ada.call("DELETE", path)
        assert await find(bob, "zebra") == []
    assert len(await find(bob, "apple", limit=50)) == 38


async def test_filters(api: RunningApi) -> None:
    ada, bob, eve = await api.people(3)
    room, other = await ada.direct_with(bob), await bob.direct_with(eve)
    await ada.say(room, "plan one")
    await bob.say(room, "plan two")
    await bob.say(other, "plan three")
    file = await upload(ada, b"the plan", "plan.txt")
    assert (await send(ada, room, file, text="plan four")).status == 201
    await ada.say(room, f"@{(await bob.get('/v1/me'))['handle']} plan five")
    for _ in range(2):
        assert len(await find(bob, "plan")) == 5
        assert await find(bob, "plan", **{"from": eve.id}) == []
        assert await find(bob, "plan", **{"from": bob.id}) == ["plan three", "plan two"]
        assert await find(bob, "plan", **{"in": other}) == ["plan three"]
        assert await find(bob, "plan", has="file") == ["plan four"]
        assert await find(bob, has="file") == ["plan four"]
        assert [t.split()[-1] for t in await find(bob, mentions="me")] == ["five"]
        assert await find(ada, mentions="me") == []
        await seal_all(api.database)
    hits = (await bob.get("/v1/search", q="plan"))["hits"]
    middle = hits[2]["time"]
    assert len(await find(bob, "plan", before=middle)) == 2
    assert len(await find(bob, "plan", after=middle)) == 2
    later = datetime.fromisoformat(hits[0]["time"]) + timedelta(seconds=1)
    assert await find(bob, "plan", after=later.isoformat()) == []
    assert (await bob.call("GET", "/v1/search?q=plan&before=soon")).status == 422
    assert (await bob.call("GET", "/v1/search?q=plan&in=x")).refusal == (422, "invalid", "in")


@pytest.mark.parametrize("order", ["time", "relevance"])
async def test_pages_have_everything_once(api: RunningApi, order: str) -> None:
    ada, bob, eve = await api.people(3)
    rooms = [await ada.direct_with(bob), await ada.direct_with(eve), await ada.group_with(bob)]
    said = []
    for number in range(2 * BLOCK):
        text = f"news {number}" if number % 3 else f"nothing {number}"
        await ada.say(rooms[number % len(rooms)], text)
        said += [text] if number % 3 else []
    await seal_all(api.database)
    await ada.say(rooms[0], "news at last")
    said.append("news at last")
    found: list[str] = []
    cursor = ""
    while True:
        page = await ada.get("/v1/search", q="news", limit=7, order=order, cursor=cursor)
        found += [hit["text"] for hit in page["hits"]]
        cursor = page["next"]
        if not cursor:
            break
        await ada.say(rooms[1], f"news meanwhile {new_id()}")
    if order == "time":
        assert found == said[::-1]
    assert sorted(found) == sorted(said)
    answer = await ada.call("GET", "/v1/search?q=news&cursor=nonsense")
    assert answer.refusal == (422, "invalid", "cursor")


async def test_the_best_comes_first(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.direct_with(bob)
    await ada.say(room, "running")
    await ada.say(room, "a long text in which somebody runs and runs and at last will run no more")
    await ada.say(room, "she runs")
    assert (await find(bob, "running", order="relevance"))[0] == "running"
    assert (await find(bob, "running"))[0] == "she runs"
