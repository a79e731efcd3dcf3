"""The transform on a real S3 and Glue endpoint: whatever arrives in whatever order, and whatever it is interrupted by,
the registered partitions hold what plain Python makes of all rows at once."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from health_catalog import RAW, TRANSFORMED, GlueCatalog, ensure_bucket, lake_filesystem, object_path, raw_table
from health_events import ALERTS, DISPATCHES, VITALS, Event, Primitive
from health_pipeline.settings import TransformSettings
from health_streaming import late
from health_streaming.incremental.plan import State
from health_streaming.incremental.run import Transform
from health_streaming.incremental.store import Store
from health_streaming.incremental.zone import Zone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyarrow.fs import FileSelector, FileType, S3FileSystem
from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

TEN = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
LANDED = (VITALS, ALERTS, DISPATCHES)
Row = dict[str, Any]


class Crash(Exception):
    """The process ends here."""


class Lake:
    """A lake of its own on the shared endpoint, with what landing does to it and what a reader sees of it."""

    numbers = itertools.count(1)

    def __init__(self, endpoint: str, spark: SparkSession) -> None:
        name = f"transform-{next(self.numbers)}"
        self.settings = TransformSettings(
            pipeline=name, lake=f"s3://{name}", lake_endpoint=endpoint, glue_endpoint=endpoint,
            database=name.replace("-", "_"), tables=tuple(event.name for event in LANDED),
        )  # fmt: skip
        self.spark = spark
        self.files: S3FileSystem = lake_filesystem(self.settings)
        self.offsets: dict[str, int] = defaultdict(int)
        ensure_bucket(self.settings)
        self.process().register()

    def process(self, interrupt: Callable[[str], object] = str) -> Transform:
        """The transform as a new process has it; ``interrupt`` is told each step that it is about to take."""

        class Interruptible(Store):
            def locations(self, table: str, hours: Iterable[tuple[str, str]]) -> Iterator[str]:
                interrupt("tidy")
                return super().locations(table, hours)

            def save(self, state: State) -> None:
                interrupt("save")
                super().save(state)

        class InterruptibleCatalog(GlueCatalog):
            def put_partitions(self, table: Any, partitions: Any) -> None:
                interrupt(f"switch {table.name}")
                super().put_partitions(table, partitions)

        zone, catalog = Zone(self.spark, self.settings), InterruptibleCatalog(self.settings)
        return Transform(zone, Interruptible(self.settings), catalog, self.settings.tables)

    def land(self, event: Event, rows: list[Row]) -> None:
        """One file per ingest hour, as landing writes it; offsets are given in the order of ``rows``."""
        by_hour: dict[datetime, list[Row]] = defaultdict(list)
        for row in rows:
            row |= {"kafka_partition": 0, "kafka_offset": self.offsets[event.name], "source_cursor": "1"}
            self.offsets[event.name] += 1
            by_hour[row["kafka_timestamp"].replace(minute=0, second=0, microsecond=0)].append(row)
        base = object_path(self.settings.table_uri(RAW, event.name))
        for hour, landed in by_hour.items():
            name = f"part-0-{landed[0]['kafka_offset']}-{landed[-1]['kafka_offset']}.parquet"
            table = pa.Table.from_pylist(landed, schema=raw_table(event).schema)
            folder = f"{base}/ingest_date={hour:%Y-%m-%d}/hour={hour:%H}"
            late.tell(self.settings, self.files, event.name, hour.date(), datetime.now(UTC).date())
            pq.write_table(table, f"{folder}/{name}", filesystem=self.files)

    def read(self, name: str) -> list[Row]:
        """What the registered partitions of a transformed table hold."""
        catalog = GlueCatalog(self.settings)
        (table,) = [table for table in catalog.tables(TRANSFORMED) if table.name == name]
        rows: list[Row] = []
        for partition in catalog.partitions(table):
            event_date, hour = partition.values
            assert f"event_date={event_date}/hour={hour}/run=" in partition.location
            rows += pq.read_table(object_path(partition.location), filesystem=self.files, partitioning=None).to_pylist()
        return rows

    def folders(self) -> set[str]:
        """The folders of results that hold anything, registered or not."""
        found = self.files.get_file_info(
            FileSelector(f"{object_path(self.settings.lake)}/{TRANSFORMED}", recursive=True)
        )
        return {info.path.rpartition("/")[0] for info in found if info.type is FileType.File}

    def registered(self) -> set[str]:
        """The folders that the catalogue points at."""
        catalog = GlueCatalog(self.settings)
        tables = catalog.tables(TRANSFORMED)
        return {object_path(item.location) for table in tables for item in catalog.partitions(table)}


def _event(event: Event, name: str, observed_at: datetime, arrival: datetime, **values: Any) -> Row:
    """A row with something in each field that must have something."""
    plain: dict[Any, Any] = {Primitive.STRING: "x", Primitive.DOUBLE: 1.0, Primitive.TIMESTAMP: observed_at}
    row = {field.name: None if field.nullable else plain.get(field.type, []) for field in event.fields}
    return row | {"event_id": name, "observed_at": observed_at, "kafka_timestamp": arrival} | values


# The oracle -----------------------------------------------------------------------------------------------------------


def _once(rows: list[Row]) -> list[Row]:
    first: dict[Any, Row] = {}
    for row in sorted(rows, key=lambda row: (row["kafka_timestamp"], row["kafka_offset"])):
        first.setdefault((_hour(row), row["event_id"]), row)
    return list(first.values())


def _hour(row: Row) -> datetime:
    moment: datetime = row["observed_at"]
    return moment.replace(minute=0, second=0, microsecond=0)


def _minutes(vitals: list[Row]) -> dict[Any, tuple[Any, ...]]:
    groups: dict[Any, list[float]] = defaultdict(list)
    for row in vitals:
        groups[row["entity_id"], row["observed_at"].replace(second=0, microsecond=0)].append(row["heart_rate"])
    return {
        key: (len(rates), min(rates), max(rates), pytest.approx(sum(rates) / len(rates)), max(map(_score, rates)))
        for key, rates in groups.items()
    }


def _score(rate: float) -> int:
    if rate <= 40 or rate >= 131:
        return 3
    if rate > 110:
        return 2
    return 1 if rate <= 50 or rate > 90 else 0


def _outcomes(alerts: list[Row], dispatches: list[Row]) -> dict[str, tuple[Any, Any, Any]]:
    found: dict[str, tuple[Any, Any, Any]] = {}
    ordered = sorted(dispatches, key=lambda row: (row["kafka_timestamp"], row["kafka_offset"]))
    ends = {row["dispatch_id"]: row["decided_at"] for row in reversed(ordered) if row["outcome"] == "released"}
    for alert in alerts:
        own = [row for row in ordered if row["alert_id"] == alert["event_id"] and row["outcome"] != "released"]
        last = own[-1] if own else {"outcome": "pending", "dispatch_id": None, "distance_km": None}
        found[alert["event_id"]] = (last["outcome"], last["distance_km"], ends.get(last["dispatch_id"]))
    return found


def _check(lake: Lake, landed: dict[Event, list[Row]]) -> None:
    kept = {event: _once(rows) for event, rows in landed.items()}
    for event, rows in kept.items():
        expected = sorted((row["event_id"], row["observed_at"], row["kafka_offset"]) for row in rows)
        found = [(row["event_id"], row["observed_at"], row["kafka_offset"]) for row in lake.read(event.name)]
        assert sorted(found) == expected, event.name
    minutes = lake.read("vitals_minute")
    columns = ("readings", "heart_rate_min", "heart_rate_max", "heart_rate_mean", "news2_partial")
    found_minutes = {(row["patient_id"], row["minute"]): tuple(row[name] for name in columns) for row in minutes}
    assert found_minutes == _minutes(kept[VITALS])
    outcomes = lake.read("dispatch_outcomes")
    found_outcomes = {row["alert_id"]: (row["outcome"], row["distance_km"], row["released_at"]) for row in outcomes}
    assert len(outcomes) == len(found_outcomes)
    assert found_outcomes == _outcomes(kept[ALERTS], kept[DISPATCHES])
    alerts_per_hour: dict[datetime, int] = defaultdict(int)
    for row in kept[ALERTS]:
        alerts_per_hour[_hour(row)] += 1
    city = {row["starts_at"]: row["alerts"] for row in lake.read("city_hourly")}
    assert {hour: count for hour, count in city.items() if count} == alerts_per_hour


# The tests ------------------------------------------------------------------------------------------------------------

_STEPS = ("switch vitals_minute", "switch dispatch_outcomes", "tidy", "save")
_minute = st.integers(-70, 70)


@st.composite
def _increments(draw: st.DrawFn) -> list[tuple[dict[Event, list[Row]], str | None]]:
    """What lands before each run, and the step that the run's first attempt does not get to."""
    patients = st.sampled_from(["p1", "p2"])
    names = st.integers(0, 5).map(str)

    def observed(name: str) -> datetime:  # the same reading has the same time, however often it is sent
        return TEN + timedelta(minutes=17 * int(name), seconds=int(name))

    def vital(name: str) -> Row:
        arrival = TEN + timedelta(hours=1, minutes=draw(_minute))
        return _event(VITALS, f"v{name}", observed(name), arrival, entity_id=draw(patients),
                      heart_rate=float(draw(st.integers(30, 150))))  # fmt: skip

    def alert(name: str) -> Row:
        return _event(ALERTS, f"a{name}", observed(name), TEN + timedelta(hours=1, minutes=draw(_minute)))

    def decision(name: str) -> Row:
        arrival = TEN + timedelta(hours=1, minutes=draw(_minute))
        outcome = draw(st.sampled_from(["dispatched", "unassigned", "released"]))
        assigned = {} if outcome == "unassigned" else {"dispatch_id": f"d{name}", "distance_km": float(name)}
        return _event(DISPATCHES, f"{outcome}{name}", observed(name), arrival, alert_id=f"a{name}", outcome=outcome,
                      decided_at=arrival, **assigned)  # fmt: skip

    def landing() -> dict[Event, list[Row]]:
        made = {VITALS: vital, ALERTS: alert, DISPATCHES: decision}
        return {event: [make(name) for name in draw(st.lists(names, max_size=5))] for event, make in made.items()}

    return [(landing(), draw(st.sampled_from([None, *_STEPS]))) for _ in range(draw(st.integers(2, 3)))]


@settings(
    max_examples=2, derandomize=True, deadline=None, phases=[Phase.generate], database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(_increments())
@pytest.mark.timeout(600)
def test_increments_and_crashes_give_what_all_rows_at_once_give(
    aws_endpoint: str, spark: SparkSession, increments: list[tuple[dict[Event, list[Row]], str | None]]
) -> None:
    lake = Lake(aws_endpoint, spark)
    landed: dict[Event, list[Row]] = {event: [] for event in LANDED}
    for arriving, crash in increments:
        for event, rows in arriving.items():
            if rows:
                lake.land(event, rows)
                landed[event] += rows
        _run_until_done(lake, crash)
    _check(lake, landed)


def _run_until_done(lake: Lake, crash: str | None) -> None:
    def interrupt(step: str) -> None:
        if step == crash:
            raise Crash(step)

    with suppress(Crash):
        lake.process(interrupt).run()
    lake.process().run()


@pytest.mark.timeout(600)
def test_readers_see_a_late_duplicate_and_a_late_outcome_as_if_they_had_been_in_time(
    aws_endpoint: str, spark: SparkSession
) -> None:
    lake = Lake(aws_endpoint, spark)
    transform = lake.process()
    assert transform.run() is None
    readings = [_event(VITALS, f"v{n}", TEN + timedelta(seconds=n), TEN + timedelta(minutes=n), entity_id="p",
                       heart_rate=70.0 + n) for n in range(4)]  # fmt: skip
    alert = _event(ALERTS, "a1", TEN, TEN + timedelta(seconds=1))
    lake.land(VITALS, readings)
    lake.land(ALERTS, [alert])
    first = transform.run()
    assert first is not None
    assert (first.files, first.hours, first.rows_read) == (2, 1, 5)
    of_vitals, of_alerts = (TEN + timedelta(minutes=3)).timestamp(), (TEN + timedelta(seconds=1)).timestamp()
    assert first.newest == {
        "vitals": of_vitals, "vitals_minute": of_vitals,
        "alerts": of_alerts, "dispatch_outcomes": of_alerts, "city_hourly": of_alerts,
    }  # fmt: skip
    assert transform.run() is None
    assert [row["outcome"] for row in lake.read("dispatch_outcomes")] == ["pending"]
    before = lake.registered()

    later = TEN + timedelta(hours=3)
    duplicate = _event(VITALS, "v1", readings[1]["observed_at"], later, entity_id="p", heart_rate=200.0)
    late = _event(VITALS, "v9", TEN - timedelta(minutes=30), later, entity_id="p", heart_rate=45.0)
    decision = _event(DISPATCHES, "o1", TEN, later, alert_id="a1", outcome="dispatched", dispatch_id="d1",
                      decided_at=TEN + timedelta(seconds=2), distance_km=1.5)  # fmt: skip
    lake.land(VITALS, [duplicate, late])
    lake.land(DISPATCHES, [decision])
    assert transform.run() is not None
    _check(lake, {VITALS: [*readings, duplicate, late], ALERTS: [alert], DISPATCHES: [decision]})
    (outcome,) = lake.read("dispatch_outcomes")
    assert (outcome["outcome"], outcome["decision_seconds"], outcome["distance_km"]) == ("dispatched", 2.0, 1.5)

    replaced = before - lake.registered()
    assert replaced
    assert lake.folders() == lake.registered() | replaced, "a reader in flight keeps what was replaced, for one run"
    lake.land(VITALS, [_event(VITALS, "v10", TEN + timedelta(hours=5), later, entity_id="p", heart_rate=60.0)])
    assert transform.run() is not None
    assert lake.folders() == lake.registered()
    _without_state(lake)


def _without_state(lake: Lake) -> None:
    """Everything is made from the raw zone again, and is the same."""
    before = {name: _sorted(lake.read(name)) for name in ("vitals", "vitals_minute", "dispatch_outcomes")}
    lake.files.delete_file(f"{object_path(lake.settings.state_uri('transform'))}/state.json")
    assert lake.process().run() is not None
    assert {name: _sorted(lake.read(name)) for name in before} == before


def _sorted(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: json.dumps(row, default=str))
