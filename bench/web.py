"""`python -m bench.web`: the web client in Chromium, with a long conversation.

A system of its own, two people who talk, a history loaded straight into the database, and
`clients/web/bench/history.mjs`, which looks at the page. Needs Node, Chromium and the client's
packages (`make web-test` has them).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg2

from agileim import Client, ProfileFile
from bench.target import LIFTED
from standalone.demo import through_pages
from standalone.stack import Options, Stack

WEB: Final = Path(__file__).parents[1] / "clients" / "web"
RESULTS: Final = Path(__file__).parent / "results"
PASSWORD: Final = "correct horse 7 staple"
LINE_MAX: Final = 1_000_000
TIMEOUT_S: Final = 300

# A line of text now and then, some short, some of several lines; all of them read.
_LOAD: Final = (
    """
    INSERT INTO events (conversation_id, seq, number, kind, sender_id, created_at, body)
    SELECT c.id, c.head_seq + n, c.number + n, 'message',
        (CASE WHEN n %% 3 = 0 THEN %(ann)s ELSE %(bob)s END)::uuid,
        now() - make_interval(mins => %(count)s - n),
        json_build_object('text', 'message ' || n || ': ' ||
            repeat('some words to read ', 1 + (n * 7919) %% 23))::text
    FROM conversations c, generate_series(1, %(count)s) n WHERE c.id = %(room)s
    """,
    """
    UPDATE conversations SET head_seq = head_seq + %(count)s, number = number + %(count)s,
        updated_xid = pg_current_xact_id()
    WHERE id = %(room)s
    """,
    """
    UPDATE members SET read_seq = c.head_seq, read_number = c.number, delivered_seq = c.head_seq,
        updated_xid = pg_current_xact_id()
    FROM conversations c WHERE c.id = %(room)s AND members.conversation_id = c.id
    """,
)


async def _hear(page: Process, name: str) -> Any:
    assert page.stdout is not None
    line = await asyncio.wait_for(page.stdout.readline(), TIMEOUT_S)
    if not line:
        raise SystemExit("the browser's part has ended: see above")
    return json.loads(line)[name]


async def _tell(page: Process, **what: Any) -> None:
    assert page.stdin is not None
    page.stdin.write(json.dumps(what).encode() + b"\n")
    await page.stdin.drain()


async def measure(stack: Stack, folder: Path, messages: int, rate: int, seconds: int) -> Any:
    """The figures, as the browser's part tells them."""
    page = await asyncio.create_subprocess_exec(
        "node", "bench/history.mjs", stack.url, PASSWORD,
        cwd=WEB, stdin=PIPE, stdout=PIPE, limit=LINE_MAX,
    )  # fmt: skip
    try:
        handle = await _hear(page, "registered")
        profile = ProfileFile("bob", folder)
        fields = {"handle": "bob", "password": PASSWORD, "display_name": "Bob"}
        await through_pages(stack.url, profile, fields, register=True)
        async with Client.from_profile(profile) as bob:
            ann = await bob.api.user_by_handle(handle)
            assert ann is not None
            room = (await bob.api.create_direct(ann.id)).id
            people = {"ann": ann.id, "bob": (await bob.me()).id}
            await asyncio.to_thread(_load, stack.database_url, room, messages, people)
            await _tell(page, conversation=room)
            await _hear(page, "receiving")
            await _tell(page, sent=await _say(bob, room, rate, seconds))
            return await _hear(page, "figures")
    finally:
        if page.returncode is None:
            page.kill()
        await page.wait()


def _load(url: str, room: str, count: int, people: dict[str, str]) -> None:
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        for statement in _LOAD:
            cursor.execute(statement, {"room": room, "count": count, **people})
    connection.close()


async def _say(client: Client, room: str, rate: int, seconds: int) -> int:
    """At even intervals; how many."""
    begun = time.monotonic()
    sends = []
    for number in range(1, rate * seconds + 1):
        sends.append(asyncio.create_task(client.send(room, f"live {number}")))
        await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
    await asyncio.gather(*sends)
    return len(sends)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.web", description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000, help="in the conversation")
    parser.add_argument("--rate", type=int, default=200, help="received, per second")
    parser.add_argument("--seconds", type=int, default=10, help="of receiving")
    parser.add_argument("--keep", action="store_true", help="write to bench/results")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="agileim-web-") as name:
        folder = Path(name)
        options = Options(data=folder / "data", port=0, env_of=LIFTED)
        with Stack(options, say=print) as stack:
            figures = asyncio.run(measure(stack, folder, given.messages, given.rate, given.seconds))
    result = {"messages": given.messages, "rate": given.rate, **figures}
    print(json.dumps(result, indent=2))
    if given.keep:
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H%M%SZ")
        (RESULTS / f"web-{stamp}.json").write_text(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
