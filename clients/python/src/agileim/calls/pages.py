"""Lists that come in pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Protocol, TypeVar

from agileim.calls.page import PAGE
from agileim.http import Http


class Page(Protocol):
    """An answer that may have a successor."""

    @property
    def next(self) -> str | None:
        """The ``after`` of the next page."""
        ...


P = TypeVar("P", bound=Page)


async def pages(http: Http, path: str, kind: type[P], **query: Any) -> AsyncIterator[P]:
    """All pages of a list."""
    after: str | None = None
    while True:
        page = await http.request("GET", path, kind, after=after, limit=PAGE, **query)
        yield page
        if not page.next:
            return
        after = page.next
