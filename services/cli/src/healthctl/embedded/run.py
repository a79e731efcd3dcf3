"""A pipeline running on this machine: the interface that ``up`` and the demo are written against.

    with EmbeddedPipeline(pipeline, report=print) as running:
        running.wait_until_ready()                     # every component; HealthctlError when a required part fails
        running.watch(lambda seen: seen.readings.alerts > 0, timeout_s=60)
        LocalSql(running.layout.lake).query("SELECT count(*) FROM vitals")

Inside the block: ``layout`` (components, topics, ``kafka`` and ``lake`` settings), ``statuses()``, ``port(component,
port)``, ``simulator_url``, ``observe()``, ``watch(until)``, ``seconds`` (what took how long). When the block ends,
however it ends, every process is gone. While it lasts, an embedded lake's dummy credentials are in ``os.environ``.
Enter it in the main thread of a process that lives as long as the pipeline is to live.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from health_lag.readings import Readings, interpret, rates
from health_lag.scrape import scrape
from health_pipeline import HealthPipeline

from healthctl.embedded.jars import ensure_all
from healthctl.embedded.java import find_java
from healthctl.embedded.lake import embedded_credentials
from healthctl.embedded.layout import AWS, KAFKA, Layout, lay_out, require_runnable
from healthctl.embedded.ports import LOOPBACK, PortBook
from healthctl.embedded.process import last_lines
from healthctl.embedded.services import component_service, infrastructure
from healthctl.embedded.state import StateDir
from healthctl.embedded.supervisor import Service, State, Status, Supervisor
from healthctl.embedded.topics import ensure_topics
from healthctl.errors import HealthctlError
from healthctl.troubles import Troubles

READY_TIMEOUT_S = 300.0
_LOOKED_AT = 20  # lines of a log, for what a producer said of its source


@dataclass(frozen=True)
class Observation:
    """A running pipeline at a moment.

    ``rates`` are events per second by source since the last observation, ``troubles`` says what is wrong with sources
    that cannot be read.
    """

    at: float  # seconds since the run began
    statuses: list[Status]
    readings: Readings
    rates: Mapping[str, float]
    troubles: Mapping[str, str]


class EmbeddedPipeline:
    """See the module. ``ports`` maps ``component.port`` to a number that must be used; others are free ones.

    A ``watched`` one has its watcher (lag) and the console.
    ``on_change`` is called, in another thread, with a component's status whenever it changes; ``report`` with lines
    about what takes long before that. Making one raises InputError for a pipeline that only a cluster runs.
    Entering raises HealthctlError when the pipeline runs already, a wanted port is busy, Java is missing, a secret
    is not set or the jars cannot be had; nothing is left running then.
    """

    def __init__(
        self,
        pipeline: HealthPipeline,
        *,
        on_aws: bool = False,
        watched: bool = False,
        ports: Mapping[str, int] | None = None,
        report: Callable[[str], None] | None = None,
        on_change: Callable[[Status], None] | None = None,
    ) -> None:
        require_runnable(pipeline)
        self.state = StateDir.of(pipeline.name)
        self.seconds: dict[str, float] = {}
        self._pipeline = pipeline
        self._on_aws, self._watched = on_aws, watched
        self._book = PortBook(ports)
        self._report = report or (lambda _line: None)
        self._on_change = on_change or (lambda _status: None)
        self._exit = ExitStack()
        self._last = (0.0, Readings())
        self._troubles = Troubles(lambda component: last_lines(self.state.log(component), _LOOKED_AT))

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._began_at = datetime.now(UTC)
        with ExitStack() as stack:
            stack.enter_context(self.state.hold())
            self._supervisor = Supervisor(self._prepare(stack), self._changed)
            stack.callback(self.state.run_file.unlink, missing_ok=True)
            self._write_run()
            stack.callback(self._supervisor.stop)
            self._supervisor.start()
            self._exit = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    def statuses(self) -> list[Status]:
        """Infrastructure and components, each with its state, pid, restarts and the reason of the last end."""
        return self._supervisor.statuses()

    def port(self, component: str, port: str = "metrics") -> int:
        """Where a component listens, on the loopback interface."""
        return self._book.port(component, port)

    @property
    def simulator_url(self) -> str:
        """Base URL of the simulator's APIs; only of use when the pipeline has a simulated source."""
        return f"http://{LOOPBACK}:{self.port('simulator', 'http')}"

    @property
    def console_url(self) -> str:
        """Where the console is; only of use when the pipeline is watched."""
        return f"http://{LOOPBACK}:{self.port('console', 'http')}"

    def check(self) -> None:
        """HealthctlError when a part without which nothing goes on has failed."""
        self._supervisor.check()

    def wait_until_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Until every part is ready; HealthctlError naming those that are not when one fails or it takes too long."""
        late: list[Status] = []

        def is_decided(seen: Observation) -> bool:
            late[:] = [status for status in seen.statuses if status.state is not State.READY]
            return not late or any(status.state is State.FAILED for status in late)

        self.watch(is_decided, timeout_s, interval_s=0.2)
        if late:
            told = [
                f"{status.name} is {status.state}" + (f" ({status.reason})" * bool(status.reason)) for status in late
            ]
            raise HealthctlError(f"not every part is ready after {self._age():.0f} s: {'; '.join(told)}")

    def observe(self) -> Observation:
        """What everything is like now."""
        at = self._age()
        ports = {each.name: self._book.port(each.name, "metrics") for each in self.layout.components}
        answers = scrape({name: f"http://{LOOPBACK}:{port}/metrics" for name, port in ports.items()})
        seen = interpret(metric for metrics in answers.values() for metric in metrics or ())
        last_at, last = self._last
        self._last = (at, seen)
        since = max(at - last_at, 1e-3)
        return Observation(at, self.statuses(), seen, rates(last, seen, since), self._troubles.note(seen))

    def watch(
        self, until: Callable[[Observation], bool], timeout_s: float = float("inf"), interval_s: float = 1.0
    ) -> bool:
        """Observe again and again until ``until`` says so (True) or the time is over (False); raises as ``check``."""
        deadline = time.monotonic() + timeout_s
        while True:
            self.check()
            if until(self.observe()):
                return True
            if time.monotonic() + interval_s > deadline:
                return False
            time.sleep(interval_s)

    def _prepare(self, stack: ExitStack) -> list[Service]:
        find_java()
        jars = str(ensure_all(("spark", "kafka"), self._report)[0])
        self.layout: Layout = lay_out(self._pipeline, self._book.port, on_aws=self._on_aws, watched=self._watched,
                                      spark_jars=jars)  # fmt: skip
        self.state.begin(keep_kafka=not self.layout.embeds_lake)
        if self.layout.embeds_lake:
            stack.enter_context(embedded_credentials())
        components = [component_service(each, self.layout, self._book, self.state) for each in self.layout.components]
        services = [*infrastructure(self.layout, self._book, self.state, self._report), *components]
        self._book.require_used()
        self.seconds["prepare"] = self._age()
        if not self.layout.embeds_kafka:
            try:
                ensure_topics(self.layout.kafka.client_config(), self.layout.topics, self.layout.replication)
            except HealthctlError as error:
                raise HealthctlError(f"{error}. Does that Kafka run, and is spec.kafka.external right?") from error
        return services

    def _age(self) -> float:
        return time.monotonic() - self._began

    def _changed(self, status: Status) -> None:
        if status.state is State.READY:
            self.seconds.setdefault(status.name, self._age())
        self._write_run()
        self._on_change(status)

    def _write_run(self) -> None:
        athena, warehouse = self._pipeline.spec.catalog.athena, self._pipeline.spec.warehouse
        duckdb = warehouse.duckdb if warehouse and warehouse.engine == "duckdb" else None
        self.state.write_run(
            {
                "pipeline": self._pipeline.name,
                "pid": os.getpid(),
                "started_at": self._began_at.isoformat(timespec="seconds"),
                "kafka": self.layout.kafka.to_env(),
                "lake": self.layout.lake.to_env(),
                "athena_workgroup": athena.workgroup if athena else "",
                "warehouse": str(self.state.work("warehouse") / duckdb.path) if duckdb else "",
                "embedded": {
                    KAFKA: self.layout.embeds_kafka,
                    AWS: self.layout.embeds_aws,
                    "lake": self.layout.embeds_lake,
                },
                "components": [self._shown(status) for status in self.statuses()],
            }
        )

    def _shown(self, status: Status) -> dict[str, Any]:
        return {
            "name": status.name,
            "state": str(status.state),
            "pid": status.pid,
            "restarts": status.restarts,
            "reason": status.reason,
            "ports": self._book.of(status.name),
            "log": str(self.state.log(status.name)),
        }
