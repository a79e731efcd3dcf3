"""Keeps a pipeline's crawlers as they should be, starts them when there are requests, and tells how they do."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

from health_pipeline.settings import CatalogSettings, LakeSettings

from health_catalog.crawlers import machine, metrics
from health_catalog.crawlers.aws import RunningAlready, Tables
from health_catalog.crawlers.machine import Crawl, Do, Look, Memory, Trouble
from health_catalog.crawlers.planning import plan
from health_catalog.crawlers.things import Account, Call, Observation, Wanted
from health_catalog.crawlers.wanted import prefix, tags, wanted
from health_catalog.errors import AccessDeniedError, CatalogError, ThrottledError

log = logging.getLogger(__name__)

# Requests are looked for so often; crawlers that nobody asks for are looked at less often, for Glue counts its calls.
LOOK_S, GLANCE_S = 10.0, 60.0
# What is in AWS is compared with what should be, for somebody may have changed it; while something waits, oftener.
_COMPARE_S, _COMPARE_SOON_S = 600.0, 20.0
# SQS says only about how many messages there are, and is right within a minute.
_QUEUE_SETTLES_S = 60.0
# So many refusals for load in a row are no accident any more.
_MANY = 4
_QUEUE, EVERYTHING = "queue", "all"


class Cloud(Protocol):
    """What the keeper asks of AWS; see ``aws.Aws``."""

    @property
    def account(self) -> Account: ...
    def observe(self, wanted: Wanted) -> Observation: ...
    def carry_out(self, call: Call) -> bool: ...
    def start(self, crawler: str) -> float: ...
    def stop(self, crawler: str) -> None: ...
    def state(self, crawler: str) -> tuple[str, Crawl | None] | None: ...
    def tables(self, crawler: str) -> Tables | None: ...
    def messages(self, queue: str) -> int: ...


class Words(Protocol):
    """Where requests are; see ``requests.Requests``."""

    def waiting(self) -> Mapping[str, frozenset[str]]: ...
    def forget(self, keys: Iterable[str]) -> None: ...


@dataclass(frozen=True)
class Surroundings:
    """Time and chance, for tests to make up. ``now``: monotonic seconds; ``chance``: from 0 to 1."""

    now: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random


class Keeper:
    """One pass after the other; ``ready`` is set while every crawler does its work."""

    def __init__(
        self, settings: CatalogSettings, cloud: Cloud, words: Words, ready: threading.Event,
        around: Surroundings = Surroundings(),
    ) -> None:  # fmt: skip
        self._settings, self._cloud, self._words, self._ready, self._around = settings, cloud, words, ready, around
        self._is_compared = False
        self._foreign: tuple[str, ...] = ()
        self._memories: dict[str, Memory] = {}
        self._seen: dict[str, float] = {}
        self._compare_at = 0.0
        # Of what is about all of them: that they are as they should be, that requests can be read.
        self._setup, self._listing = Memory(), Memory()
        self._told: dict[str, str] = {}

    def run(self, stop: threading.Event) -> None:
        """Until told to stop."""
        while not stop.is_set():
            self.pass_()
            stop.wait(LOOK_S * (0.8 + 0.4 * self._around.chance()))

    def pass_(self) -> None:
        """Compare where it is due, then look at the crawlers."""
        now = self._around.now()
        if now >= max(self._compare_at, self._setup.not_before):
            self._setup = self._guarded(self._compare, self._setup)
        if self._is_compared and self._wanted.crawled and now >= self._listing.not_before:
            self._listing = self._guarded(self._look_at_all, self._listing)
        self._tell()

    @cached_property
    def _wanted(self) -> Wanted:
        return wanted(self._settings, self._cloud.account)

    def _guarded(self, act: Callable[[], Memory], memory: Memory) -> Memory:
        try:
            return act()
        except CatalogError as error:
            return refused(memory, self._around, error)

    def _compare(self) -> Memory:
        """Make AWS what it should be."""
        observed = self._cloud.observe(self._wanted)
        todo = plan(self._wanted, observed, tags(self._settings), prefix(self._settings))
        late = [call for call in todo.calls if not self._cloud.carry_out(call)]
        for call in todo.calls:
            if call not in late:
                log.info("%s %s", call.operation, _target(call))
        soon = bool(late or todo.waits)
        self._compare_at = self._around.now() + (_COMPARE_SOON_S if soon else _COMPARE_S)
        self._is_compared, self._foreign = True, todo.foreign
        why = f"not ours, so not touched: {', '.join(todo.foreign)}"
        return Memory(trouble=Trouble.NAME_TAKEN, why=why) if todo.foreign else Memory()

    def _look_at_all(self) -> Memory:
        waiting = self._words.waiting()  # before any crawler is looked at
        for name, tables in self._wanted.crawled.items():
            if name in self._foreign:
                continue
            keys = frozenset().union(*(waiting.get(table, frozenset()) for table in tables))
            try:
                self._look_at(name, keys)
            except CatalogError as error:
                memory = self._memories.get(name, Memory())
                self._memories[name] = refused(memory, self._around, error)
        return Memory()

    def _look_at(self, name: str, keys: frozenset[str]) -> None:
        memory, now = self._memories.get(name, Memory()), self._around.now()
        if self._settings.on_new_files == "events" and now >= memory.not_before and self._cloud.messages(name):
            keys |= {_QUEUE}
        metrics.REQUESTS.labels(self._settings.pipeline, self._short(name)).set(len(keys))
        is_idle = not keys and memory.busy_since is None
        if now < memory.not_before or (is_idle and now < self._seen.get(name, 0.0) + GLANCE_S):
            return
        told = self._cloud.state(name)
        self._seen[name] = now
        if told is None:
            self._compare_at = 0.0  # somebody has removed it
            return
        look = Look(*told, keys)
        step = machine.step(memory, look, now, self._settings.crawl_deadline_s, self._around.chance())
        self._memories[name] = self._act(name, look, step)

    def _act(self, name: str, look: Look, step: machine.Step) -> Memory:
        """Do what the step says; what is to be remembered then. An error leaves everything as it was."""
        if step.do is Do.START:
            return self._start(name, look, step.memory)
        if step.do is Do.STOP:
            log.warning("%s is stopped: %s", name, step.memory.why)
            self._cloud.stop(name)
        if step.do is Do.ENDED:
            self._words.forget(step.forget - {_QUEUE})
            self._report(name, look.last)
            if self._settings.on_new_files == "events":
                settled = self._around.now() + _QUEUE_SETTLES_S
                return replace(step.memory, not_before=max(step.memory.not_before, settled))
        return step.memory

    def _start(self, name: str, look: Look, memory: Memory) -> Memory:
        try:
            at = self._cloud.start(name)
        except RunningAlready:
            return machine.running_already(memory, self._around.now())
        log.info("%s is started for %d requests", name, len(look.waiting))
        return machine.started(memory, look, self._around.now(), at)

    def _report(self, name: str, last: Crawl | None) -> None:
        """How a crawl has ended, and what it did."""
        if last is None:
            return
        labels = (self._settings.pipeline, self._short(name))
        try:
            did = self._cloud.tables(name)
        except CatalogError as error:  # it is only told, and must not hold up anything
            log.warning("%s", error)
            did = None
        if did is not None:
            metrics.SECONDS.labels(*labels, last.outcome.lower()).observe(did.seconds)
            for change in ("created", "updated", "deleted"):
                metrics.TABLES.labels(*labels, change).set(getattr(did, change))
        log.info("%s ended: %s %s", name, last.outcome, last.error or did or "")

    def _tell(self) -> None:
        """Say in the log, in metrics and by readiness who is in trouble."""
        troubled = {self._short(name): memory for name, memory in self._memories.items() if memory.trouble}
        if all_of_them := next((each for each in (self._setup, self._listing) if each.trouble), None):
            troubled[EVERYTHING] = all_of_them
        metrics.tell_troubles(self._settings.pipeline, {name: memory.trouble for name, memory in troubled.items()})
        for name, memory in troubled.items():
            if self._told.get(name) != memory.why:
                log.warning("%s: %s: %s", name, memory.trouble, memory.why)
        self._told = {name: memory.why for name, memory in troubled.items()}
        lasting = [
            each for each in troubled.values() if each.trouble is not Trouble.THROTTLED or each.failures >= _MANY
        ]
        if self._is_compared and not lasting:
            self._ready.set()
        else:
            self._ready.clear()

    def _short(self, name: str) -> str:
        return name.removeprefix(prefix(self._settings))


def remove(settings: LakeSettings, cloud: Cloud, stop: threading.Event, deadline_s: float) -> tuple[str, ...]:
    """Remove all that is the pipeline's, a pass at a time; what is left when the time is over."""
    deadline, nothing, failures = time.monotonic() + deadline_s, Wanted(), 0
    left: tuple[str, ...] = ("everything",)
    while left and not stop.is_set() and time.monotonic() < deadline:
        try:
            todo = plan(nothing, cloud.observe(nothing), tags(settings), prefix(settings))
            late = [_target(call) for call in todo.calls if not cloud.carry_out(call)]
        except ThrottledError as error:
            log.warning("%s", error)
            failures += 1
            stop.wait(min(30.0, 2.0**failures) * (0.5 + 0.5 * random.random()))  # noqa: S311 (a pause, no secret)
            continue
        log.info("removed: %s", ", ".join(_target(call) for call in todo.calls) or "nothing")
        left = (*late, *todo.waits)
        if left:
            stop.wait(5.0)
    return left


def refused(memory: Memory, around: Surroundings, error: CatalogError) -> Memory:
    """What is to be remembered of a call that has failed; the pause grows each time."""
    kinds = {AccessDeniedError: Trouble.DENIED, ThrottledError: Trouble.THROTTLED}
    trouble = kinds.get(type(error), Trouble.CALL_FAILED)
    return machine.refused(memory, around.now(), around.chance(), trouble, str(error))


def _target(call: Call) -> str:
    arguments = call.arguments
    return str(
        arguments.get("Name")
        or arguments.get("JobName")
        or arguments.get("QueueName")
        or arguments.get("QueueUrl")
        or call.operation
    )
