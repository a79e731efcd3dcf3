"""The accounts count what is in the lake, and see each thing that must not be: real Parquet, registered, real SQL."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from health_catalog import GlueCatalog, Partition, ensure_bucket, lake_filesystem, object_path, raw_table
from health_catalog.sql import LocalSql
from health_events import ALERTS, DEAD_LETTERS, DISPATCHES, VITALS, Event
from health_pipeline.settings import LakeSettings
from healthctl.demo import accounts

NOON = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)
RULES = ("heart_rate <= 40 OR heart_rate >= 131", "spo2 <= 91")
Land = Callable[[Event, list[dict[str, Any]]], None]


@pytest.fixture
def lake(aws_endpoint: str, request: pytest.FixtureRequest) -> LakeSettings:
    """An empty lake of the test's own."""
    database = request.node.name.replace("[", "_").replace("]", "_").lower()
    settings = LakeSettings(
        pipeline="accounts",
        lake=f"s3://accounts/{database}",
        lake_endpoint=aws_endpoint,
        glue_endpoint=aws_endpoint,
        database=database,
    )
    ensure_bucket(settings)
    return settings


@pytest.fixture
def land(lake: LakeSettings) -> Land:
    """Writes rows as one registered file of an event's raw table; what a row leaves out is made up or null."""
    catalog, filesystem = GlueCatalog(lake), lake_filesystem(lake)
    catalog.ensure_database("raw")

    def write(event: Event, rows: list[dict[str, Any]]) -> None:
        table = raw_table(event)
        full = [_filled(table.schema, row, offset) for offset, row in enumerate(rows)]
        location = f"{lake.table_uri('raw', event.name)}/ingest_date=2026-01-02/hour=12"
        path = f"{object_path(location)}/part-0-0-{len(rows)}.parquet"
        pq.write_table(pa.Table.from_pylist(full, schema=table.schema), path, filesystem=filesystem)
        catalog.ensure_table(table)
        catalog.put_partitions(table, [Partition(("2026-01-02", "12"), location)])

    return write


def _filled(schema: pa.Schema, row: dict[str, Any], offset: int) -> dict[str, Any]:
    made_up = {"kafka_partition": 0, "kafka_offset": offset, "kafka_timestamp": NOON, "observed_at": NOON} | row
    for field in schema:
        if field.name not in made_up and not field.nullable:
            made_up[field.name] = "x" if pa.types.is_string(field.type) else [] if pa.types.is_list(field.type) else 0
    return made_up


def _dispatch(alert: str, outcome: str, vehicle: str | None = None, **more: Any) -> dict[str, Any]:
    there = {"latitude": 51.5, "longitude": 0.0, "vehicle_latitude": 51.51, "vehicle_longitude": 0.0}
    return {
        "alert_id": alert,
        "outcome": outcome,
        "vehicle_id": vehicle,
        "radius_km": 5,
        "distance_km": 1.1,
        **there,
        **more,
    }


def test_a_source_is_counted_item_by_item(lake: LakeSettings, land: Land) -> None:
    land(VITALS, [{"source_cursor": cursor} for cursor in ("701", "702", "704", "704")])
    land(DEAD_LETTERS, [{"source": "vitals", "source_cursor": "703"}, {"source": "gps", "source_cursor": "705"}])
    account = accounts.source_account(LocalSql(lake).query, "vitals", first=701, served=5, produced=5)
    assert account == accounts.SourceAccount(
        served=5, produced=5, landed=4, dead_lettered=1, duplicates=1, missing=("705",)
    )


def test_what_became_of_the_alerts(lake: LakeSettings, land: Land) -> None:
    land(VITALS, [
        {"event_id": "a", "heart_rate": 150.0, "spo2": 90.0},
        {"event_id": "a", "heart_rate": 150.0, "spo2": 90.0},
        {"event_id": "b", "heart_rate": 40.0},
        {"event_id": "c", "heart_rate": 80.0, "spo2": 97.0},
    ])  # fmt: skip
    land(ALERTS, [{"event_id": alert} for alert in ("a1", "a1", "a2", "b1")])
    land(
        DISPATCHES,
        [_dispatch("a1", "dispatched", "v1"), _dispatch("a2", "suppressed"), _dispatch("a1", "released", "v1")],
    )
    found = accounts.dispatch_account(LocalSql(lake).query, RULES)
    assert found == accounts.DispatchAccount(
        expected=3, alerts=3, dispatched=1, unassigned=0, suppressed=1, without_outcome=1, doubled=0, out_of_radius=0
    )


def test_a_pipeline_without_vitals_expects_no_alert(lake: LakeSettings, land: Land) -> None:
    """It has no table of them to ask."""
    land(ALERTS, [])
    land(DISPATCHES, [])
    assert accounts.dispatch_account(LocalSql(lake).query, ()) == accounts.DispatchAccount(*[0] * 8)


def test_where_nobody_decides_no_alert_is_owed_an_outcome(lake: LakeSettings, land: Land) -> None:
    land(VITALS, [{"event_id": "a", "heart_rate": 150.0}])
    land(ALERTS, [{"event_id": "a1"}])
    land(DISPATCHES, [])
    found = accounts.dispatch_account(LocalSql(lake).query, RULES, is_decided=False)
    assert (found.expected, found.alerts, found.without_outcome) == (1, 1, 0)


@pytest.mark.parametrize(
    ("second", "doubled", "beyond"),
    [
        (_dispatch("b", "dispatched", "v1"), 1, 0),  # the same vehicle, not released
        (_dispatch("a", "dispatched", "v2"), 1, 0),  # the same alert, not released
        (_dispatch("b", "dispatched", "v2"), 0, 0),
        (_dispatch("b", "dispatched", "v2", distance_km=5.5), 0, 1),
        (_dispatch("b", "dispatched", "v2", vehicle_latitude=51.56), 0, 1),  # 6.7 km, whatever it says of itself
    ],
    ids=["vehicle-twice", "alert-twice", "fine", "far", "farther-than-it-says"],
)
def test_dispatches_that_must_not_be(
    lake: LakeSettings, land: Land, second: dict[str, Any], doubled: int, beyond: int
) -> None:
    land(VITALS, [{"event_id": "a"}])
    land(ALERTS, [{"event_id": "a"}, {"event_id": "b"}])
    land(DISPATCHES, [_dispatch("a", "dispatched", "v1"), second])
    found = accounts.dispatch_account(LocalSql(lake).query, RULES)
    assert (found.doubled, found.out_of_radius) == (doubled, beyond)


def test_latency_leaves_out_late_readings_and_waiting_for_a_vehicle(lake: LakeSettings, land: Land) -> None:
    def at(ms: int) -> dt.datetime:
        return NOON + dt.timedelta(milliseconds=ms)

    land(VITALS, [
        {"event_id": "now", "observed_at": NOON, "kafka_timestamp": at(2)},
        {"event_id": "late", "observed_at": at(-3_600_000), "kafka_timestamp": at(2)},
    ])  # fmt: skip
    land(ALERTS, [
        {"event_id": "a", "vital_event_id": "now", "observed_at": NOON, "kafka_timestamp": at(10)},
        {"event_id": "a", "vital_event_id": "now", "observed_at": NOON, "kafka_timestamp": at(90_000)},
        {"event_id": "b", "vital_event_id": "now", "observed_at": NOON, "kafka_timestamp": at(30)},
        {"event_id": "c", "vital_event_id": "late", "observed_at": at(-3_600_000), "kafka_timestamp": at(10)},
    ])  # fmt: skip
    land(DISPATCHES, [
        _dispatch("b", "unassigned", observed_at=NOON, kafka_timestamp=at(40)),
        _dispatch("b", "dispatched", "v1", observed_at=NOON, kafka_timestamp=at(9_000)),
        _dispatch("a", "dispatched", "v2", observed_at=NOON, kafka_timestamp=at(25)),
    ])  # fmt: skip
    found = accounts.latencies_ms(LocalSql(lake).query)
    assert found["alert"] == {"p50": 10.0, "p95": 30.0, "p99": 30.0, "max": 30.0}
    assert found["dispatch"] == dict.fromkeys(("p50", "p95", "p99", "max"), 25.0)
