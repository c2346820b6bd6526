"""Signing keys by command: ``python -m services.auth.keys list|rotate|prune [FOLDER]``.

FOLDER is AGILEIM_KEYS_DIR unless given. Running processes see the change within some seconds:

    list     the keys, oldest first, and which one signs
    rotate   add a key: published at once, signing after a minute; with --older-than-days N only
             when the newest is older, so that a daily job rotates by age
    prune    remove keys that a newer one has replaced for longer than any token lives
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from services.auth.keyring import PUBLISHED_BEFORE_USE_S, RELOAD_S, KeyRing, KeysFault, create

DAY_S: Final = 86_400.0
# The longest life of an access or ID token (AuthSettings), the time until the next key signs in
# every process, and five minutes for clocks that differ.
KEPT_S: Final = 300.0 + PUBLISHED_BEFORE_USE_S + RELOAD_S + 300.0


def main(arguments: Sequence[str], now: float) -> int:
    """Exit code. ``now`` is Unix time, s."""
    parser = argparse.ArgumentParser(
        prog="python -m services.auth.keys", description="Signing keys of auth"
    )
    parser.add_argument("what", choices=("list", "rotate", "prune"))
    parser.add_argument("folder", nargs="?", default=os.environ.get("AGILEIM_KEYS_DIR", ""))
    parser.add_argument("--older-than-days", type=float, default=0.0)
    given = parser.parse_args(arguments)
    if not given.folder:
        parser.error("name the folder, or set AGILEIM_KEYS_DIR")
    folder = Path(given.folder)
    try:
        ring = KeyRing(folder, now=lambda: now)
        ring.open()
        if given.what == "rotate":
            rotate(ring, folder, now, given.older_than_days * DAY_S)
        elif given.what == "prune":
            prune(ring, now)
        ring.reload()
    except KeysFault as fault:
        print(f"auth: {fault}", file=sys.stderr)
        return 1
    for key in ring.all:
        signs = "  signs" if key.kid == ring.signing_kid else ""
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(key.since))
        print(f"{key.kid}  {since}  {key.path.name}{signs}")
    return 0


def rotate(ring: KeyRing, folder: Path, now: float, older_than_s: float) -> None:
    """Add a key, if the newest is old enough. Raises KeysFault."""
    if older_than_s and now - ring.all[-1].since < older_than_s:
        return
    path = folder / f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(now))}.pem"
    create(path)
    os.utime(path, (now, now))


def prune(ring: KeyRing, now: float) -> None:
    """Remove keys that sign nothing any more and whose last token has expired."""
    keys = ring.all
    for key, successor in itertools.pairwise(keys):
        if now - successor.since > KEPT_S and key.kid != ring.signing_kid:
            key.path.unlink()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:], time.time()))
