"""Keeps a pipeline's Glue job as it should be, watches its runs, and tells how they do.

Nothing that matters is kept in the process: Glue's own trigger starts the runs, and what they have taken in is in the
lake. A run that fails is tried again by Glue, then by the next one that is due.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from health_pipeline.settings import EtlSettings

from health_catalog.crawlers.machine import Memory, Trouble
from health_catalog.crawlers.planning import Plan
from health_catalog.crawlers.things import Call, Wanted
from health_catalog.etl import metrics
from health_catalog.etl.aws import Run
from health_catalog.etl.packaging import Code, modules, packaged
from health_catalog.etl.wanted import job_name, wanted
from health_catalog.keeping import BaseKeeper
from health_catalog.keeping import Cloud as Compared
from health_catalog.patience import REAL, Surroundings

log = logging.getLogger(__name__)

LOOK_S = 30.0
_GOOD = ("SUCCEEDED", "STOPPED")


class Cloud(Compared, Protocol):
    """What the keeper asks of AWS; see ``aws.JobAws``."""

    def put(self, code: Code) -> None: ...
    def runs(self) -> tuple[Run, ...]: ...


class JobKeeper(BaseKeeper):
    """One pass after the other; ``ready`` is set while the job does its work."""

    look_s, whole = LOOK_S, "job"

    def __init__(
        self, settings: EtlSettings, cloud: Cloud, ready: threading.Event, around: Surroundings = REAL,
        code: tuple[Code, Code] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(settings, cloud, job_name(settings), ready, around)
        self._cloud = cloud
        self._code = code or packaged()
        archive, script = self._code
        self._thing = wanted(settings, archive.name, script.name, modules())
        self._known: frozenset[str] | None = None
        self._watch = Memory()  # of its runs

    @property
    def _wanted(self) -> Wanted:
        return self._thing

    def _compare(self) -> Memory:
        """The code first, for the job points at it; each time, for somebody may have removed it."""
        for each in self._code:
            self._cloud.put(each)
        return super()._compare()

    def _calls(self, todo: Plan) -> Sequence[Call]:
        """Half of a pair is none: what starts a job of somebody else's is not ours to make."""
        return () if todo.foreign else todo.calls

    def _look(self, now: float) -> None:
        if not self._foreign and now >= self._watch.not_before:
            self._watch = self._guarded(self._look_at_runs, self._watch)

    def _look_at_runs(self) -> Memory:
        runs = self._cloud.runs()
        metrics.RUNNING.labels(self._pipeline).set(any(not run.has_ended for run in runs))
        ended = [run for run in runs if run.has_ended]
        if self._known is not None:
            self._report(run for run in reversed(ended) if run.number not in self._known)
        self._known = frozenset(run.number for run in ended)
        if ended and ended[0].state not in _GOOD:
            why = f"{ended[0].number} ended as {ended[0].state}: {ended[0].error}"
            return Memory(trouble=Trouble.RUN_FAILED, why=why)
        return Memory()

    def _report(self, runs: Iterable[Run]) -> None:
        for run in runs:
            metrics.SECONDS.labels(self._pipeline, run.state.lower()).observe(run.seconds)
            log.info("%s ended: %s %s", run.number, run.state, run.error)

    def _troubles(self) -> dict[str, Memory]:
        return {"runs": self._watch} if self._watch.trouble else {}

    def _measure(self, troubles: Mapping[str, Memory]) -> None:
        metrics.TROUBLE.clear()
        for memory in troubles.values():
            metrics.TROUBLE.labels(self._pipeline, str(memory.trouble)).set(1)
