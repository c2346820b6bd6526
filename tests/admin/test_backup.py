"""Backups of a database with people in it: whole, sealed, and honest about damage."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest

from admin.backup import database
from admin.backup.making import make
from admin.backup.manifest import DUMP
from admin.backup.reading import Place, restore, verify
from admin.backup.sealing import make_identity
from admin.errors import AdminError, Misused
from admin.settings import AdminSettings
from services.api.settings import ApiSettings
from shared.settings import Secret
from standalone.servers.postgres import Postgres
from tests.api.rig import api_settings, running_api
from tests.support.tokens import TestIssuer

Talk = Callable[[], Awaitable[None]]


@pytest.fixture
def settings(postgres_url: str, tmp_path: Path) -> AdminSettings:
    """With a file and a signing key."""
    files, keys = tmp_path / "files", tmp_path / "keys"
    (files / "ab").mkdir(parents=True)
    (files / "ab" / "picture").write_bytes(b"\x00picture\xff" * 1000)
    (files / "link").symlink_to("/etc/passwd")  # never part of a backup
    keys.mkdir()
    (keys / "1.pem").write_text("not really a key")
    return AdminSettings(database_url=Secret(postgres_url), files_dir=files, keys_dir=keys)


@pytest.fixture
def empty(postgres_server: Postgres, request: pytest.FixtureRequest) -> Iterator[str]:
    """Another, empty database."""
    name = f"empty_{abs(hash(request.node.name)) % 10**9}"
    yield postgres_server.create_database(name)
    postgres_server.drop_database(name)


@pytest.fixture
async def filled(postgres_url: str, redis_url: str, key_prefix: str) -> None:
    """A group with some messages."""
    async with TestIssuer() as issuer:
        chosen: ApiSettings = api_settings(postgres_url, redis_url, key_prefix, issuer.url)
        async with running_api(chosen, issuer) as api:
            anna, ben = await api.people(2)
            group = await anna.group_with(ben)
            for number in range(5):
                await anna.say(group, f"message {number}")
            await ben.say(await ben.direct_with(anna), "你好")


@pytest.mark.usefixtures("filled")
def test_what_was_backed_up_is_restored(
    settings: AdminSettings, empty: str, tmp_path: Path
) -> None:
    made = make(settings, tmp_path / "backup", [])
    assert (made.files, made.keys) == (1, 0)  # keys never go into an open archive
    assert oct((tmp_path / "backup").stat().st_mode & 0o777) == "0o600"
    place = Place(empty, tmp_path / "new-files", tmp_path / "new-keys")
    restored = restore(tmp_path / "backup", None, place)
    assert restored.files == 1
    picture = tmp_path / "new-files" / "ab" / "picture"
    assert picture.read_bytes() == b"\x00picture\xff" * 1000
    with database.connected(empty) as connection, connection.cursor() as cursor:
        assert database.facts(cursor) == made.manifest.facts
        assert database.broken_logs(cursor) == 0
        # No row looks as if it had changed after everything, or before.
        cursor.execute(
            "SELECT count(*) FROM conversations WHERE updated_xid >= pg_current_xact_id()"
        )
        assert cursor.fetchone()[0] == 0


@pytest.mark.usefixtures("filled")
def test_a_sealed_backup_opens_with_its_key_only(
    settings: AdminSettings, empty: str, tmp_path: Path
) -> None:
    recipient = make_identity(tmp_path / "key")
    make_identity(tmp_path / "other")
    made = make(settings, tmp_path / "backup", [recipient])
    assert made.keys == 1
    content = (tmp_path / "backup").read_bytes()
    assert content.startswith(b"age-encryption.org/v1")
    assert b"manifest" not in content
    place = Place(empty, None, tmp_path / "new-keys")
    with pytest.raises(Misused, match="sealed"):
        restore(tmp_path / "backup", None, place)
    with pytest.raises(AdminError, match="cannot be opened"):
        restore(tmp_path / "backup", tmp_path / "other", place)
    restore(tmp_path / "backup", tmp_path / "key", place)
    assert (tmp_path / "new-keys" / "1.pem").read_text() == "not really a key"


@pytest.mark.usefixtures("filled")
def test_a_good_backup_is_verified_and_leaves_nothing_behind(
    settings: AdminSettings, postgres_server: Postgres, tmp_path: Path
) -> None:
    make(settings, tmp_path / "backup", [])
    url = postgres_server.url("postgres")
    found = verify(tmp_path / "backup", None, url, None)
    assert found.facts.rows["events"] >= 7
    assert len(found.facts.samples) >= 2
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'agileim_verify%'")
        assert cursor.fetchone() == (0,)
    connection.close()


@pytest.mark.usefixtures("filled")
def test_damage_is_found_and_the_database_stays_empty(
    settings: AdminSettings, empty: str, tmp_path: Path
) -> None:
    make(settings, tmp_path / "backup", [])
    content = (tmp_path / "backup").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        dump = tar.getmember(DUMP)
    flipped = bytearray(content)
    flipped[dump.offset_data + dump.size // 2] ^= 1
    for name, damaged in (
        ("flipped", bytes(flipped)),
        ("cut", content[: dump.offset_data + dump.size + 512]),
        ("short", content[:700]),
        ("nothing", b""),
        ("noise", bytes(range(256)) * 100),
    ):
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(AdminError):
            restore(tmp_path / name, None, Place(empty, tmp_path / "f", None))
        with database.connected(empty) as connection, connection.cursor() as cursor:
            assert database.tables(cursor) == [], name


@pytest.mark.usefixtures("filled")
def test_a_backup_that_lies_about_its_content_is_refused(
    settings: AdminSettings, postgres_url: str, postgres_server: Postgres, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    true_facts = database.facts

    def more(*arguments: object) -> object:
        found = true_facts(*arguments)  # type: ignore[arg-type]  # as given
        rows = {**found.rows, "events": found.rows["events"] + 1}
        return type(found)(found.migrations, rows, "0" * 64, found.samples)

    monkeypatch.setattr(database, "facts", more)
    make(settings, tmp_path / "backup", [])
    monkeypatch.undo()
    with pytest.raises(AdminError, match=r"rows instead of.*heads"):
        verify(tmp_path / "backup", None, postgres_server.url("postgres"), None)


@pytest.mark.usefixtures("filled")
def test_a_hole_in_a_log_is_found(
    settings: AdminSettings, postgres_url: str, postgres_server: Postgres, tmp_path: Path
) -> None:
    with psycopg2.connect(postgres_url) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM events WHERE seq = 2")
    connection.close()
    make(settings, tmp_path / "backup", [])
    with pytest.raises(AdminError, match="gaps"):
        verify(tmp_path / "backup", None, postgres_server.url("postgres"), None)


@pytest.mark.usefixtures("filled")
def test_nothing_is_overwritten(settings: AdminSettings, tmp_path: Path) -> None:
    make(settings, tmp_path / "backup", [])
    with pytest.raises(Misused, match="there already"):
        make(settings, tmp_path / "backup", [])
    with pytest.raises(Misused, match="not empty"):
        restore(tmp_path / "backup", None, Place(settings.database_url))
    with pytest.raises(AdminError):
        make(
            replace(settings, database_url=Secret("postgresql://127.0.0.1:1/x")), tmp_path / "b", []
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "files", "keys"]
