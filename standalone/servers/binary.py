"""Finding a server program: on this machine first, then in the packages installed beside us."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from standalone.errors import StandaloneError

Version = tuple[int, ...]

SOURCES: Final = ("path", "wheel", "fallback")  # in the order in which they are tried


@dataclass(frozen=True)
class Binary:
    """A program that ran here and told its version, e.g. ("valkey", (9, 1, 2))."""

    path: Path
    product: str
    version: Version
    source: str

    def __str__(self) -> str:
        return f"{self.product} {'.'.join(map(str, self.version))} ({self.path})"


@dataclass(frozen=True)
class Candidate:
    """A place where a program may be; `source` is one of SOURCES."""

    path: Path
    source: str


def package_folder(package: str) -> Path | None:
    """The folder of an installed package, found without running any of its code."""
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def on_path(names: Iterable[str]) -> Iterator[Candidate]:
    """The programs of these names on PATH, links resolved."""
    for name in names:
        found = shutil.which(name)
        if found:
            yield Candidate(Path(found).resolve(), "path")


def probe(candidate: Candidate, option: str = "--version") -> Binary | None:
    """Run `program --version`; None if it is not there, does not run here or says no version."""
    try:
        answer = subprocess.run(
            [candidate.path, option], capture_output=True, text=True, timeout=20, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r"\d+(?:\.\d+)+", answer)
    if version is None:
        return None
    product = "valkey" if answer.lower().startswith("valkey") else candidate.path.name
    numbers = tuple(int(part) for part in version.group().split("."))
    return Binary(candidate.path, product, numbers, candidate.source)


def first_fit(
    what: str,
    candidates: Iterable[Candidate],
    fits: Callable[[Binary], bool],
    *,
    sources: Sequence[str],
    advice: str,
    option: str = "--version",
) -> Binary:
    """The first candidate from `sources`, in their order, that runs and fits.

    Raises StandaloneError with what was found instead and `advice`.
    """
    unfit: list[str] = []
    in_order = sorted(
        (candidate for candidate in candidates if candidate.source in sources),
        key=lambda candidate: sources.index(candidate.source),
    )
    for candidate in in_order:
        binary = probe(candidate, option)
        if binary is not None and fits(binary):
            return binary
        if binary is not None:
            unfit.append(str(binary))
        elif candidate.path.exists():
            unfit.append(f"{candidate.path} (does not run here)")
    found = f"found only {', '.join(unfit)}" if unfit else "found none"
    raise StandaloneError(f"no {what} ({found}): {advice}")
