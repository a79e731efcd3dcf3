"""Keeps a pipeline's Glue jobs as they should be, watches their runs, and tells how they do.

Nothing that matters is kept in the process: Glue's own triggers start the runs, and what they have taken in is in the
lake or the warehouse. A run that fails is tried again by Glue, then by the next one that is due.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol

from health_pipeline.settings_glue import EtlSettings

from health_catalog import names
from health_catalog.crawlers.machine import Memory, Trouble
from health_catalog.crawlers.planning import Plan
from health_catalog.crawlers.things import Call, Wanted
from health_catalog.etl import metrics
from health_catalog.etl.aws import Run
from health_catalog.etl.packaging import Code, Program, programs
from health_catalog.etl.wanted import wanted
from health_catalog.keeping import BaseKeeper
from health_catalog.keeping import Cloud as Compared
from health_catalog.patience import REAL, Surroundings

log = logging.getLogger(__name__)

LOOK_S = 30.0
_GOOD = ("SUCCEEDED", "STOPPED")


class Cloud(Compared, Protocol):
    """What the keeper asks of AWS; see ``aws.JobAws``."""

    def put(self, code: Code) -> None: ...
    def runs(self, job: str) -> tuple[Run, ...]: ...


class JobKeeper(BaseKeeper):
    """One pass after the other; ``ready`` is set while the jobs do their work."""

    look_s, whole = LOOK_S, "jobs"

    def __init__(
        self, settings: EtlSettings, cloud: Cloud, ready: threading.Event, around: Surroundings = REAL,
        code: tuple[Program, Program] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(settings, cloud, names.job(settings.pipeline), ready, around)
        self._cloud = cloud
        transform, load = code or programs()
        codes = (*transform.codes, *(load.codes if settings.load else ()))
        self._code = tuple(dict.fromkeys(codes))
        self._thing = wanted(settings, transform, load)
        self._known: dict[str, frozenset[str]] = {}
        self._watches = {thing.name: Memory() for thing in self._thing.things if thing.kind == "job"}  # of their runs

    @property
    def _wanted(self) -> Wanted:
        return self._thing

    def _compare(self) -> Memory:
        """The code first, for the jobs point at it; each time, for somebody may have removed it."""
        for each in self._code:
            self._cloud.put(each)
        return super()._compare()

    def _calls(self, todo: Plan) -> Sequence[Call]:
        """Half of it is nothing: what starts a job of somebody else's is not ours to make."""
        return () if todo.foreign else todo.calls

    def _look(self, now: float) -> None:
        for job, memory in self._watches.items():
            if not self._foreign and now >= memory.not_before:
                self._watches[job] = self._guarded(partial(self._look_at_runs, job), memory)

    def _look_at_runs(self, job: str) -> Memory:
        runs = self._cloud.runs(job)
        metrics.RUNNING.labels(self._pipeline, self._step(job)).set(any(not run.has_ended for run in runs))
        ended = [run for run in runs if run.has_ended]
        if job in self._known:
            self._report(job, (run for run in reversed(ended) if run.number not in self._known[job]))
        self._known[job] = frozenset(run.number for run in ended)
        if ended and ended[0].state not in _GOOD:
            why = f"{ended[0].number} ended as {ended[0].state}: {ended[0].error}"
            return Memory(trouble=Trouble.RUN_FAILED, why=why)
        return Memory()

    def _report(self, job: str, runs: Iterable[Run]) -> None:
        for run in runs:
            metrics.SECONDS.labels(self._pipeline, self._step(job), run.state.lower()).observe(run.seconds)
            log.info("%s of %s ended: %s %s", run.number, job, run.state, run.error)

    def _troubles(self) -> dict[str, Memory]:
        return {self._step(job): memory for job, memory in self._watches.items() if memory.trouble}

    def _measure(self, troubles: Mapping[str, Memory]) -> None:
        metrics.TROUBLE.clear()
        for name, memory in troubles.items():
            step = "" if name == self.whole else name
            metrics.TROUBLE.labels(self._pipeline, step, str(memory.trouble)).set(1)

    def _step(self, job: str) -> str:
        return job.removeprefix(f"{self._pipeline}-")
