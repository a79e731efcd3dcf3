"""What those have in common who keep something of a pipeline's in AWS: the loop, and how a pass of it goes.

A pass compares what is there with what should be, where that is due, then looks at what it does, and tells. A call
that fails keeps no other from being made, but where AWS refuses for load or does not answer; it is tried again after a
pause that grows. Who keeps what, and what there is to look at, is for ``crawlers.keeper`` and ``etl.keeper`` to say.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from health_pipeline.settings import LakeSettings

from health_catalog.crawlers import machine
from health_catalog.crawlers.machine import Memory, Trouble
from health_catalog.crawlers.planning import Plan, plan
from health_catalog.crawlers.things import Call, Observation, Wanted
from health_catalog.crawlers.wanted import prefix, tags
from health_catalog.errors import AccessDeniedError, CatalogError, ThrottledError, collected, together
from health_catalog.patience import Surroundings

log = logging.getLogger(__name__)

# What is in AWS is compared with what should be, for somebody may have changed it; while something waits, oftener.
_COMPARE_S, _COMPARE_SOON_S = 600.0, 20.0
# So many refusals for load in a row are no accident any more.
_MANY = 4
# S3 takes no configuration, anybody's, that tells a queue which is gone: so no queue goes before that is changed.
_TELLS, _ENDS = "PutBucketNotificationConfiguration", "DeleteQueue"


class Cloud(Protocol):
    """What every keeper asks of AWS. Both raise CatalogError."""

    def observe(self, wanted: Wanted) -> Observation: ...
    def carry_out(self, call: Call) -> bool: ...


class BaseKeeper(ABC):
    """One pass after the other; ``ready`` is set while all that is kept does its work.

    ``look_s``: seconds between passes, about. ``whole``: what the comparison is called among the troubles.
    ``beginning``: of the names of what is ours.
    """

    look_s: float
    whole: str

    def __init__(
        self, settings: LakeSettings, cloud: Cloud, beginning: str, ready: threading.Event, around: Surroundings
    ) -> None:
        self._pipeline, self._tags, self._beginning = settings.pipeline, tags(settings), beginning
        self._comparing, self._ready, self._around = cloud, ready, around
        self._is_compared, self._compare_at = False, 0.0
        self._setup = Memory()  # of the comparison
        self._foreign: tuple[str, ...] = ()
        self._told: dict[str, str] = {}

    @property
    @abstractmethod
    def _wanted(self) -> Wanted:
        """What should be in AWS; CatalogError when that takes a call which fails."""

    @abstractmethod
    def _look(self, now: float) -> None:
        """Look at what is kept, where that is due; it has been compared once at least."""

    @abstractmethod
    def _troubles(self) -> dict[str, Memory]:
        """Who does not do its work, beside the comparison: a name for people, and what is known of it."""

    @abstractmethod
    def _measure(self, troubles: Mapping[str, Memory]) -> None:
        """Say in metrics who is in trouble, and nobody else."""

    def _calls(self, todo: Plan) -> Sequence[Call]:
        """What of a plan is carried out."""
        return todo.calls

    def run(self, stop: threading.Event) -> None:
        """Until told to stop."""
        while not stop.is_set():
            self.pass_()
            stop.wait(self.look_s * (0.8 + 0.4 * self._around.chance()))

    def pass_(self) -> None:
        """Compare where it is due, then look, then tell."""
        now = self._around.now()
        if now >= max(self._compare_at, self._setup.not_before):
            self._setup = self._guarded(self._compare, self._setup)
        if self._is_compared:
            self._look(now)
        self._tell()

    def _guarded(self, act: Callable[[], Memory], memory: Memory) -> Memory:
        try:
            return act()
        except CatalogError as error:
            return refused(memory, self._around, error)

    def _compare(self) -> Memory:
        """Make AWS what it should be, as far as that goes."""
        wanted = self._wanted
        observed = self._comparing.observe(wanted)
        todo = plan(wanted, observed, self._tags, self._beginning)
        late, failed = carried_out(self._comparing, self._calls(todo))
        errors = [*observed.errors, *failed]
        is_whole = not (late or todo.waits or errors)
        self._compare_at = self._around.now() + (_COMPARE_S if is_whole else _COMPARE_SOON_S)
        self._is_compared, self._foreign = True, todo.foreign
        taken = f"not ours, so not touched: {', '.join(todo.foreign)}" if todo.foreign else ""
        if errors:
            return refused(self._setup, self._around, together([*errors, *([CatalogError(taken)] if taken else [])]))
        return Memory(trouble=Trouble.NAME_TAKEN, why=taken) if taken else Memory()

    def _tell(self) -> None:
        """Say in the log, in metrics and by readiness who is in trouble."""
        troubles = self._troubles()
        if self._setup.trouble:
            troubles[self.whole] = self._setup
        self._measure(troubles)
        for name, memory in troubles.items():
            if self._told.get(name) != memory.why:
                log.warning("%s: %s: %s", name, memory.trouble, memory.why)
        self._told = {name: memory.why for name, memory in troubles.items()}
        lasting = [it for it in troubles.values() if it.trouble is not Trouble.THROTTLED or it.failures >= _MANY]
        if self._is_compared and not lasting:
            self._ready.set()
        else:
            self._ready.clear()


def carried_out(cloud: Cloud, calls: Sequence[Call]) -> tuple[list[Call], list[CatalogError]]:
    """Make each call, whatever became of the others: those to be made again later, and the errors.

    An error that is about all calls is raised.
    """
    late: list[Call] = []
    errors: list[CatalogError] = []
    untold = {call.operation for call in calls if call.operation == _TELLS}
    for call in calls:
        if untold and call.operation == _ENDS:
            errors.append(CatalogError(f"{target(call)} stays while the bucket tells it of files"))
            continue
        with collected(errors):
            is_done = cloud.carry_out(call)
            late += [] if is_done else [call]
            untold.discard(call.operation)
            log.info("%s %s%s", call.operation, target(call), "" if is_done else ", later")
    return late, errors


def remove(settings: LakeSettings, cloud: Cloud, stop: threading.Event, deadline_s: float) -> tuple[str, ...]:
    """Remove all that is the pipeline's, a pass at a time; what is left when time is over or nothing moves, and why."""
    deadline, nothing, failures = time.monotonic() + deadline_s, Wanted(), 0
    left: tuple[str, ...] = ("everything",)
    while left and not stop.is_set() and time.monotonic() < deadline:
        try:
            observed = cloud.observe(nothing)
            todo = plan(nothing, observed, tags(settings), prefix(settings))
            late, failed = carried_out(cloud, todo.calls)
        except ThrottledError as error:
            log.warning("%s", error)
            failures += 1
            stop.wait(min(30.0, 2.0**failures) * (0.5 + 0.5 * random.random()))  # noqa: S311 (a pause, no secret)
            continue
        errors = [*observed.errors, *failed]
        left = tuple(dict.fromkeys((*map(target, late), *todo.waits, *map(str, errors))))
        if errors and not todo.waits and len(failed) == len(todo.calls):
            break
        if left:
            stop.wait(5.0)
    return left


def refused(memory: Memory, around: Surroundings, error: CatalogError) -> Memory:
    """What is to be remembered of a call that has failed; the pause grows each time."""
    kinds = {AccessDeniedError: Trouble.DENIED, ThrottledError: Trouble.THROTTLED}
    trouble = kinds.get(type(error), Trouble.CALL_FAILED)
    return machine.refused(memory, around.now(), around.chance(), trouble, str(error))


def target(call: Call) -> str:
    """What a call is about, for people."""
    arguments = call.arguments
    return str(
        arguments.get("Name")
        or arguments.get("JobName")
        or arguments.get("QueueName")
        or arguments.get("QueueUrl")
        or call.operation
    )
