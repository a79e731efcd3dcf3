"""A model of the AWS that crawlers live in, as AWS documents it; time stands still unless it is told to pass."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from health_catalog.crawlers.aws import RunningAlready, Tables
from health_catalog.crawlers.machine import Crawl
from health_catalog.crawlers.things import Account, Call, Found, Observation, Wanted
from health_catalog.errors import ThrottledError, UnreachableError
from health_pipeline.settings import CatalogSettings

ACCOUNT = Account("123456789012", "us-east-1")
SETTINGS = CatalogSettings(
    pipeline="london", lake="s3://lake/health", database="london", tables=("vitals", "gps"),
    role_arn="arn:aws:iam::123456789012:role/london-glue-crawler", on_new_files="commits",
)  # fmt: skip
# How long a crawl is brought up and put away; it shows as RUNNING and STOPPING.
STOPPING_S = 15.0


class Crash(BaseException):
    """The process is killed."""


@dataclass
class Run:
    """A crawl as it really is; its end and outcome are settled when it begins."""

    began: float
    ends: float
    outcome: str


@dataclass
class World:
    """Glue and the lake's requests. ``faults``: what becomes of the next calls, the next one first.

    ``meanwhile``: faults by name that are none, but what somebody else does just before the call.
    """

    now: float = 1_800_000_000.0
    faults: list[str] = field(default_factory=list)
    meanwhile: dict[str, Callable[[], object]] = field(default_factory=dict)
    lasts: float = 60.0  # of crawls that begin from now on
    outcome: str = "SUCCEEDED"
    lag: float = 0.0  # how old what Glue shows is
    found: dict[tuple[str, str], Found] = field(default_factory=dict)
    runs: dict[str, list[Run]] = field(default_factory=dict)
    left: dict[str, float] = field(default_factory=dict)  # request -> when
    served: dict[str, float] = field(default_factory=dict)  # those that were removed
    events: int = 0
    calls: list[str] = field(default_factory=list)
    told: Mapping[str, object] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def account(self) -> Account:
        """Ours."""
        return ACCOUNT

    # What the keeper asks of AWS.

    def observe(self, wanted: Wanted) -> Observation:  # noqa: ARG002
        self._call("observe")()
        found = [
            Found(each.kind, each.name, each.given, each.tags, self._shown(each.name)[0], each.address)
            if each.kind == "crawler"
            else each
            for each in self.found.values()
        ]
        return Observation(tuple(found), "lake", self.told)

    def carry_out(self, call: Call) -> bool:
        with_answer = self._call(call.operation)
        done = self._carry_out(call)
        with_answer()
        return done

    def start(self, crawler: str) -> float:
        with_answer = self._call("start")
        if self._state_at(crawler, self.now)[0] != "READY":
            raise RunningAlready(crawler)
        self.runs[crawler].append(Run(self.now, self.now + self.lasts, self.outcome))
        with_answer()
        return float(int(self.now))

    def stop(self, crawler: str) -> None:
        self._call("stop")
        run = self.runs[crawler][-1]
        if self.now < run.ends:
            run.ends, run.outcome = self.now, "CANCELLED"

    def state(self, crawler: str) -> tuple[str, Crawl | None] | None:
        self._call("state")()
        return self._shown(crawler) if ("crawler", crawler) in self.found else None

    def tables(self, crawler: str) -> Tables | None:
        self._call("tables")()
        return Tables(1, 0, 0, self.runs[crawler][-1].ends - self.runs[crawler][-1].began)

    def messages(self, queue: str) -> int:  # noqa: ARG002 (one queue is enough)
        self._call("messages")()
        return self.events

    # The lake.

    def leave(self, table: str) -> str:
        key = f"{table}/{next(self._numbers)}"
        self.left[key] = self.now
        return key

    def waiting(self) -> Mapping[str, frozenset[str]]:
        self._call("waiting")()
        tables = {key.partition("/")[0] for key in self.left}
        return {table: frozenset(key for key in self.left if key.startswith(f"{table}/")) for table in tables}

    def forget(self, keys: Iterable[str]) -> None:
        with_answer = self._call("forget")
        for key in keys:
            if key in self.left:
                self.served[key] = self.left.pop(key)
        with_answer()

    # What tests do.

    def somebody_starts(self, crawler: str) -> None:
        """By hand, or by a trigger."""
        if crawler in self.runs and self._state_at(crawler, self.now)[0] == "READY":
            self.runs[crawler].append(Run(self.now, self.now + self.lasts, self.outcome))

    def good_crawls(self, crawler: str) -> list[float]:
        """When those began that have ended well by now."""
        return [run.began for run in self.runs[crawler] if run.outcome == "SUCCEEDED" and run.ends <= self.now]

    def _carry_out(self, call: Call) -> bool:
        name, kind = (
            call.arguments.get("Name", ""),
            call.operation.removeprefix("Create").removeprefix("Delete").lower(),
        )
        if call.operation == "StopCrawler":
            self.stop(name)
        elif call.operation.startswith("Create"):
            name = name or call.arguments["QueueName"]
            tags = call.arguments.get("Tags") or call.arguments["tags"]
            state = "ACTIVATED" if kind == "trigger" else ""
            self.found[kind, name] = Found(kind, name, call.arguments, tags, state, address=name)  # type: ignore[arg-type]
            self.runs.setdefault(name, [])
        elif call.operation.startswith("Delete"):
            if kind == "crawler" and self._state_at(name, self.now)[0] != "READY":
                return False
            del self.found[kind, name or call.arguments["QueueUrl"]]
        elif call.operation == "PutBucketNotificationConfiguration":
            self.told = call.arguments["NotificationConfiguration"]
        else:
            raise AssertionError(call.operation)
        return True

    def _shown(self, crawler: str) -> tuple[str, Crawl | None]:
        return self._state_at(crawler, self.now - self.lag)

    def _state_at(self, crawler: str, at: float) -> tuple[str, Crawl | None]:
        begun = [run for run in self.runs[crawler] if run.began <= at]
        ended = [run for run in begun if run.ends + STOPPING_S <= at]
        last = (
            Crawl(ended[-1].began, ended[-1].outcome, "no rights" if ended[-1].outcome == "FAILED" else "")
            if ended
            else None
        )
        if len(ended) == len(begun):
            return "READY", last
        return ("RUNNING" if at < begun[-1].ends else "STOPPING"), last

    def _call(self, name: str):  # type: ignore[no-untyped-def]
        """Count the call, and let happen what is to happen: before it, or by what is returned after it."""
        self.calls.append(name)
        fault = self.faults.pop(0) if self.faults else ""
        if fault in self.meanwhile:
            later, self.faults = self.faults, []
            self.meanwhile[fault]()
            self.faults = later
        if fault == "throttled":
            raise ThrottledError(f"{name}: too many requests")
        if fault == "killed before":
            raise Crash

        def answer() -> None:
            if fault == "no answer":
                raise UnreachableError(f"{name}: the connection broke")
            if fault == "killed after":
                raise Crash

        return answer
