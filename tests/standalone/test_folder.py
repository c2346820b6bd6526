"""The data folder: one owner at a time, one format, secrets that stay secret."""

from __future__ import annotations

import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from standalone.errors import StandaloneError
from standalone.folder import DataFolder

Claim = Callable[[], DataFolder]


@pytest.fixture
def claim(tmp_path: Path) -> Iterator[Claim]:
    """Claims of one folder, let go of at the end."""
    claimed: list[DataFolder] = []

    def take() -> DataFolder:
        folder = DataFolder(tmp_path / "data")
        folder.claim()
        claimed.append(folder)
        return folder

    yield take
    for folder in claimed:
        folder.release()


def test_a_second_instance_is_told_who_has_the_folder(claim: Claim) -> None:
    claim().note_address("http://127.0.0.1:8080")
    with pytest.raises(StandaloneError, match=r"in use by process \d+ at http://127.0.0.1:8080: "):
        claim()


def test_it_can_be_claimed_again_after_it_was_released(claim: Claim) -> None:
    claim().release()
    claim()


def test_a_newer_format_is_left_alone(claim: Claim, tmp_path: Path) -> None:
    claim().release()
    (tmp_path / "data" / "format").write_text("2\n")
    with pytest.raises(StandaloneError, match=r"newer version \(format 2, this one reads up to 1"):
        claim()


def test_a_folder_with_other_things_is_left_alone(claim: Claim, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "thesis.tex").touch()
    with pytest.raises(StandaloneError, match=r"holds other things \(thesis.tex\)"):
        claim()
    assert {entry.name for entry in (tmp_path / "data").iterdir()} == {"thesis.tex", "lock"}


def test_a_start_cut_off_before_the_format_was_noted_is_no_obstacle(
    claim: Claim, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "lock").touch()
    (tmp_path / "data" / "lock.format").touch()
    claim()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StandaloneError) as fault:
        DataFolder(tmp_path / "file" / "data").claim()
    assert str(fault.value).startswith("cannot write in the data folder")
    assert "set AGILEIM_DATA" in str(fault.value)
    assert "\n" not in str(fault.value)


def test_secrets_are_made_once_and_only_we_can_read_them(claim: Claim, tmp_path: Path) -> None:
    first = claim()
    secret = first.secret("redis")
    first.release()
    assert claim().secret("redis") == secret
    assert len(secret) >= 32
    for path in (tmp_path / "data", tmp_path / "data" / "secrets", first.secret_file("redis")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_ports_are_kept_unless_somebody_took_them(claim: Claim) -> None:
    first = claim()
    kept, lost = first.port("redis"), first.port("postgres")
    first.release()
    with socket.socket() as other:
        other.bind(("127.0.0.1", lost))
        other.listen()
        second = claim()
        assert second.port("redis") == kept
        assert second.port("postgres") not in (kept, lost)


def test_the_chosen_public_port_is_given_to_nobody_else(claim: Claim) -> None:
    folder = claim()
    port = folder.port("api-1")
    folder.reserve_port("edge", port)
    assert folder.port("api-1") != port
