"""One run: start everything, let people talk, harm it once, wait until it is quiet, judge."""

from __future__ import annotations

import asyncio
import random
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from standalone.errors import StandaloneError
from standalone.provision import Provision
from standalone.stack import Options, Stack
from tests.faults import quiet
from tests.faults.checker import Finding, check
from tests.faults.devices import Device
from tests.faults.history import History
from tests.faults.injections import Fault
from tests.faults.plan import Change, Plan, Send, Size, make
from tests.faults.refusals import unexplained
from tests.faults.relay import Relay
from tests.faults.scene import Failed, Scene
from tests.faults.summary import Summary, summarise

COUNTS: Final = {"api": 2, "dispatcher": 2, "gateway": 2}
HARNESS: Final = "harness"
CONNECT_WITHIN_S: Final = 30.0
QUIET_WITHIN_S: Final = 30.0  # after the last send was answered
QUIET_DEFECT_S: Final = 10.0  # with a planted defect it never will be


@dataclass(slots=True)
class Result:
    """What came of a run."""

    fault: str
    seed: int
    summary: Summary
    findings: list[Finding] = field(default_factory=list)
    failure: str = ""  # why the run could not be carried out
    changes: dict[str, int] = field(default_factory=dict)  # how changes of membership ended
    codes: dict[str, int] = field(default_factory=dict)  # why sends were not acknowledged
    ended: dict[str, str] = field(default_factory=dict)  # devices whose SDK gave up, and why
    unexplained: list[str] = field(default_factory=list)  # refusals that the log does not explain
    reconnects: list[float] = field(default_factory=list)  # when devices came back, in order
    longest_send_s: float = 0.0  # from the first try until the last word, refusals between

    phases: dict[str, float] = field(default_factory=dict)  # s that each part of the run took
    expects: str = ""  # a planted defect: a kind of finding that there must be

    @property
    def passed(self) -> bool:
        """Nothing at all was wrong; or, with a planted defect, just that was found."""
        if self.expects:
            return not self.failure and any(f.kind == self.expects for f in self.findings)
        return not (self.findings or self.failure or self.ended)


class Stopwatch:
    """How long each part took."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._since = time.monotonic()

    def lap(self, name: str) -> None:
        """The part of this name is over."""
        now = time.monotonic()
        self.laps[name], self._since = round(now - self._since, 2), now


async def run(fault: Fault, seed: int, size: Size, folder: Path) -> Result:
    """Carry out one run in ``folder``, which keeps its data and logs."""
    plan, history, started = make(seed, size), History(), time.time()
    failure, watch = "", Stopwatch()
    scene: Scene | None = None
    try:
        with fault.within():
            async with _scene(plan, folder) as scene:
                watch.lap("start")
                await _carry_out(scene, fault, history, watch)
    except Exception as error:
        # What the harness could not do is told, and the next run is still worth having.
        expected = isinstance(error, Failed | StandaloneError)
        failure = str(error) if expected else traceback.format_exc()
    return Result(
        fault.name,
        seed,
        summarise(history, time.time() - started),
        findings=check(history),
        failure=failure,
        changes=scene.changes if scene else {},
        codes=dict(Counter(f"{send.outcome} {send.code}" for send in history.sends if send.code)),
        ended={d.log.name: d.ended for d in (scene.devices if scene else ()) if d.ended},
        unexplained=list(unexplained(history)),
        reconnects=sorted(at for d in (scene.devices if scene else ()) for at in d.connects[1:]),
        longest_send_s=max((s.ended_at - s.started_at for s in history.sends), default=0.0),
        phases=watch.laps,
        expects=fault.expects,
    )


async def _carry_out(scene: Scene, fault: Fault, history: History, watch: Stopwatch) -> None:
    try:
        before = await asyncio.to_thread(quiet.gauges, scene)
        await fault.prepare(scene)
        await _people_arrive(scene)
        watch.lap("arrive")
        await _play(scene, fault, history)
        watch.lap("play")
        await quiet.settle(scene, history, QUIET_DEFECT_S if fault.expects else QUIET_WITHIN_S)
        watch.lap("settle")
        await quiet.leave(scene, history, before)
        watch.lap("leave")
    finally:
        await quiet.switch_off(scene.devices)


@asynccontextmanager
async def _scene(plan: Plan, folder: Path) -> AsyncIterator[Scene]:
    options = Options(
        data=folder / "data", port=0, counts=COUNTS, auto_restart=False, harness=True
    )  # fmt: skip
    stack = Stack(options)
    await asyncio.to_thread(stack.start)
    try:
        edge = urlsplit(stack.url)
        provision = Provision(
            auth_url=stack.service_url("auth-1"),
            api_url=stack.service_url("api-1"),
            client_id=HARNESS,
            client_secret=stack.client_secret(HARNESS),
        )
        async with (
            aiohttp.ClientSession() as http,
            provision,
            Relay(edge.hostname or "", edge.port or 0) as relay,
        ):
            scene = Scene(plan=plan, stack=stack, relay=relay, provision=provision, folder=folder)
            await _provide(scene, folder / "profiles", http)
            yield scene
    finally:
        await asyncio.to_thread(stack.stop)


async def _provide(scene: Scene, profiles: Path, http: aiohttp.ClientSession) -> None:
    """People, conversations and devices, as planned; nobody is connected yet."""
    plan, provision = scene.plan, scene.provision
    people = scene.people = await provision.people(plan.size.users, "user")
    scene.pairs = await provision.directs([(people[one], people[two]) for one, two in plan.pairs])
    for index, group in enumerate(plan.groups):
        members = [people[member] for member in group.members]
        scene.groups.append(await provision.group(people[group.owner], members, f"Room {index}"))
    count: dict[int, int] = defaultdict(int)
    for index, user in enumerate(plan.devices):
        count[user] += 1
        person = people[user] if count[user] == 1 else await provision.device(people[user])
        scene.devices.append(
            Device(
                f"user{user}.{count[user]}",
                person,
                url=f"http://127.0.0.1:{scene.relay.port}",
                issuer=scene.stack.url,
                folder=profiles,
                http=http,
                token_life_s=plan.token_lives_s[index],
            )
        )


async def _people_arrive(scene: Scene) -> None:
    for device in scene.devices:
        await device.start()
    await scene.wait_for(lambda: all(d.connected for d in scene.devices), CONNECT_WITHIN_S)
    for index in scene.plan.watchers:
        user = scene.plan.devices[index]
        watched = [
            conversation
            for conversation, pair in zip(scene.pairs, scene.plan.pairs, strict=True)
            if user in pair
        ]
        watched += [
            conversation
            for conversation, group in zip(scene.groups, scene.plan.groups, strict=True)
            if user in (group.owner, *group.members)
        ]
        scene.devices[index].watch(watched)


async def _play(scene: Scene, fault: Fault, history: History) -> None:
    """Everybody sends, groups change, the fault strikes and heals. Returns when every send has
    ended in one way or another."""
    plan, start = scene.plan, time.monotonic()
    rng = random.Random(f"texts {plan.seed}")
    by_group: dict[int, list[Change]] = defaultdict(list)
    for change in plan.changes:
        by_group[change.group].append(change)

    async def until(at_s: float) -> None:
        await asyncio.sleep(max(0.0, start + at_s - time.monotonic()))

    async def strike() -> None:
        await until(plan.fault_at_s)
        history.injected_at = time.time()
        await fault.inject(scene)

    async def churn(changes: list[Change]) -> None:
        for change in changes:
            await until(change.at_s)
            await scene.change(change)

    async def talk(sends: Sequence[Send], first: int, since: float) -> None:
        async with asyncio.TaskGroup() as sending:
            for index, send in enumerate(sends, first):
                await asyncio.sleep(max(0.0, since + send.at_s - time.monotonic()))
                sending.create_task(scene.send(index, send, rng))

    parts = [strike(), talk(plan.sends, 0, start), *map(churn, by_group.values())]
    await _all(parts)
    await talk(plan.closing, len(plan.sends), time.monotonic())


async def _all(parts: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Side by side; the first that fails ends all."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
