"""What crashed is started again, ever more patiently, and somebody is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from standalone.process import Launch, Process
from standalone.supervisor import LONGEST_PAUSE_S, STEADY_S, Supervisor


class Scene:
    """One process that ends at once, a clock that we move, and what was said."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.said: list[str] = []
        self.script = "echo broken; exit 1"
        self._folder = folder
        self.process = Process("api-1", self._launch(), lambda: True)
        self.supervisor = Supervisor({"api-1": self.process}, self.said.append, lambda: self.now)

    def _launch(self) -> Launch:
        env = {"PATH": os.defpath}
        argv = ["/bin/sh", "-c", self.script]
        return Launch(argv=argv, env=env, log=self._folder / "api.log")

    def start(self) -> None:
        self.process.launch = self._launch()
        self.process.start()
        self.process.started_at = self.now

    def crash(self) -> None:
        self.process.kill()

    def look_after(self, seconds: float) -> None:
        self.now += seconds
        self.supervisor.look()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_crash_is_told_and_mended(scene: Scene) -> None:
    scene.script = "exec sleep 60"
    scene.start()
    first = scene.process.pid
    scene.crash()
    scene.look_after(0)
    assert scene.said == ["api-1 was killed by SIGKILL; starting it again in 0.5 s"]
    scene.look_after(0.4)
    assert not scene.process.alive
    scene.look_after(0.2)
    assert scene.process.alive
    assert scene.process.pid != first
    scene.look_after(0.2)
    assert scene.said[-1] == "api-1 is back"
    scene.process.kill()


def test_each_crash_in_a_row_waits_longer_up_to_a_bound(scene: Scene) -> None:
    scene.start()
    pauses = []
    for _ in range(9):
        scene.process.wait(5)
        scene.process.started_at = scene.now
        scene.look_after(0)
        pauses.append(float(scene.said[-1].split()[-2]))
        scene.look_after(pauses[-1])
    assert pauses == [0.5, 1, 2, 4, 8, 16, LONGEST_PAUSE_S, LONGEST_PAUSE_S, LONGEST_PAUSE_S]
    assert scene.said[0] == "api-1 ended with exit code 1: broken; starting it again in 0.5 s"
    scene.process.wait(5)


def test_patience_returns_after_a_steady_time(scene: Scene) -> None:
    scene.start()
    for _ in range(3):
        scene.process.wait(5)
        scene.process.started_at = scene.now
        scene.look_after(0)
        scene.look_after(LONGEST_PAUSE_S)
    scene.process.wait(5)
    scene.process.started_at = scene.now
    scene.look_after(STEADY_S + 1)
    assert scene.said[-1].endswith("in 0.5 s")


def test_what_was_stopped_stays_stopped(scene: Scene) -> None:
    scene.script = "exec sleep 60"
    scene.start()
    scene.process.stop()
    scene.look_after(0)
    scene.look_after(100)
    assert scene.said == []
    assert not scene.process.alive
