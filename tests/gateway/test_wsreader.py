"""Frames as peers write them, well and badly, in pieces of any size."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.wsreader import (
    FRAGMENTS_MAX,
    BadBytes,
    FrameReader,
    Opcode,
)

MAX = 70_000
TEXT, BINARY, REST = Opcode.TEXT, Opcode.BINARY, Opcode.CONTINUATION


def frame(
    opcode: int, payload: bytes, *, last: bool = True, mask: bytes = b"\x01\x80\xff\x10"
) -> bytes:
    """A masked frame, by the letter of RFC 6455, section 5.2."""
    head = bytes([(0x80 if last else 0) | opcode])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    elif len(payload) < 65_536:
        head += b"\xfe" + len(payload).to_bytes(2, "big")
    else:
        head += b"\xff" + len(payload).to_bytes(8, "big")
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def read(data: bytes, *, piece: int = 1 << 20, max_bytes: int = MAX) -> list[tuple[int, bytes]]:
    reader, messages = FrameReader(max_bytes), []
    for start in range(0, len(data), piece):
        reader.feed(data[start : start + piece])
        while (message := reader.next()) is not None:
            messages.append(message)
    return messages


@given(
    st.lists(st.tuples(st.sampled_from([TEXT, BINARY]), st.binary(max_size=300)), max_size=6),
    st.binary(min_size=4, max_size=4),
    st.integers(1, 40),
    st.randoms(use_true_random=False),
)
def test_messages_come_out_as_they_went_in(
    messages: list[tuple[Opcode, bytes]], mask: bytes, piece: int, chance: random.Random
) -> None:
    data, pings = b"", 0
    for opcode, payload in messages:
        cut = chance.randrange(len(payload) + 1)
        if chance.random() < 0.5:
            data += frame(opcode, payload, mask=mask)
        else:  # in two fragments, with a ping between them (section 5.4)
            data += frame(opcode, payload[:cut], last=False, mask=mask)
            data += frame(Opcode.PING, b"!", mask=mask)
            data += frame(REST, payload[cut:], mask=mask)
            pings += 1
    found = read(data, piece=piece)
    assert [each for each in found if each[0] != Opcode.PING] == messages
    assert len(found) == len(messages) + pings


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, MAX])
def test_every_form_of_length(size: int) -> None:
    assert read(frame(TEXT, b"x" * size), piece=1_000) == [(TEXT, b"x" * size)]


@pytest.mark.parametrize(
    "data",
    [
        bytes([0x81, 5]) + b"hello",  # not masked
        b"\xc1" + frame(TEXT, b"x")[1:],  # a reserved bit
        frame(0x3, b"x"),  # no such opcode
        frame(REST, b"x"),  # the rest of nothing
        frame(TEXT, b"x", last=False) + frame(TEXT, b"y"),  # one within another
        frame(Opcode.PING, b"x", last=False),
        frame(Opcode.PING, b"x" * 126),
        frame(TEXT, b"x" * (MAX + 1)),
        frame(TEXT, b"x" * MAX, last=False) + frame(REST, b"x"),
        frame(TEXT, b"", last=False) + frame(REST, b"", last=False) * FRAGMENTS_MAX,
    ],
)
def test_what_is_not_rfc_6455_is_refused(data: bytes) -> None:
    with pytest.raises(BadBytes):
        read(data, piece=7)


def test_a_message_that_is_too_long_is_refused_before_it_has_come() -> None:
    with pytest.raises(BadBytes):
        read(frame(TEXT, b"x" * (MAX + 1))[:14])


def test_the_reader_of_messages_may_stop_between_two() -> None:
    reader = FrameReader(MAX)
    reader.feed(frame(TEXT, b"hello") + frame(TEXT, b"send")[:3])
    assert reader.next() == (TEXT, b"hello")
    reader.feed(frame(TEXT, b"send")[3:])
    assert reader.next() == (TEXT, b"send")
    assert reader.next() is None
