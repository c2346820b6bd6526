"""``files``, ``download``, ``search``, and the files of ``send``."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.text import Text

from agileim.cli.naming import conversation_named, user_named
from agileim.cli.output import Output
from agileim.cli.talk import quiet_client
from agileim.errors import AgileIMError
from agileim.people import People
from agileim.printable import file_line, printable, size_text
from agileim.rest import Api

Run = Callable[[Namespace, Output], Awaitable[None]]
Command = Callable[[str, Run, str], ArgumentParser]


def add_commands(command: Command) -> None:
    """The commands of this module."""
    command("files", files, "your own files, and how much room they take")
    one = command("download", download, "save a file that a message carries")
    one.add_argument("file", metavar="ID", help="see `files`, or `history --json`")
    one.add_argument("target", nargs="?", type=Path, metavar="PATH", help="where to (its own name)")
    one = command("search", search, "find messages")
    one.add_argument("words", nargs="*", metavar="WORD", help='words; "several in quotes" as such')
    one.add_argument("--from", dest="sender", metavar="USER", help="messages of this user")
    one.add_argument("--in", dest="chat", metavar="NAME", help="in this conversation")
    for flag in ("before", "after"):
        one.add_argument(f"--{flag}", type=_time, metavar="TIME", help="such as 2026-11-23")
    one.add_argument("--file", action="store_true", help="with files")
    one.add_argument("--mentions", action="store_true", help="that mention you")
    one.add_argument("--best", action="store_true", help="the best first, not the newest")
    one.add_argument("--limit", type=int, default=20, help="how many (20)")


async def upload_all(api: Api, paths: Sequence[Path], output: Output) -> list[str]:
    """Upload files, with a bar for people to watch; their ids."""
    ids = []
    with _progress(hidden=output.as_json) as progress:
        for path in paths:
            task = progress.add_task(printable(path.name), total=None)

            def moved(done: int, size: int, task: object = task) -> None:
                progress.update(task, completed=done, total=size)  # type: ignore[arg-type]

            try:
                ids.append((await api.upload(path, on_progress=moved)).id)
            except OSError as error:
                raise AgileIMError(f"{path}: {error.strerror}") from error
    return ids


async def files(options: Namespace, output: Output) -> None:
    """List one's own files."""
    async with quiet_client(options) as client:
        page = await client.api.files_page(limit=1)
        async for file in client.api.files():
            if output.as_json:
                output.json(file)
            else:
                output.say(f"{file.id}  {file_line(file)}")
    output.say(f"{size_text(page.used_bytes)} of {size_text(page.quota_bytes)} used")


async def download(options: Namespace, output: Output) -> None:
    """Save a file."""
    async with quiet_client(options) as client:
        file = await client.api.file(options.file)
        # The name is the sender's: only its last part, and nothing that is there is overwritten.
        target = await asyncio.to_thread(_target, options.target, Path(file.name).name or "file")
        with _progress(hidden=output.as_json) as progress:
            task = progress.add_task(printable(file.name), total=file.size)

            def moved(done: int, _: int) -> None:
                progress.update(task, completed=done)

            try:
                await client.api.download(file.id, target, on_progress=moved)
            except OSError as error:
                raise AgileIMError(f"{target}: {error.strerror}") from error
    if output.as_json:
        output.json({"file": file.id, "path": str(target)})
    output.say(f"saved ✓ {target}")


async def search(options: Namespace, output: Output) -> None:
    """Find messages."""
    async with quiet_client(options) as client:
        api = client.api
        sender = (await user_named(api, options.sender)).id if options.sender else None
        chat = (await conversation_named(api, options.chat)).id if options.chat else None
        found = []
        async for hit in api.search(
            " ".join(f'"{word}"' if " " in word else word for word in options.words),
            sender=sender, conversation=chat, before=options.before, after=options.after,
            has_file=options.file, mentions_me=options.mentions,
            order="relevance" if options.best else "time",
        ):  # fmt: skip
            found.append(hit)
            if len(found) >= options.limit:
                break
        people = People(api)
        await people.learn(hit.sender for hit in found)
        names = {one.id: one.label async for one in api.conversations()}
    for hit in found:
        if output.as_json:
            output.json(hit)
            continue
        line = Text(f"{hit.time.astimezone():%Y-%m-%d %H:%M} ", style="dim")
        line.append(f"[{printable(names.get(hit.conversation, ''))}] ", style="cyan")
        line.append(printable(people.name(hit.sender)), style="bold").append(": ")
        at = 0
        for start, end in hit.highlights:
            if start >= at:
                line.append(printable(hit.text[at:start]))
                line.append(printable(hit.text[start:end]), style="bold yellow")
                at = end
        line.append(printable(hit.text[at:]))
        for file in hit.attachments:
            line.append(f"\n    {file_line(file)}", style="dim")
        output.print(line)
    if not found:
        output.say("Nothing was found.")


def _target(wanted: Path | None, name: str) -> Path:
    """Where a file goes."""
    target = Path(name) if wanted is None else wanted / name if wanted.is_dir() else wanted
    if target.exists():
        raise AgileIMError(f"{target} is already there: give another path")
    return target


def _progress(*, hidden: bool) -> Progress:
    """Bars on stderr, so that standard output stays clean."""
    return Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(),
        TransferSpeedColumn(), console=Console(stderr=True), transient=True, disable=hidden,
    )  # fmt: skip


def _time(text: str) -> datetime:
    """A time of this place, unless it says otherwise."""
    return datetime.fromisoformat(text).astimezone()
