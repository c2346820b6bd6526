"""PostgreSQL's array literals (manual, section 8.15.2).

One constant is read much faster than the `ARRAY[…]` expression that psycopg2 makes of a list.
"""

from __future__ import annotations

from collections.abc import Iterable


def plain_array(items: Iterable[object]) -> str:
    """The literal of items whose text needs no quotes: ids and numbers."""
    return "{" + ",".join(map(str, items)) + "}"


def text_array(texts: Iterable[str]) -> str:
    """The literal of any texts."""
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return '{"' + '","'.join(quoted) + '"}'
