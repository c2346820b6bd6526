"""Pages of lists, as they are answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from services.api.endpoint import Reply

T = TypeVar("T")


def page_reply(
    name: str, found: Sequence[T], limit: int, item: Callable[[T], Any], key: Callable[[T], Any]
) -> Reply:
    """``limit`` items under a name, and where the next page begins. ``found`` has one more if
    there is a next page."""
    shown = found[:limit]
    following = key(shown[-1]) if len(found) > limit else None
    return Reply({name: [item(one) for one in shown], "next": following})
