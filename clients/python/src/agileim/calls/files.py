"""Uploading and downloading files. Uploads speak tus 1.0 and go on after a break."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Final

from agileim.backoff import Backoff
from agileim.calls.page import PAGE
from agileim.errors import AgileIMError, Refused, Unreachable
from agileim.file_models import File, FileLink, FileLinks, FilePage
from agileim.http import RETRY_STATUS, Http

CHUNK_BYTES: Final = 4 * 1024 * 1024  # sent in one request
PATIENCE_S: Final = 60.0  # without progress

_TUS: Final = {"Tus-Resumable": "1.0.0"}

Progress = Callable[[int, int], None]  # (bytes so far, bytes of all)


class FileCalls:
    """Files."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def upload(
        self,
        source: Path,
        *,
        name: str | None = None,
        on_progress: Progress | None = None,
        upload: str | None = None,
    ) -> File:
        """Upload a file; it can then be sent within a day.

        Goes on by itself after a break, until nothing moves for a minute. `upload` is what
        :meth:`begin_upload` gave, to go on with an upload of before.
        """
        size = (await asyncio.to_thread(source.stat)).st_size
        if upload is None:
            upload = await self.begin_upload(name or source.name, size)
        backoff, loop = Backoff(base_s=0.2, cap_s=5.0), asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_S
        offset: int | None = None
        while offset != size:
            try:
                if offset is None:
                    offset = await self._offset(upload)
                else:
                    chunk = await asyncio.to_thread(_read, source, offset)
                    offset = await self._continue(upload, offset, chunk)
                backoff, deadline = Backoff(base_s=0.2, cap_s=5.0), loop.time() + PATIENCE_S
                if on_progress is not None:
                    on_progress(offset, size)
            except AgileIMError as error:
                if not _passing(error) or loop.time() > deadline:
                    raise
                offset = None  # ask anew
                await asyncio.sleep(backoff.next())
        return await self.file(upload)

    async def begin_upload(self, name: str, size: int) -> str:
        """Announce a file of `size` bytes; the id of the upload, and later of the file."""
        text = base64.b64encode(name.encode()).decode()
        headers = {**_TUS, "Upload-Length": str(size), "Upload-Metadata": f"filename {text}"}
        told, _ = await self._http.exchange("POST", "/v1/uploads", headers=headers)
        return told["Location"].rpartition("/")[2]

    async def give_up_upload(self, upload: str) -> None:
        """Delete an upload, or a file that no message carries."""
        await self._http.exchange("DELETE", f"/v1/uploads/{upload}", headers=_TUS)

    async def _offset(self, upload: str) -> int:
        told, _ = await self._http.exchange("HEAD", f"/v1/uploads/{upload}", headers=_TUS)
        return int(told["Upload-Offset"])

    async def _continue(self, upload: str, offset: int, chunk: bytes) -> int:
        headers = {
            **_TUS,
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
        }
        path = f"/v1/uploads/{upload}"
        told, _ = await self._http.exchange("PATCH", path, headers=headers, data=chunk)
        return int(told["Upload-Offset"])

    async def file(self, file: str) -> File:
        """What there is to know about a file."""
        return await self._http.request("GET", f"/v1/files/{file}/info", File)

    async def files(self) -> AsyncIterator[File]:
        """The user's own files, the oldest first."""
        after: str | None = None
        while True:
            page = await self.files_page(after=after)
            for file in page.files:
                yield file
            if not page.next:
                return
            after = page.next

    async def files_page(self, *, after: str | None = None, limit: int = PAGE) -> FilePage:
        """A page of the user's own files, with the room that all of them take."""
        return await self._http.request("GET", "/v1/files", FilePage, after=after, limit=limit)

    async def file_links(self, files: Sequence[str]) -> list[FileLink]:
        """Links for where no token can be sent, to at most 100 files."""
        answer = await self._http.request("GET", "/v1/file-links", FileLinks, ids=",".join(files))
        return answer.links

    async def download(
        self,
        file: str,
        target: Path,
        *,
        thumbnail: bool = False,
        on_progress: Progress | None = None,
    ) -> None:
        """Write a file's content to `target`; what is already there of it is not fetched again."""
        path = f"/v1/files/{file}" + ("/thumbnail" if thumbnail else "")
        part = target.with_name(f".{target.name}.part")
        await asyncio.to_thread(part.touch)
        backoff, loop = Backoff(base_s=0.2, cap_s=5.0), asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_S
        had = 0
        while True:
            try:
                await self._http.save(path, part, on_progress)
                break
            except Unreachable:
                size = (await asyncio.to_thread(part.stat)).st_size
                if size > had:
                    had, deadline = size, loop.time() + PATIENCE_S
                if loop.time() > deadline:
                    raise
                await asyncio.sleep(backoff.next())
        await asyncio.to_thread(part.replace, target)


def _read(source: Path, offset: int) -> bytes:
    with source.open("rb") as file:
        file.seek(offset)
        return file.read(CHUNK_BYTES)


def _passing(error: AgileIMError) -> bool:
    """Whether asking where the upload stands, and going on from there, may help."""
    if isinstance(error, Refused):
        return error.status in RETRY_STATUS or error.code == "conflict"
    return isinstance(error, Unreachable)
