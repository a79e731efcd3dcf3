"""Waiting until everything that the sources had has reached the end of the path."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx
from health_catalog import CatalogError
from health_catalog.sql import LocalSql
from health_events import DEAD_LETTERS, VITALS, topic_name
from health_pipeline import HealthPipeline
from health_pipeline.spec import Rule

from healthctl.demo import accounts
from healthctl.demo.accounts import DispatchAccount, SourceAccount
from healthctl.demo.due import twins
from healthctl.embedded.run import EmbeddedPipeline
from healthctl.embedded.topics import count_by_key, count_records
from healthctl.errors import HealthctlError

_COLUMNS = {"heartRate": "heart_rate", "spo2": "spo2"}


@dataclass(frozen=True)
class Books:
    """The accounts of a run, as they stand at a moment."""

    sources: Mapping[str, SourceAccount]
    dispatch: DispatchAccount

    @property
    def are_closed(self) -> bool:
        """Whether all that was served has landed, and every alert that must be has its outcome."""
        open_sources = [
            name
            for name, each in self.sources.items()
            if each.missing or each.produced != each.landed + each.dead_lettered
        ]
        alerts_due = self.dispatch.alerts < self.dispatch.expected or self.dispatch.without_outcome > 0
        return not open_sources and not alerts_due


@dataclass(frozen=True)
class Served:
    """A source's own word: its first cursor, how many items it has served, whether that is all it will ever have."""

    first: int
    count: int
    is_over: bool


def served(running: EmbeddedPipeline, names: list[str]) -> dict[str, Served]:
    """What each source has served."""
    found = {}
    with httpx.Client(base_url=running.simulator_url, timeout=10) as client:
        for name in names:
            stats = client.get(f"/v1/{name}/stats").raise_for_status().json()
            is_over = bool(stats["complete"]) and stats["served"] == stats["generated"]
            found[name] = Served(int(stats["first"]), int(stats["served"]), is_over)
    return found


def wait_for_sources(running: EmbeddedPipeline, names: list[str], timeout_s: float) -> None:
    """Until every source has served all that it has; HealthctlError naming those that have not."""
    deadline = time.monotonic() + timeout_s
    late = names
    while late:
        running.check()
        over = {name for name, each in _served_or_not(running, names).items() if each.is_over}
        late = [name for name in names if name not in over]
        if late and time.monotonic() > deadline:
            raise HealthctlError(f"not read to the end within {timeout_s:.0f} s: {', '.join(late)}")
        time.sleep(0.5)


def wait_for_books(running: EmbeddedPipeline, pipeline: HealthPipeline, timeout_s: float) -> Books:
    """The books once they are closed or, after ``timeout_s``, as they are: the verdict says what is missing."""
    deadline = time.monotonic() + timeout_s
    while True:
        running.check()
        try:
            books = read_books(running, pipeline)
            if books.are_closed or time.monotonic() > deadline:
                return books
        except CatalogError:  # a table that has no rows yet is not there
            if time.monotonic() > deadline:
                raise
        time.sleep(2)


def wait_for_transform(running: EmbeddedPipeline, sources: list[str], timeout_s: float) -> None:
    """Until the transformed zone has taken in all that has landed, or the time is over: the verdict will tell."""
    query = LocalSql(running.layout.lake).query
    pairs = [
        (f"SELECT count(DISTINCT event_id) AS n FROM {raw}", f"SELECT count(*) AS n FROM {made}")
        for raw, made in twins(sources)
    ]
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        running.check()
        if all(_ask(query, landed) == _ask(query, made) for landed, made in pairs):
            return
        time.sleep(1)


def read_books(running: EmbeddedPipeline, pipeline: HealthPipeline) -> Books:
    """The accounts as they are now."""
    query = LocalSql(running.layout.lake).query
    client = running.layout.kafka.client_config()
    dead = count_by_key(client, topic_name(pipeline.name, DEAD_LETTERS))
    sources = {}
    names = [str(source.name) for source in pipeline.spec.sources]
    for name, each in served(running, names).items():
        produced = count_records(client, topic_name(pipeline.name, name)) + dead[name]
        sources[name] = accounts.source_account(query, name, each.first, each.count, produced)
    rules = [rule_sql(rule) for rule in pipeline.spec.alerting.rules] if VITALS.name in names else []
    is_decided = any(each.stage == "dispatch" for each in running.layout.components)
    return Books(sources, accounts.dispatch_account(query, rules, is_decided=is_decided))


def rule_sql(rule: Rule) -> str:
    """A rule as a condition on raw.vitals."""
    column = _COLUMNS[rule.metric]
    bounds = [(rule.at_or_below, "<="), (rule.at_or_above, ">=")]
    return " OR ".join(f"{column} {sign} {bound:g}" for bound, sign in bounds if bound is not None)


def _served_or_not(running: EmbeddedPipeline, names: list[str]) -> dict[str, Served]:
    try:
        return served(running, names)
    except httpx.HTTPError:  # it may be starting anew; the supervisor says when it does not come back
        return {}


def _ask(query: accounts.Query, sql: str) -> int | None:
    try:
        return int(accounts.one(query, sql))
    except CatalogError:
        return None
