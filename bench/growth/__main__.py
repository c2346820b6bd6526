"""``python -m bench.growth``: the same questions to a small history and to a large one."""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import psycopg2

from bench import report
from bench.growth.history import Size, sayings, words
from bench.growth.loading import Loader
from bench.target import HARNESS
from bench.window import latencies_ms
from shared.ids import new_id
from standalone.provision import Person, Provision
from standalone.stack import Options, Stack

RATIO_MAX: Final = 1.5  # of p99
ASKERS: Final = 20  # people who ask, in turn
PAGE: Final = 50
SEARCHES: Final = 2_000  # different ones

Question = Callable[["Asker"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How large, and how often each question is asked."""

    small: int = 100_000
    large: int = 10_000_000
    conversations: int = 20_000
    people: int = 4_000
    members: int = 8
    questions: int = 2_000


class Asker:
    """One person with a client."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, person: Person, chance: random.Random
    ) -> None:
        self._http = http
        self._url = url
        self._person = person
        self.chance = chance
        self.rooms: list[dict[str, Any]] = []
        self.cursor = ""

    async def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """One request, answered 2xx."""
        headers = {"Authorization": f"Bearer {self._person.access_token}"}
        async with self._http.request(
            method, self._url + path, json=body, params=query, headers=headers
        ) as answer:
            content = await answer.json()
            assert answer.status < 300, (path, answer.status, content)
            return content

    async def begin(self) -> None:
        """Learn one's conversations, and where one stands."""
        answer = await self.call("GET", "/v1/sync", limit=200)
        self.cursor = answer["cursor"]
        self.rooms = [one for one in answer["conversations"] if one["kind"] == "group"]


async def send(asker: Asker) -> None:
    """A message to one of one's conversations."""
    room = asker.chance.choice(asker.rooms)["id"]
    body = {"client_msg_id": new_id(), "body": {"text": "how is everybody today"}}
    await asker.call("POST", f"/v1/conversations/{room}/messages", body)


async def history(asker: Asker) -> None:
    """A page from anywhere in a conversation's past."""
    room = asker.chance.choice(asker.rooms)
    before = asker.chance.randint(2, room["head_seq"] + 1)
    path = f"/v1/conversations/{room['id']}/messages"
    await asker.call("GET", path, before_seq=before, limit=PAGE)


async def sync(asker: Asker) -> None:
    """What has changed since the last time."""
    answer = await asker.call("GET", "/v1/sync", cursor=asker.cursor, limit=PAGE)
    asker.cursor = answer["cursor"]


async def unread(asker: Asker) -> None:
    """One's conversations with their unread counts."""
    await asker.call("GET", "/v1/conversations", limit=PAGE)


def search(queries: Sequence[str]) -> Question:
    """Words, some frequent, some rare, some not there."""

    async def ask(asker: Asker) -> None:
        await asker.call("GET", "/v1/search", q=asker.chance.choice(queries), limit=20)

    return ask


def queries(seed: int) -> list[str]:
    """What people look for: words of what was said, one or two, and now and then of nothing."""
    chance = random.Random(seed + 9)
    said = sayings(seed)
    found = []
    for _ in range(SEARCHES):
        text = chance.choice(said).text
        if " " in text:
            found.append(" ".join(chance.sample(text.split(), chance.choice((1, 1, 2)))))
        else:
            start = chance.randrange(len(text) - 2)
            found.append(text[start : start + 2])
    rare = chance.sample(words(seed)[-2000:], SEARCHES // 10)
    return [*found, *rare, *(f"nowhere{index}" for index in range(SEARCHES // 20))]


async def ask_all(
    provision: Provision, url: str, people: Sequence[Person], plan: Plan, seed: int
) -> dict[str, dict[str, float]]:
    """p50 to p99 of each question."""
    await provision.renew(people)
    questions: dict[str, Question] = {
        "send": send, "history": history, "sync": sync, "unread": unread,
        "search": search(queries(seed)),
    }  # fmt: skip
    chance = random.Random(seed)
    figures = {}
    async with aiohttp.ClientSession() as http:
        askers = [Asker(http, url, person, chance) for person in people]
        for asker in askers:
            await asker.begin()
        for name, question in questions.items():
            await provision.renew(people)
            for asker in askers:  # connections, plans and caches warm
                await question(asker)
            spent = []
            for number in range(plan.questions):
                before = time.perf_counter_ns()
                await question(askers[number % len(askers)])
                spent.append(time.perf_counter_ns() - before)
            figures[name] = latencies_ms(spent)
    return figures


async def run(stack: Stack, plan: Plan, seed: int = 7) -> dict[str, Any]:
    """Load, ask, load more, ask again."""
    url = stack.service_url("api-1")
    provision = Provision(
        auth_url=stack.service_url("auth-1"), api_url=url, client_id=HARNESS,
        client_secret=stack.client_secret(HARNESS),
    )  # fmt: skip
    result: dict[str, Any] = {"plan": {name: getattr(plan, name) for name in plan.__slots__}}
    async with provision:
        askers = await provision.people(min(ASKERS, plan.people))
        others = [new_id() for _ in range(plan.people - len(askers))]
        await asyncio.to_thread(_insert, stack.database_url, others)
        size = Size(plan.conversations, plan.people, plan.members, seed)
        loader = Loader(stack.database_url, size, [one.user for one in askers] + others, plan.large)
        await asyncio.to_thread(loader.begin)
        for name, total in (("small", plan.small), ("large", plan.large)):
            began = time.monotonic()
            messages = await asyncio.to_thread(loader.grow, total)
            loaded_s = round(time.monotonic() - began, 1)
            print(f"{messages} messages after {loaded_s} s", flush=True)
            result[name] = {
                "messages": messages,
                "loaded_s": loaded_s,
                "database_mib": await asyncio.to_thread(_mib, stack.database_url),
                "latency_ms": await ask_all(provision, url, askers, plan, seed),
            }
    return result


def _insert(url: str, users: Sequence[str]) -> None:
    with closing(psycopg2.connect(url)) as connection, connection:
        connection.cursor().execute(
            "INSERT INTO users (id, handle, display_name, password_hash)"
            " SELECT id, 'u' || replace(right(id::text, 18), '-', ''), 'Somebody', '!'"
            " FROM unnest(%s::uuid[]) AS i (id)",
            (list(users),),
        )


def _mib(url: str) -> int:
    with closing(psycopg2.connect(url)) as connection, connection:
        cursor = connection.cursor()
        cursor.execute("SELECT pg_database_size(current_database()) / 1048576")
        return int(cursor.fetchone()[0])


def judged(result: dict[str, Any]) -> list[tuple[str, float, float, float, bool]]:
    """(question, p99 small, p99 large, ratio, whether it is small enough)."""
    found = []
    for name, small in result["small"]["latency_ms"].items():
        large = result["large"]["latency_ms"][name]["p99"]
        ratio = round(large / small["p99"], 2)
        found.append((name, small["p99"], large, ratio, ratio <= RATIO_MAX))
    return found


def main() -> None:
    """Parse the command line, start a system of its own, measure, report."""
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    for name in Plan.__slots__:
        parser.add_argument(f"--{name}", type=int, default=getattr(Plan(), name))
    parser.add_argument("--keep", action="store_true", help="keep the results in bench/results/")
    arguments = parser.parse_args()
    plan = Plan(**{name: getattr(arguments, name) for name in Plan.__slots__})
    with tempfile.TemporaryDirectory(prefix="agileim-growth-") as folder:
        options = Options(
            data=Path(folder) / "data", port=0, edge=False, auto_restart=False, harness=True
        )
        with Stack(options, say=print) as stack:
            result = asyncio.run(run(stack, plan))
    print("| | p99 ms, small | p99 ms, large | ratio | |\n|---|--:|--:|--:|---|")
    for name, small, large, ratio, met in judged(result):
        print(f"| {name} | {small} | {large} | {ratio} | {'met' if met else '**missed**'} |")
    if arguments.keep:
        document = {"environment": report.environment(), "growth": result}
        print(f"kept in {report.save(document)}")


if __name__ == "__main__":
    main()
