"""What is written today must be found tomorrow."""

from __future__ import annotations

import re
from collections import Counter

import msgspec
import pytest

from shared import entries, frames
from shared.ids import is_id, new_id
from shared.keys import Keys
from shared.partitions import partition_of

ID = "0190a5f0-0000-7000-8000-000000000000"


def test_ids_are_canonical_and_ordered_by_time() -> None:
    made = [new_id() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all(is_id(each) and each[14] == "7" for each in made)
    assert [each[:13] for each in made] == sorted(each[:13] for each in made)
    assert not is_id(ID.upper())
    assert not is_id(ID + "\n")


def test_the_partition_of_a_conversation_never_changes() -> None:
    assert [partition_of(ID, n) for n in (1, 8, 32)] == [0, 1, 17]
    spread = Counter(partition_of(new_id(), 8) for _ in range(8000))
    assert min(spread.values()) > 800


def test_keys_touched_together_share_a_cluster_slot() -> None:
    keys = Keys("im")

    def tag(key: str) -> str:
        found = re.search(r"\{(.+)\}", key)
        assert found is not None
        return found.group(1)

    assert len({tag(k) for k in (keys.events(3), keys.owner(3), keys.dead(3))}) == 1
    assert len({tag(k) for k in (keys.gateway_out("g:1"), keys.gateway_roster("g:1"))}) == 1


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ('{"type":"ack","n":3}', frames.Ack(3)),
        ('{"type":"pong","later":"field"}', frames.Pong()),
        (
            f'{{"type":"send","id":"x","conversation":"{ID}","body":{{"text":"你好"}}}}',
            frames.Send("x", ID, {"text": "你好"}),
        ),
    ],
)
def test_client_frames_are_read(frame: str, expected: frames.ClientFrame) -> None:
    assert frames.decode_client_frame(frame) == expected


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        ("", "truncated"),
        ("[]", "object"),
        ('{"n":1}', "type"),
        ('{"type":"nonsense"}', "nonsense"),
        ('{"type":"ack","n":0}', r"\$\.n"),
        ('{"type":"ack","n":"1"}', r"\$\.n"),
        ('{"type":"read","conversation":"x","seq":1}', r"\$\.conversation"),
        (f'{{"type":"send","id":"","conversation":"{ID}","body":{{}}}}', r"\$\.id"),
        ('{"type":"watch","conversations":' + "[" * 5000, "."),
        ('{"type":"hello","token":"' + "x" * 70_000 + '"}', "at most"),
        (b'{"type":"hello","token":"\xff"}', "."),
    ],
)
def test_bad_client_frames_are_refused_with_the_field(frame: str | bytes, why: str) -> None:
    with pytest.raises(frames.BadFrame, match=why):
        frames.decode_client_frame(frame)


def test_an_event_goes_through_a_stream_unchanged() -> None:
    event = entries.RoutedEvent(ID, 7, b'{"type":"event"}', 123, pair=("a", "b"), joined=["c"])
    batch = entries.EventBatch([event])
    assert entries.decode_event_batch(entries.encode(batch)) == batch


def test_an_entry_from_a_newer_version_is_still_read() -> None:
    newer = msgspec.msgpack.encode([3, 99, [[b"{}", ["u"], "c", 1, "", "", 5, "new"]], "new"])
    read = entries.decode_delivery({entries.FIELD: newer})
    assert (read.partition, read.items[0].users) == (3, ["u"])


@pytest.mark.parametrize("fields", [{}, {entries.FIELD: b"\xc1"}, {entries.FIELD: b"\x93\x01"}])
def test_an_entry_that_cannot_be_read_is_a_typed_error(fields: dict[bytes, bytes]) -> None:
    with pytest.raises(entries.BadEntry):
        entries.decode_delivery(fields)
