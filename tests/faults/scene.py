"""A running stack with its relay, people and devices: what faults are injected into."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from agileim.errors import AgileIMError
from standalone.provision import Person, Provision
from standalone.stack import Stack
from tests.faults.deeds import KINDS, Deed
from tests.faults.devices import Device
from tests.faults.plan import Change, Plan, Send
from tests.faults.relay import Relay

CHANGE_TIMEOUT_S = 30.0


# Of all messages so many come with a deed; recalls are the rarest, as they end all others.
DEEDS_SHARE = 0.3
DEEDS = [
    *(2 * [Deed.EDIT, Deed.REACT, Deed.UNREACT, Deed.PIN, Deed.THREAD, Deed.MENTION]), Deed.RECALL,
]  # fmt: skip


class Said(NamedTuple):
    """An acknowledged message, and the device that sent it."""

    seq: int
    device: Device


class Failed(Exception):
    """The run itself could not be carried out as planned; its verdict means nothing."""


@dataclass(kw_only=True)
class Scene:
    """See the module. Injections use its methods and fields."""

    plan: Plan
    stack: Stack
    relay: Relay
    provision: Provision
    folder: Path
    people: list[Person] = field(default_factory=list)
    devices: list[Device] = field(default_factory=list)
    pairs: list[str] = field(default_factory=list)  # conversation of each planned pair
    groups: list[str] = field(default_factory=list)
    restarted: set[str] = field(default_factory=set)  # processes that are not the first any more
    changes: dict[str, int] = field(default_factory=dict)  # how changes and deeds ended
    said: dict[str, list[Said]] = field(default_factory=dict)  # acknowledged, by conversation

    # --- processes --------------------------------------------------------------------------

    def of(self, kind: str) -> list[str]:
        """All replicas of a service."""
        return sorted(name for name in self.stack.processes if name.startswith(f"{kind}-"))

    def victim(self, kind: str) -> str:
        """The replica that the plan wants harmed."""
        names = self.of(kind)
        return names[self.plan.victim % len(names)]

    async def kill(self, name: str) -> None:
        """SIGKILL, now."""
        self.restarted.add(name)
        await asyncio.to_thread(self.stack.kill, name)

    async def start(self, name: str, settings: Mapping[str, str] | None = None) -> None:
        """Start it again, with other settings from now on, and wait until it is ready."""
        self.restarted.add(name)
        await asyncio.to_thread(self.stack.start_one, name, settings)
        await asyncio.to_thread(self.stack.wait_ready, name)

    async def restart(self, name: str, settings: Mapping[str, str] | None = None) -> None:
        """Kill and start again, with other settings from now on."""
        await self.kill(name)
        await self.start(name, settings)

    async def stall(self, name: str, seconds: float) -> None:
        """SIGSTOP for some time, then SIGCONT."""
        process = self.stack.processes[name]
        await asyncio.to_thread(process.pause)
        try:
            await asyncio.sleep(seconds)
        finally:
            await asyncio.to_thread(process.resume)

    async def wait_for(self, state: Callable[[], bool], timeout_s: float = 10.0) -> None:
        """Poll until it is so; raises :class:`Failed`."""
        deadline = time.monotonic() + timeout_s
        while not state():  # what is waited for happens in other processes
            if time.monotonic() > deadline:
                raise Failed(f"not so after {timeout_s:g} s: {state.__qualname__}")
            await asyncio.sleep(0.02)

    # --- people -----------------------------------------------------------------------------

    async def send(self, index: int, send: Send, rng: random.Random) -> None:
        """Carry out one planned message."""
        place = self.pairs if send.kind == "direct" else self.groups
        letters = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz äöü你好", k=send.chars))
        msg_id = f"run-{self.plan.seed}-{index}"
        device = self.devices[send.device]
        text, conversation = f"{index} {letters}", place[send.conversation]
        deed = rng.choice(DEEDS) if rng.random() < DEEDS_SHARE else None
        # What is done to a message is done to an earlier one, or it would not race anything.
        earlier = self.said.setdefault(conversation, [])
        on = rng.choice(earlier) if earlier else None
        if deed is Deed.MENTION:
            text += f" @{rng.choice(self.people).handle}"
        thread = on.seq if deed is Deed.THREAD and on is not None else None
        seq = await device.send(conversation, text, msg_id, rest=send.rest, thread=thread)
        if seq and thread is None:
            earlier.append(Said(seq, device))
        if on is not None and deed in KINDS:
            # Only who wrote a message may edit and recall it.
            by = on.device if deed in (Deed.EDIT, Deed.RECALL) else device
            how = f"{deed} {await by.do(deed, conversation, on.seq, f'edited {text}')}"
            self.changes[how] = self.changes.get(how, 0) + 1

    async def change(self, change: Change) -> None:
        """Carry out one planned change of membership; the log tells afterwards whether it was."""
        group = self.plan.groups[change.group]
        device = self.devices[group.owner]
        conversation, user = self.groups[change.group], self.people[change.guest].user
        try:
            async with asyncio.timeout(CHANGE_TIMEOUT_S):
                api = (await device.running()).api
                if change.add:
                    await api.add_members(conversation, [user])
                else:
                    await api.remove_member(conversation, user)
            how = "done"
        except (AgileIMError, TimeoutError) as error:
            how = type(error).__name__
        self.changes[how] = self.changes.get(how, 0) + 1
