"""One task for each pipeline, which reconciles whenever it is woken and every once in a while. Level based: a wake-up
carries no news, it only says that it is time to look; so none can be lost, doubled or out of order."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from health_operator import metrics
from health_operator.errors import LeaseLost, OperatorError

log = logging.getLogger(__name__)

Key = tuple[str, str]  # namespace, name

# What is not urgent (a pod became ready, ...) is looked at once a second at most, whatever number of changes there are.
QUIET_SECONDS = 1.0
# After an error: 1, 2, 4, ... seconds. A spec that changes is looked at at once nevertheless.
_FIRST_BACKOFF, _LONGEST_BACKOFF = 1.0, 60.0
# Pipelines that are reconciled at the same time; more would only make each other slow and need memory.
_AT_ONCE = 8


@dataclass(frozen=True)
class Outcome:
    """``again``: seconds after which to look again at the latest. ``gone``: the pipeline is no more."""

    again: float
    gone: bool = False
    result: str = "unchanged"


@dataclass
class Wake:
    """What a task waits for."""

    any: asyncio.Event = field(default_factory=asyncio.Event)
    urgent: asyncio.Event = field(default_factory=asyncio.Event)
    busy_since: float = 0.0


# Told the pipeline, and whether anything woke us (or it is only time to look again).
Reconcile = Callable[[Key, bool], Awaitable[Outcome]]


class Workers:
    """The tasks."""

    def __init__(self, reconcile: Reconcile) -> None:
        self._reconcile = reconcile
        self._wakes: dict[Key, Wake] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake(self, key: Key, *, urgent: bool = False, known_only: bool = False) -> None:
        """Look at this pipeline: at once, or within a second. ``known_only``: only if it has a task already."""
        if key not in self._tasks:
            if known_only:
                return
            self._wakes[key] = Wake()
            self._tasks[key] = asyncio.create_task(self._work(key), name=f"pipeline {key[0]}/{key[1]}")
        self._wakes[key].any.set()
        if urgent:
            self._wakes[key].urgent.set()

    async def broken(self) -> None:
        """Ends only when no task can go on, with the error that says why."""
        await self._broken

    def stuck(self, seconds: float) -> list[Key]:
        """Pipelines that have been looked at without an end for this long."""
        now = time.monotonic()
        return [key for key, wake in self._wakes.items() if wake.busy_since and now - wake.busy_since > seconds]

    async def close(self) -> None:
        """End the tasks; what is being written is not waited for."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _work(self, key: Key) -> None:
        wake = self._wakes[key]
        backoff = 0.0
        try:
            while True:
                outcome = await self._once(key, wake)
                if outcome is None:
                    backoff = min(backoff * 2 or _FIRST_BACKOFF, _LONGEST_BACKOFF)
                    await _sleep(wake.urgent, backoff * random.uniform(0.8, 1.2))  # noqa: S311 (spreads load)
                    continue
                if outcome.gone and not wake.any.is_set():
                    return
                backoff = 0.0
                await _sleep(wake.urgent, QUIET_SECONDS)
                await _sleep(wake.any, outcome.again - QUIET_SECONDS)
        finally:
            del self._tasks[key], self._wakes[key]

    async def _once(self, key: Key, wake: Wake) -> Outcome | None:
        """One look; None when it failed. Nothing but the end of the lease ends a task."""
        async with self._at_once:
            is_woken = wake.any.is_set()
            wake.any.clear()
            wake.urgent.clear()
            wake.busy_since = started = time.monotonic()
            outcome, result = None, "error"
            try:
                outcome = await self._reconcile(key, is_woken)
                result = outcome.result
            except LeaseLost as error:
                if not self._broken.done():
                    self._broken.set_exception(error)
            except OperatorError as error:
                log.warning("%s/%s: %s", *key, error)
            except Exception:
                log.exception("%s/%s: this should not happen", *key)
            finally:
                wake.busy_since = 0.0
                metrics.RECONCILE_SECONDS.labels(result).observe(time.monotonic() - started)
            return outcome


async def _sleep(until: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(max(seconds, 0)):
            await until.wait()
    except TimeoutError:
        return
