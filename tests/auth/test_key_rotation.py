"""Signing keys by command: rotation by hand and by age, and no token is refused on the way."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from services.auth import keys
from services.auth.keyring import KeyRing
from shared.tokens import TokenVerifier
from tests.auth.rig import Rig
from tests.support.signin import Tokens, refresh

DAY_S = 86_400.0


def _ring(folder: Path, now: float) -> KeyRing:
    ring = KeyRing(folder, now=lambda: now)
    ring.open()
    return ring


def _age(folder: Path, seconds: float) -> None:
    """Let time pass for all keys."""
    for path in folder.glob("*.pem"):
        since = path.stat().st_mtime - seconds
        os.utime(path, (since, since))


def test_rotation_publishes_first_and_signs_later(tmp_path: Path) -> None:
    now = time.time()
    first = _ring(tmp_path, now).signing_kid
    _age(tmp_path, 1000)
    assert keys.main(["rotate", str(tmp_path)], now) == 0
    ring = _ring(tmp_path, now)
    assert len(ring.ids) == 2
    assert ring.signing_kid == first
    assert _ring(tmp_path, now + 61).signing_kid == ring.ids[1]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("*.pem")} == {0o600}


def test_daily_job_rotates_by_age_only(tmp_path: Path) -> None:
    now = time.time()
    _ring(tmp_path, now)
    job = ["rotate", str(tmp_path), "--older-than-days", "30"]
    keys.main(job, now)
    assert len(_ring(tmp_path, now).ids) == 1
    _age(tmp_path, 31 * DAY_S)
    keys.main(job, now)
    keys.main(job, now)
    assert len(_ring(tmp_path, now).ids) == 2


def test_old_key_goes_when_its_last_token_has_expired(tmp_path: Path) -> None:
    now = time.time()
    _ring(tmp_path, now)
    _age(tmp_path, DAY_S)
    keys.main(["rotate", str(tmp_path)], now)
    keys.main(["prune", str(tmp_path)], now + keys.KEPT_S - 5)
    assert len(_ring(tmp_path, now).ids) == 2
    _, second = _ring(tmp_path, now).ids
    keys.main(["prune", str(tmp_path)], now + keys.KEPT_S + 5)
    assert _ring(tmp_path, now).ids == (second,)
    keys.main(["prune", str(tmp_path)], now + 100 * DAY_S)
    assert _ring(tmp_path, now).ids == (second,), "never the last one"


def test_command_lists_the_keys_and_says_what_is_wrong(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "services.auth.keys", *arguments],
            capture_output=True,
            text=True,
            env={"PATH": os.defpath},
            check=False,
            cwd=Path(__file__).parents[2],
        )

    listed = run("list", str(tmp_path))
    assert listed.returncode == 0
    assert listed.stdout.splitlines()[-1].endswith("first.pem  signs")
    assert "PRIVATE" not in listed.stdout
    (tmp_path / "broken.pem").write_text("no key")
    broken = run("list", str(tmp_path))
    assert (broken.returncode, broken.stdout) == (1, "")
    assert "broken.pem is not a readable PEM key" in broken.stderr
    assert run("list").returncode == 2


async def test_no_token_is_refused_while_keys_rotate(
    rig: Rig, ada: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The rig's clock runs fast, the clock of this interval (5 s) does not.
    monkeypatch.setattr("shared.tokens.FETCH_INTERVAL_S", 0.0)
    verifier = TokenVerifier(
        issuer=rig.url, audience="agileim", jwks_url=f"{rig.url}/.well-known/jwks.json",
        http=lambda: rig.http, now=rig.clock,
    )  # fmt: skip
    folder = rig.settings.keys_dir
    _age(folder, 1000)
    rig.auth.keys.reload()
    tokens, seen = ada, {rig.auth.keys.signing_kid}
    for _ in range(3):
        await asyncio.to_thread(keys.main, ["rotate", str(folder)], rig.clock.now)
        for _ in range(2):
            rig.auth.keys.reload()
            # What was given before, and what is given now.
            await verifier.verify(tokens.access_token)
            tokens = await refresh(rig.url, tokens)
            seen.add(rig.auth.keys.signing_kid)
            assert (await verifier.verify(tokens.access_token)).user == ada.user
            rig.clock.now += 100
    assert len(seen) == 4
