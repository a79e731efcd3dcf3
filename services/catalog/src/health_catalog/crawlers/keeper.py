"""Keeps a pipeline's crawlers as they should be, starts them when there are requests, and tells how they do."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Protocol

from health_pipeline.settings import CatalogSettings

from health_catalog.crawlers import machine, metrics
from health_catalog.crawlers.aws import RunningAlready, Tables
from health_catalog.crawlers.machine import Crawl, Do, Look, Memory
from health_catalog.crawlers.things import Account, Wanted
from health_catalog.crawlers.wanted import prefix, wanted
from health_catalog.errors import CatalogError
from health_catalog.keeping import BaseKeeper, refused
from health_catalog.keeping import Cloud as Compared
from health_catalog.patience import REAL, Surroundings

log = logging.getLogger(__name__)

# Requests are looked for so often; crawlers that nobody asks for are looked at less often, for Glue counts its calls.
LOOK_S, GLANCE_S = 10.0, 60.0
# SQS says only about how many messages there are, and is right within a minute.
_QUEUE_SETTLES_S = 60.0
_QUEUE, EVERYTHING = "queue", "all"


class Cloud(Compared, Protocol):
    """What the keeper asks of AWS; see ``aws.Aws``."""

    @property
    def account(self) -> Account: ...
    def start(self, crawler: str) -> float: ...
    def stop(self, crawler: str) -> None: ...
    def state(self, crawler: str) -> tuple[str, Crawl | None] | None: ...
    def tables(self, crawler: str) -> Tables | None: ...
    def messages(self, queue: str) -> int: ...


class Words(Protocol):
    """Where requests are; see ``requests.Requests``."""

    def waiting(self) -> Mapping[str, frozenset[str]]: ...
    def forget(self, keys: Iterable[str]) -> None: ...


class Keeper(BaseKeeper):
    """One pass after the other; ``ready`` is set while every crawler does its work."""

    look_s, whole = LOOK_S, EVERYTHING

    def __init__(
        self, settings: CatalogSettings, cloud: Cloud, words: Words, ready: threading.Event,
        around: Surroundings = REAL,
    ) -> None:  # fmt: skip
        super().__init__(settings, cloud, prefix(settings), ready, around)
        self._settings, self._cloud, self._words = settings, cloud, words
        self._memories: dict[str, Memory] = {}
        self._seen: dict[str, float] = {}
        self._listing = Memory()  # of what is about all of them beside the comparison: that requests can be read

    @cached_property
    def _wanted(self) -> Wanted:
        return wanted(self._settings, self._cloud.account)

    def _look(self, now: float) -> None:
        if self._wanted.crawled and now >= self._listing.not_before:
            self._listing = self._guarded(self._look_at_all, self._listing)

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

    def _troubles(self) -> dict[str, Memory]:
        troubled = {self._short(name): memory for name, memory in self._memories.items() if memory.trouble}
        return troubled | ({EVERYTHING: self._listing} if self._listing.trouble else {})

    def _measure(self, troubles: Mapping[str, Memory]) -> None:
        metrics.tell_troubles(self._settings.pipeline, {name: memory.trouble for name, memory in troubles.items()})

    def _short(self, name: str) -> str:
        return name.removeprefix(prefix(self._settings))
