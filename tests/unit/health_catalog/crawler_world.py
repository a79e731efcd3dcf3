"""A model of the AWS that crawlers live in, as AWS documents it; time stands still unless it is told to pass."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from health_catalog.crawlers.aws import RunningAlready, Tables
from health_catalog.crawlers.machine import Crawl
from health_catalog.crawlers.things import Account, Call, Found, Observation, Wanted
from health_catalog.crawlers.wanted import tags
from health_catalog.errors import AccessDeniedError, CatalogError, NotFoundError, ThrottledError, UnreachableError
from health_pipeline.settings import CatalogSettings

ACCOUNT = Account("123456789012", "us-east-1")
SETTINGS = CatalogSettings(
    pipeline="london", lake="s3://lake/health", database="london", tables=("vitals", "gps"),
    role_arn="arn:aws:iam::123456789012:role/london-glue-crawler", on_new_files="commits",
)  # fmt: skip
# How long a crawl is brought up and put away; it shows as RUNNING and STOPPING.
STOPPING_S = 15.0
TAGS = tags(SETTINGS)
_KINDS = {"NamedQuery": "query"}
# SQS makes no queue of a name sooner after it had one.
QUEUE_REST_S = 60.0


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

    ``meanwhile``: faults by name that are none, but what somebody else does just before the call. ``denied``: what is
    refused each time, as the calls' names and, of those that are about a thing, with its name: ``CreateTrigger x``.
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
    denied: set[str] = field(default_factory=set)
    events: dict[str, list[float]] = field(default_factory=dict)  # queue -> when it was told of a file
    calls: list[str] = field(default_factory=list)
    told: Mapping[str, Any] = field(default_factory=dict)
    past: dict[str, list[Run]] = field(default_factory=dict)  # of crawlers that were removed
    rests: dict[str, float] = field(default_factory=dict)  # queue -> until when it cannot be made
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
        told = None if "observe told" in self.denied else self.told
        unseen: set[Any] = {name.partition(" ")[2] for name in self.denied if name.startswith("observe ")} - {"told"}
        seen = tuple(each for each in found if each.kind not in unseen)
        errors = (AccessDeniedError("observe: not allowed"),) if unseen or told is None else ()
        return Observation(seen, "lake", told, unseen, errors)

    def carry_out(self, call: Call) -> bool:
        with_answer = self._call(call.operation)
        if self.denied & {call.operation, f"{call.operation} {_name(call)}"}:
            raise AccessDeniedError(f"{call.operation} {_name(call)}: not allowed")
        done = self._carry_out(call)
        with_answer()
        return done

    def start(self, crawler: str) -> float:
        with_answer = self._call("start")
        if ("crawler", crawler) not in self.found:
            raise NotFoundError(f"start: no {crawler}")
        if self._state_at(crawler, self.now)[0] != "READY":
            raise RunningAlready(crawler)
        self.runs[crawler].append(Run(self.now, self.now + self.lasts, self.outcome))
        with_answer()
        return float(int(self.now))

    def stop(self, crawler: str) -> None:
        self._call("stop")
        if ("crawler", crawler) not in self.found:
            raise NotFoundError(f"stop: no {crawler}")
        for run in self.runs[crawler][-1:]:
            if self.now < run.ends:
                run.ends, run.outcome = self.now, "CANCELLED"

    def state(self, crawler: str) -> tuple[str, Crawl | None] | None:
        self._call("state")()
        return self._shown(crawler) if ("crawler", crawler) in self.found else None

    def tables(self, crawler: str) -> Tables | None:
        self._call("tables")()
        if not self.runs[crawler]:
            return None
        return Tables(1, 0, 0, self.runs[crawler][-1].ends - self.runs[crawler][-1].began)

    def messages(self, queue: str) -> int:
        self._call("messages")()
        good = max(self.good_crawls(queue), default=0.0)
        return sum(moment > good for moment in self.events.get(queue, ()))

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
        if ("crawler", crawler) in self.found and not self._is_busy("crawler", crawler):
            self.runs[crawler].append(Run(self.now, self.now + self.lasts, self.outcome))

    def good_crawls(self, crawler: str) -> list[float]:
        """When those began that have ended well by now."""
        runs = [*self.past.get(crawler, ()), *self.runs.get(crawler, ())]
        return [run.began for run in runs if run.outcome == "SUCCEEDED" and run.ends <= self.now]

    def a_file_lands(self, queue: str) -> None:
        """S3 tells the queue of it, if it is told to and the queue is there; else nobody is ever told."""
        is_told = any(each["Id"] == queue for each in self.told.get("QueueConfigurations", ()))
        if is_told and ("queue", queue) in self.found:
            self.events.setdefault(queue, []).append(self.now)

    def somebody_changes(self, kind: str, name: str) -> None:
        """By hand, and not what runs: Glue does not let them."""
        there = self.found.get((kind, name))  # type: ignore[call-overload]
        if there and not self._is_busy(kind, name):
            by_hand = {"queue": {"Attributes": {}}, "trigger": {"Actions": []}}.get(kind, {"Description": "by hand"})
            state = "DEACTIVATED" if kind == "trigger" else there.state
            self.found[kind, name] = replace(there, given={**there.given, **by_hand}, state=state)

    def somebody_removes(self, kind: str, name: str) -> None:
        """By hand."""
        if (kind, name) in self.found and not self._is_busy(kind, name):
            self._remove(kind, name)

    def _carry_out(self, call: Call) -> bool:
        name, arguments = _name(call), call.arguments
        verb, kind = next(
            (verb, _KINDS.get(call.operation.removeprefix(verb), call.operation.removeprefix(verb).lower()))
            for verb in ("Create", "Delete", "Update", "Start", "Stop", "Set", "Put")
            if call.operation.startswith(verb)
        )
        match verb:
            case "Put":
                self._tell(arguments["NotificationConfiguration"])
            case "Stop":
                self.stop(name)
            case "Start":
                self.found[kind, name] = replace(self.found[kind, name], state="ACTIVATED")
            case "Create":
                return self._create(kind, name, arguments)
            case "Delete":
                if self._is_busy(kind, name):
                    return False
                if (kind, name) in self.found:  # what is gone need not be removed
                    self._remove(kind, name)
            case "Update" | "Set":
                return self._change("queue" if verb == "Set" else kind, name, arguments)
        return True

    def _tell(self, configuration: Mapping[str, Any]) -> None:
        """S3 tries each queue."""
        for each in configuration.get("QueueConfigurations", ()):
            if ("queue", each["Id"]) not in self.found:
                raise CatalogError(f"PutBucketNotificationConfiguration: no queue {each['Id']}")
        self.told = configuration

    def _create(self, kind: str, name: str, arguments: Mapping[str, Any]) -> bool:
        if kind == "queue" and self.now < self.rests.get(name, 0.0):
            return False
        if (kind, name) in self.found:
            raise CatalogError(f"there is a {kind} {name}")
        given_tags = TAGS if kind in ("workgroup", "query") else arguments.get("Tags") or arguments["tags"]
        state = "ACTIVATED" if kind == "trigger" else ""
        self.found[kind, name] = Found(kind, name, arguments, given_tags, state, address=name)  # type: ignore[arg-type]
        self.runs.setdefault(name, [])
        return True

    def _change(self, kind: str, name: str, arguments: Mapping[str, Any]) -> bool:
        if self._is_busy(kind, name):
            return False
        if (kind, name) not in self.found:
            raise NotFoundError(f"no {kind} {name}")
        there = self.found[kind, name]
        self.found[kind, name] = replace(there, given={**there.given, **arguments.get("TriggerUpdate", arguments)})
        return True

    def _remove(self, kind: str, name: str) -> None:
        del self.found[kind, name]
        if kind == "crawler":
            self.past.setdefault(name, []).extend(self.runs[name])
            self.runs[name] = []
        if kind == "queue":
            self.events.pop(name, None)
            self.rests[name] = self.now + QUEUE_REST_S

    def _is_busy(self, kind: str, name: str) -> bool:
        return kind == "crawler" and self._state_at(name, self.now)[0] != "READY"

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


def _name(call: Call) -> str:
    names = (call.arguments.get(key) for key in ("Name", "QueueName", "QueueUrl", "Bucket"))
    return str(next(filter(None, names)))
