"""A real PostgreSQL of our own: initialised once, started, stopped, killed, restarted."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psycopg2
from psycopg2 import sql

from standalone.errors import StandaloneError
from standalone.ports import LOOPBACK
from standalone.process import Launch, Process, run_once
from standalone.servers import postgres_programs as programs
from standalone.servers.binary import SOURCES, Binary

ADMIN: Final = "postgres"  # the superuser that initdb makes; the services do not get it
MAX_CONNECTIONS: Final = 200  # several api replicas with their pools, and a few people with psql

# For tests only: a power cut may lose data, a killed process does not.
UNSAFE_BUT_FAST: Final = {"fsync": "off", "full_page_writes": "off"}


class Postgres:
    """One PostgreSQL server in `folder`, listening on the loopback address only.

    Every connection needs a password (SCRAM). `durable=False` trades safety against power cuts for
    speed. `sources` and `identities` restrict where programs come from and what root may try.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        password: str,
        log: Path,
        durable: bool = True,
        sources: Sequence[str] = SOURCES,
        identities: Sequence[str] = programs.IDENTITIES,
    ) -> None:
        self.folder = folder
        self.port = port
        self._password = password
        self._log = log
        self._durable = durable
        self._copy_note = folder / "programs"
        self._folder_fd = -1
        folder.mkdir(parents=True, exist_ok=True)
        log.parent.mkdir(parents=True, exist_ok=True)
        self._forget_copy()
        self.binary: Binary = programs.find(self._major_of_data(), sources)
        self.identity = programs.choose_identity(self.binary, log, identities)
        self._program, copy = programs.reachable_copy(self.binary, self.identity, log)
        if copy:
            self._copy_note.write_text(str(copy))
        self._open_folder()
        self.process = Process("postgres", self._launch(self._serve()), self._answers)

    @property
    def initialised(self) -> bool:
        """Whether there is a complete cluster in the folder."""
        return (self.folder / "cluster" / "PG_VERSION").exists()

    def initialise(self) -> None:
        """Make the cluster unless it is there; what a cut-off attempt left is made again.

        The cluster gets its name only when it is complete, so that a half-made one is never used.
        """
        if self.initialised:
            return
        partial = self.folder / "cluster.partial"
        shutil.rmtree(partial, ignore_errors=True)
        secret = self.folder / "initial-password"
        secret.unlink(missing_ok=True)
        secret.touch(mode=0o600)
        secret.write_text(self._password + "\n")
        os.chown(secret, self.identity.uid, self.identity.gid)
        try:
            if run_once(self._launch(self._initdb())) != 0:
                raise StandaloneError(f"PostgreSQL's initdb failed; see {self._log}")
        finally:
            secret.unlink()
        partial.rename(self.folder / "cluster")

    def start(self, timeout_s: float = 60.0) -> None:
        """Start and wait until it takes queries. A previous one that is still ending is awaited."""
        self._await_predecessor()
        self.process.start()
        self.process.wait_ready(timeout_s)  # the time of a crash recovery, at worst

    def stop(self) -> None:
        """Stop in order: sessions are cut, everything is written (a "fast" shutdown)."""
        self.process.stop(timeout_s=30)
        self._forget_copy()
        if self._folder_fd >= 0:
            os.close(self._folder_fd)
            self._folder_fd = -1

    def url(self, database: str, user: str = ADMIN, password: str = "") -> str:
        """The address of a database; the administrator's unless told otherwise."""
        secret = quote(password or self._password, safe="")
        return f"postgresql://{user}:{secret}@{LOOPBACK}:{self.port}/{database}"

    def execute(self, statement: str | sql.Composable, database: str = ADMIN) -> None:
        """Run one statement as the administrator, outside a transaction."""
        with closing(psycopg2.connect(self.url(database), connect_timeout=5)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)

    def exists(self, catalogue: str, column: str, name: str) -> bool:
        """Whether a catalogue such as pg_roles holds an entry of this name."""
        query = sql.SQL("SELECT 1 FROM {} WHERE {} = %s").format(
            sql.Identifier(catalogue), sql.Identifier(column)
        )
        connect = closing(psycopg2.connect(self.url(ADMIN), connect_timeout=5))
        with connect as connection, connection.cursor() as cursor:
            cursor.execute(query, (name,))
            return cursor.fetchone() is not None

    def ensure_database(self, name: str, owner: str, password: str) -> str:
        """Make the role and its database unless they are there; returns the role's url."""
        verb = "ALTER" if self.exists("pg_roles", "rolname", owner) else "CREATE"
        role = sql.SQL(verb + " ROLE {} LOGIN PASSWORD {}")
        self.execute(role.format(sql.Identifier(owner), sql.Literal(password)))
        if not self.exists("pg_database", "datname", name):
            create = sql.SQL("CREATE DATABASE {} OWNER {}")
            self.execute(create.format(sql.Identifier(name), sql.Identifier(owner)))
        return self.url(name, owner, password)

    def create_database(self, name: str, template: str = "template0") -> str:
        """Make a database that the administrator owns; returns its url."""
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, cutting the sessions that still use it."""
        self.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )

    def _initdb(self) -> list[str]:
        arguments = [
            str(self._program.with_name("initdb")),
            f"--pgdata={self._inside('cluster.partial')}",
            f"--username={ADMIN}",
            f"--pwfile={self._inside('initial-password')}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",  # with plain C, case folding of non-ASCII text fails
            "--data-checksums",
        ]
        return arguments if self._durable else [*arguments, "--no-sync"]

    def _serve(self) -> list[str]:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": str(MAX_CONNECTIONS),
            "log_timezone": "UTC",
            **({} if self._durable else UNSAFE_BUT_FAST),
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [str(self._program), "-D", self._inside("cluster"), *options]

    def _launch(self, argv: list[str]) -> Launch:
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
        return Launch(
            argv=argv,
            env={**kept, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            log=self._log,
            identity=self.identity.word,
            kept_fds=(self._folder_fd,) if self._folder_fd >= 0 else (),
            stop_signal=signal.SIGINT,
            # Immediate shutdown; unlike SIGKILL it takes the backends along and frees memory.
            death_signal=signal.SIGQUIT,
        )

    def _inside(self, name: str) -> str:
        """A path in the folder as the server sees it.

        Another user may be unable to reach the folder by its path (say, below /root). An open
        descriptor of it needs no such right.
        """
        if self._folder_fd < 0:
            return str(self.folder.absolute() / name)
        return f"/proc/self/fd/{self._folder_fd}/{name}"

    def _open_folder(self) -> None:
        if self.identity.word == "same":
            return
        owner = (self.identity.uid, self.identity.gid)
        for path in (self.folder, *self.folder.rglob("*")):
            status = path.lstat()
            if (status.st_uid, status.st_gid) != owner:
                os.chown(path, *owner, follow_symlinks=False)
        self._folder_fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)

    def _major_of_data(self) -> int | None:
        try:
            return int((self.folder / "cluster" / "PG_VERSION").read_text())
        except FileNotFoundError:
            return None

    def _forget_copy(self) -> None:
        if self._copy_note.exists():
            programs.remove_copy(Path(self._copy_note.read_text()))
            self._copy_note.unlink()

    def _await_predecessor(self, timeout_s: float = 20.0) -> None:
        """A server whose supervisor was killed a moment ago may still be shutting down."""
        note = self.folder / "cluster" / "postmaster.pid"
        deadline = time.monotonic() + timeout_s
        while not self.process.alive and (pid := _running_postgres(note)):
            if time.monotonic() > deadline:
                raise StandaloneError(
                    f"another PostgreSQL (process {pid}) still uses {self.folder}: stop it first"
                )
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg2.Error:
            return False
        return True


def _running_postgres(note: Path) -> int:
    """The pid in a postmaster.pid if that is a living postgres; 0 otherwise."""
    try:
        pid = int(note.read_text().split("\n", 1)[0])
        # The last word of proc(5)'s comm is the program's name, whoever owns the process.
        return pid if Path(f"/proc/{pid}/comm").read_text().strip() == "postgres" else 0
    except (OSError, ValueError):
        return 0
