"""Background tasks that cannot die unseen."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from shared.health import Health
from shared.logs import get_logger

CANCEL_AGAIN_S = 0.5


class Background:
    """Owns an application's background tasks: keeps them referenced, says when one fails, and
    cancels and awaits all of them at the end."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(
        self, name: str, coroutine: Coroutine[Any, Any, Any], *, essential: bool = True
    ) -> asyncio.Task[Any]:
        """Start a task. When an essential one fails, readiness fails with its name."""
        task = asyncio.create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._ended(done, essential))
        return task

    def _ended(self, task: asyncio.Task[Any], essential: bool) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        get_logger().error("background_task_failed", task=task.get_name(), exc_info=error)
        if essential:
            self._health.fail(f"task {task.get_name()}", f"{type(error).__name__}: {error}"[:200])

    async def close(self) -> None:
        """Cancel what still runs and wait for it.

        More than once if need be: a cancellation that meets a library's own time-out at the wrong
        moment gets lost (seen about once in a hundred times with a blocking read of redis-py).
        """
        while tasks := [task for task in self._tasks if not task.done()]:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=CANCEL_AGAIN_S)
