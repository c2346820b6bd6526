"""Which partition a conversation belongs to: the unit of ordering and of ownership."""

from __future__ import annotations

from zlib import crc32

DEFAULT_PARTITIONS = 32


def partition_of(conversation: str, partitions: int) -> int:
    """The partition of a conversation, 0 to ``partitions - 1``.

    The hash must never change: it decides where entries already written are found.
    """
    return crc32(conversation.encode()) % partitions
