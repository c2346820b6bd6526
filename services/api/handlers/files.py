"""``/v1/files``: showing files to those who may see them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from services.api.blobs import BlobError, BlobStore
from services.api.domain.files import (
    INLINE_TYPES,
    TEXT_TYPE,
    Range,
    Unsatisfiable,
    disposition,
    parsed_range,
)
from services.api.domain.links import BadLink, Link, expiry, opened, signed
from services.api.endpoint import Call, Endpoint, Reply
from services.api.schemas import files as schemas
from services.api.schemas.lists import ListQuery
from services.api.store.attachments import description
from services.api.store.conversations import LOWEST_ID
from services.api.store.files import File, Files, no_file
from services.api.uploads import file_key, thumbnail_key
from shared.codes import ErrorCode
from shared.problems import Problem

THUMBNAIL_TYPE: Final = "image/webp"
_FIXED_HEADERS: Final = {
    # Content of others, under our address: no script, no guessing, for nobody else's page.
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    # Kept by the browser, but asked about each time: whoever was removed gets nothing any more.
    "Cache-Control": "private, no-cache",
    "Accept-Ranges": "bytes",
}


def file_json(file: File) -> dict[str, Any]:
    """As schema File."""
    return description(file) | {"created_at": file.created_at}


class FileHandlers:
    """Files that the caller may see. ``ended`` tells whether a session has ended."""

    def __init__(self, files: Files, blobs: BlobStore, ended: Callable[[str], bool]) -> None:
        self._files = files
        self._blobs = blobs
        self._ended = ended
        self._link_key = b""

    def endpoints(self) -> Sequence[Endpoint]:
        """The operations of this module."""
        missing = (ErrorCode.NOT_FOUND,)
        content: dict[str, Any] = {
            "answer": None,
            "statuses": (200, 206, 304, 416),
            "refusals": missing,
        }
        ranges = {"Range": "one range of bytes", "If-None-Match": "an ETag"}
        return [
            Endpoint(
                method="GET", path="/v1/files", name="listFiles",
                summary="The caller's own files, and how much room they take",
                handler=self.page, query=ListQuery, answer=schemas.FilePage,
            ),
            Endpoint(
                method="GET", path="/v1/file-links", name="linkFiles",
                summary="Links to files for where no token can be sent",
                handler=self.links, query=schemas.FileLinksQuery, answer=schemas.FileLinks,
            ),
            Endpoint(
                method="GET", path="/v1/files/{file}/info", name="getFileInfo",
                summary="What there is to know about a file", handler=self.info,
                answer=schemas.File, refusals=missing,
            ),
            Endpoint(
                method="GET", path="/v1/files/{file}", name="getFile",
                summary="A file's content", handler=self.content, headers=ranges, **content,
            ),
            Endpoint(
                method="GET", path="/v1/files/{file}/thumbnail", name="getThumbnail",
                summary="A small form of a picture", handler=self.thumbnail, headers=ranges,
                **content,
            ),
            Endpoint(
                method="GET", path="/v1/linked-files/{link}", name="getLinkedFile", public=True,
                summary="What a link leads to", handler=self.linked, headers=ranges, **content,
            ),
        ]  # fmt: skip

    async def page(self, call: Call) -> Reply:
        """GET /v1/files"""
        limit = call.query["limit"]
        files = await self._files.own(call.user, call.query["after"] or LOWEST_ID, limit + 1)
        more, files = len(files) > limit, files[:limit]
        return Reply(
            {
                "files": [file_json(file) for file in files],
                "next": files[-1].id if more else None,
                "used_bytes": await self._files.used_bytes(call.user),
                "quota_bytes": self._files.quota_bytes,
            }
        )

    async def info(self, call: Call) -> Reply:
        """GET /v1/files/{file}/info"""
        return Reply(file_json(await self._files.one(call.user, call.path["file"])))

    async def content(self, call: Call) -> Reply:
        """GET /v1/files/{file}"""
        return await self._content(call, await self._files.one(call.user, call.path["file"]))

    async def thumbnail(self, call: Call) -> Reply:
        """GET /v1/files/{file}/thumbnail"""
        return await self._thumbnail(call, await self._files.one(call.user, call.path["file"]))

    async def links(self, call: Call) -> Reply:
        """GET /v1/file-links"""
        key = await self._key()
        until = expiry(time.time())
        links = []
        for file in await self._files.seen_by(call.user, call.query["ids"].split(",")):
            link = {
                "file": file.id,
                "url": _url(Link(file.id, call.user, call.session, False, until), key),
                "expires_at": datetime.fromtimestamp(until, UTC),
            }
            if file.thumbnail_size is not None:
                small = Link(file.id, call.user, call.session, True, until)
                link["thumbnail_url"] = _url(small, key)
            links.append(link)
        return Reply({"links": links}, headers={"Cache-Control": "no-store"})

    async def linked(self, call: Call) -> Reply:
        """GET /v1/linked-files/{link}"""
        try:
            link = opened(call.path["link"], await self._key(), time.time())
        except BadLink:
            raise no_file() from None
        if self._ended(link.session):
            raise no_file()
        file = await self._files.one(link.user, link.file)
        return await (self._thumbnail if link.thumbnail else self._content)(call, file)

    async def _key(self) -> bytes:
        self._link_key = self._link_key or await self._files.link_key()
        return self._link_key

    async def _content(self, call: Call, file: File) -> Reply:
        # A picture that could not be read is none to a browser either.
        shown = file.type in INLINE_TYPES and (
            not file.type.startswith("image/") or file.width is not None
        )
        headers = {
            "Content-Type": f"{TEXT_TYPE}; charset=utf-8" if file.type == TEXT_TYPE else file.type,
            "Content-Disposition": disposition(file.name, inline=shown),
            "ETag": f'"{file.digest.hex()[:32]}"',
        }
        return await self._serve(call.request, file_key(file.id), file.size, headers)

    async def _thumbnail(self, call: Call, file: File) -> Reply:
        if file.thumbnail_size is None:
            raise no_file()
        headers = {
            "Content-Type": THUMBNAIL_TYPE,
            "Content-Disposition": disposition(f"{file.name}.webp", inline=True),
            "ETag": f'"t{file.digest.hex()[:32]}"',
        }
        return await self._serve(call.request, thumbnail_key(file.id), file.thumbnail_size, headers)

    async def _serve(
        self, request: web.Request, key: str, size: int, headers: dict[str, str]
    ) -> Reply:
        """The content, a range of it, or word that it is the same (RFC 9110, sections 13 to 15)."""
        headers = {**_FIXED_HEADERS, **headers}
        if _matches(request.headers.get("If-None-Match", ""), headers["ETag"]):
            del headers["Content-Type"]
            return Reply(web.Response(status=304, headers=headers))
        asked = request.headers.get("Range", "")
        if request.headers.get("If-Range", headers["ETag"]) != headers["ETag"]:
            asked = ""
        try:
            part = parsed_range(asked, size)
        except Unsatisfiable:
            headers = _FIXED_HEADERS | {"Content-Range": f"bytes */{size}"}
            return Reply(web.Response(status=416, headers=headers))
        if part is not None:
            headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
        response = web.StreamResponse(status=206 if part else 200, headers=headers)
        await self._stream(request, response, key, part or Range(0, size))
        return Reply(response)

    async def _stream(
        self, request: web.Request, response: web.StreamResponse, key: str, part: Range
    ) -> None:
        response.content_length = part.stop - part.start
        if part.start == part.stop:  # nothing to be read
            await response.prepare(request)
            await response.write_eof()
            return
        async with aclosing(self._blobs.read(key, part.start, part.stop)) as pieces:
            try:
                first = await anext(pieces, b"")
            except BlobError as error:
                raise Problem(
                    ErrorCode.UNAVAILABLE, "The file cannot be read now.", retry_after_ms=1000
                ) from error
            await response.prepare(request)
            await response.write(first)
            async for piece in pieces:
                await response.write(piece)
        await response.write_eof()


def _url(link: Link, key: bytes) -> str:
    return f"/v1/linked-files/{signed(link, key)}"


def _matches(header: str, etag: str) -> bool:
    """Whether If-None-Match names this ETag (weak comparison)."""
    if header.strip() == "*":
        return True
    return etag in (one.strip().removeprefix("W/") for one in header.split(","))
