"""Keeps processes running: starts them in order, restarts what ends with a growing pause, stops them in order.

One thread does everything, because the kernel ties a child's life to the thread that started it. All decisions are in
``_Supervised.step``; what happened is told by ``statuses`` and by the callback.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from healthctl.embedded.process import Command, Process, last_lines
from healthctl.errors import HealthctlError

TICK_S = 0.1
STOP_GRACE_S = 8.0
CONFIGURATION_ERROR = 2  # the exit code of every component that is told something it cannot work with
_MAX_REASON = 300


class State(StrEnum):
    """Where a service stands."""

    WAITING = "waiting"  # for others to be ready first
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"  # ended; runs again after a pause
    FAILED = "failed"  # a restart would not help
    STOPPED = "stopped"


class StopRank(IntEnum):
    """Who is stopped first: what feeds data in, then what works on it, then what both stand on."""

    FEED = 0
    WORK = 1
    INFRASTRUCTURE = 2


@dataclass(frozen=True)
class Backoff:
    """The pause before a restart doubles with each failure in a row; a run of ``stable_s`` ends the row."""

    first_s: float = 0.5
    most_s: float = 30.0
    stable_s: float = 60.0

    def pause_s(self, failures: int) -> float:
        """Seconds to wait after that many failures in a row (at least one)."""
        return float(min(self.most_s, self.first_s * 2 ** min(failures - 1, 30)))


@dataclass(frozen=True)
class Service:
    """Something to keep running.

    It is started once the services named in ``after`` have been ready. ``is_ready`` is asked while it starts and may
    raise HealthctlError when it never will be. A ``required`` service that does not come up the first time, within
    ``start_timeout_s``, fails the whole; ``explain`` makes the message of what it ended with.
    """

    command: Command
    is_ready: Callable[[], bool]
    after: tuple[str, ...] = ()
    stop_rank: StopRank = StopRank.WORK
    required: bool = False
    start_timeout_s: float = 180.0

    @property
    def name(self) -> str:
        """Of the service, unique."""
        return self.command.name


@dataclass(frozen=True)
class Status:
    """A service at a moment. ``reason`` says why it last ended, empty when it never did."""

    name: str
    state: State
    pid: int | None
    restarts: int
    reason: str


class Supervisor:
    """Runs services from ``start`` to ``stop``. ``on_change`` is called in the supervising thread."""

    def __init__(
        self,
        services: Sequence[Service],
        on_change: Callable[[Status], None] | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self._all = [_Supervised(service, backoff or Backoff()) for service in services]
        self._on_change = on_change or (lambda _status: None)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor")
        self._error: BaseException | None = None

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End every process, feeds first and infrastructure last, and wait until all are gone."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def statuses(self) -> list[Status]:
        """Every service now, in the order they were given."""
        return [each.status() for each in self._all]

    def check(self) -> None:
        """HealthctlError when a required service failed; the supervisor's own error, if it had one."""
        if self._error is not None:
            raise self._error
        for each in self._all:
            if each.service.required and each.state is State.FAILED:
                raise HealthctlError(
                    f"{each.service.name} did not come up: {each.reason} (log: {each.service.command.log})"
                )

    def _run(self) -> None:
        try:
            while not self._stopping.wait(TICK_S):
                self._tick()
        except BaseException as error:
            self._error = error
        finally:
            self._stop_all()

    def _tick(self) -> None:
        up = {each.service.name for each in self._all if each.has_been_ready}
        for each in self._all:
            before = each.state
            each.step(time.monotonic(), may_start=up.issuperset(each.service.after))
            if each.state is not before:
                self._on_change(each.status())

    def _stop_all(self) -> None:
        for rank in StopRank:
            stopping = [each for each in self._all if each.service.stop_rank is rank]
            _stop_together([each.process for each in stopping if each.process is not None])
            for each in stopping:
                before = each.state
                each.stopped()
                if each.state is not before:
                    self._on_change(each.status())


class _Supervised:
    """A service with its process and its history."""

    def __init__(self, service: Service, backoff: Backoff) -> None:
        self.service = service
        self.state = State.WAITING
        self.process: Process | None = None
        self.has_been_ready = False
        self.reason = ""
        self._backoff = backoff
        self._restarts = 0
        self._failures = 0  # in a row
        self._started_at = 0.0
        self._again_at = 0.0

    def status(self) -> Status:
        process = self.process
        return Status(self.service.name, self.state, process.pid if process else None, self._restarts, self.reason)

    def step(self, now: float, may_start: bool) -> None:
        """Do what is due."""
        if self.state is State.WAITING and may_start:
            self._start(now)
        elif self.state is State.RESTARTING and now >= self._again_at:
            self._restarts += 1
            self._start(now)
        elif self.state in (State.STARTING, State.READY) and self.process is not None:
            code = self.process.ended()
            if code is not None:
                self._ended(self.process, now)
            elif self.state is State.STARTING:
                self._ask_whether_ready(now)

    def stopped(self) -> None:
        self.process = None
        if self.state is not State.FAILED:
            self.state = State.STOPPED

    def _start(self, now: float) -> None:
        self.process = Process(self.service.command)
        self._started_at = now
        self.state = State.STARTING

    def _ask_whether_ready(self, now: float) -> None:
        must_be_ready = self.service.required and not self.has_been_ready
        try:
            if self.service.is_ready():
                self.state = State.READY
                self.has_been_ready = True
            elif must_be_ready and now - self._started_at > self.service.start_timeout_s:
                self._fail(f"not ready within {self.service.start_timeout_s:.0f} s")
        except HealthctlError as error:
            self._fail(str(error))

    def _ended(self, process: Process, now: float) -> None:
        code = process.clean_up()  # also the JVM and the workers that it may have left
        self.process = None
        self.reason = describe(code, last_lines(self.service.command.log, 1))
        if now - self._started_at >= self._backoff.stable_s:
            self._failures = 0
        self._failures += 1
        never_came_up = self.service.required and not self.has_been_ready
        if code == CONFIGURATION_ERROR or never_came_up:
            self.state = State.FAILED
        else:
            self.state = State.RESTARTING
            self._again_at = now + self._backoff.pause_s(self._failures)

    def _fail(self, reason: str) -> None:
        self.reason = reason
        self.state = State.FAILED
        if self.process is not None:
            self.process.stop(STOP_GRACE_S)
            self.process = None


def describe(code: int, told: Iterable[str]) -> str:
    """How a process ended, with the last thing that it said: ``killed by SIGKILL: 12 rows written``."""
    how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    last = " ".join(told)
    return f"{how}: {last}"[:_MAX_REASON] if last else how


def _stop_together(processes: list[Process]) -> None:
    for process in processes:
        process.ask_to_stop()
    deadline = time.monotonic() + STOP_GRACE_S
    while any(process.ended() is None for process in processes) and time.monotonic() < deadline:
        time.sleep(TICK_S / 2)
    for process in processes:
        process.clean_up()
