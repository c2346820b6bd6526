"""Files and search results, as the REST interface answers with them."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, field


class Attachment(Struct, frozen=True):
    """A file that a message carries. `type` is found by its content; pictures have a width and a
    height as they are shown, and perhaps a thumbnail and a placeholder (a ``data:`` URL)."""

    id: str
    name: str = ""
    type: str = ""
    size: int = 0
    width: int | None = None
    height: int | None = None
    thumbnail: bool = False
    placeholder: str = ""


class File(Attachment, frozen=True):
    """A file, and when it came."""

    created_at: datetime | None = None


class FilePage(Struct, frozen=True):
    """Some of one's own files, and how much room all of them take."""

    files: list[File] = field(default_factory=list)
    next: str | None = None
    used_bytes: int = 0
    quota_bytes: int = 0


class FileLink(Struct, frozen=True):
    """Where a file can be fetched without a token, for some minutes. Paths of the server."""

    file: str
    url: str
    thumbnail_url: str = ""
    expires_at: datetime | None = None


class FileLinks(Struct, frozen=True):
    """Links to those files that one may see."""

    links: list[FileLink] = field(default_factory=list)


class SearchHit(Struct, frozen=True):
    """A message that was found, as it is now. `highlights`: (start, end) in `text`."""

    conversation: str
    seq: int
    sender: str
    time: datetime
    text: str
    version: int = 1
    attachments: list[Attachment] = field(default_factory=list)
    highlights: list[tuple[int, int]] = field(default_factory=list)


class SearchPage(Struct, frozen=True):
    """Some of what was found; there may be more although these are few."""

    hits: list[SearchHit] = field(default_factory=list)
    next: str | None = None
