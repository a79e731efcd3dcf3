"""Keeps a pipeline's Glue job as it should be, watches its runs, and tells how they do.

Nothing that matters is kept in the process: Glue's own trigger starts the runs, and what they have taken in is in the
lake. A run that fails is tried again by Glue, then by the next one that is due.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Protocol

from health_pipeline.settings import EtlSettings

from health_catalog.crawlers.keeper import Surroundings, refused
from health_catalog.crawlers.machine import Memory, Trouble
from health_catalog.crawlers.planning import plan
from health_catalog.crawlers.things import Call, Observation, Wanted
from health_catalog.crawlers.wanted import tags
from health_catalog.errors import CatalogError
from health_catalog.etl import metrics
from health_catalog.etl.aws import Run
from health_catalog.etl.packaging import Code, modules, packaged
from health_catalog.etl.wanted import job_name, wanted

log = logging.getLogger(__name__)

LOOK_S = 30.0
# What is in AWS is compared with what should be, for somebody may have changed it; while something waits, oftener.
_COMPARE_S, _COMPARE_SOON_S = 600.0, 30.0
# So many refusals for load in a row are no accident any more.
_MANY = 4
_REAL = Surroundings()
_GOOD = ("SUCCEEDED", "STOPPED")


class Cloud(Protocol):
    """What the keeper asks of AWS; see ``aws.JobAws``."""

    def observe(self, wanted: Wanted) -> Observation: ...
    def carry_out(self, call: Call) -> bool: ...
    def put(self, code: Code) -> None: ...
    def runs(self) -> tuple[Run, ...]: ...


class JobKeeper:
    """One pass after the other; ``ready`` is set while the job does its work."""

    def __init__(
        self, settings: EtlSettings, cloud: Cloud, ready: threading.Event, around: Surroundings = _REAL,
        code: tuple[Code, Code] | None = None,
    ) -> None:  # fmt: skip
        self._settings, self._cloud, self._ready, self._around = settings, cloud, ready, around
        self._code = code or packaged()
        archive, script = self._code
        self._wanted = wanted(settings, archive.name, script.name, modules())
        self._is_put, self._is_compared, self._compare_at = False, False, 0.0
        self._known: frozenset[str] | None = None
        self._setup, self._watch, self._told = Memory(), Memory(), ""

    def run(self, stop: threading.Event) -> None:
        """Until told to stop."""
        while not stop.is_set():
            self.pass_()
            stop.wait(LOOK_S * (0.8 + 0.4 * self._around.chance()))

    def pass_(self) -> None:
        """Compare where it is due, then look at the runs."""
        now = self._around.now()
        if now >= max(self._compare_at, self._setup.not_before):
            self._setup = self._guarded(self._compare, self._setup)
        if self._is_compared and self._setup.trouble is not Trouble.NAME_TAKEN and now >= self._watch.not_before:
            self._watch = self._guarded(self._look, self._watch)
        self._tell()

    def _guarded(self, act: Callable[[], Memory], memory: Memory) -> Memory:
        try:
            return act()
        except CatalogError as error:
            return refused(memory, self._around, error)

    def _compare(self) -> Memory:
        """Make AWS what it should be; the code first, for the job points at it."""
        for each in () if self._is_put else self._code:
            self._cloud.put(each)
        self._is_put = True
        observed = self._cloud.observe(self._wanted)
        name = job_name(self._settings)
        todo = plan(self._wanted, observed, tags(self._settings), name)
        # Half of a pair is none: what starts a job of somebody else's is not ours to make.
        calls = () if todo.foreign else todo.calls
        late = [call for call in calls if not self._cloud.carry_out(call)]
        for call in calls:
            log.info("%s %s%s", call.operation, name, ", later" if call in late else "")
        self._compare_at = self._around.now() + (_COMPARE_SOON_S if late or todo.waits else _COMPARE_S)
        self._is_compared = True
        if todo.foreign:
            return Memory(trouble=Trouble.NAME_TAKEN, why=f"not ours, so not touched: {', '.join(todo.foreign)}")
        return Memory()

    def _look(self) -> Memory:
        runs = self._cloud.runs()
        metrics.RUNNING.labels(self._settings.pipeline).set(any(not run.has_ended for run in runs))
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
            metrics.SECONDS.labels(self._settings.pipeline, run.state.lower()).observe(run.seconds)
            log.info("%s ended: %s %s", run.number, run.state, run.error)

    def _tell(self) -> None:
        """Say in the log, in metrics and by readiness what is wrong."""
        troubles = [each for each in (self._setup, self._watch) if each.trouble]
        metrics.TROUBLE.clear()
        for each in troubles:
            metrics.TROUBLE.labels(self._settings.pipeline, str(each.trouble)).set(1)
        told = "; ".join(f"{each.trouble}: {each.why}" for each in troubles)
        if told and told != self._told:
            log.warning("%s", told)
        self._told = told
        lasting = [each for each in troubles if each.trouble is not Trouble.THROTTLED or each.failures >= _MANY]
        if self._is_compared and not lasting:
            self._ready.set()
        else:
            self._ready.clear()
