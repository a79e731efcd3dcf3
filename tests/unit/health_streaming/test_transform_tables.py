"""The tables of the transformed zone, each on rows whose answer is known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from health_events import ALERTS, DISPATCHES, VITALS
from health_streaming.spark_schema import raw_schema
from health_streaming.transforms.city_hourly import city_hourly
from health_streaming.transforms.deduplicated import deduplicated, event_columns
from health_streaming.transforms.dispatch_outcomes import dispatch_outcomes
from health_streaming.transforms.news2 import heart_rate_score, spo2_score
from health_streaming.transforms.tables import DERIVED_TABLES, EVENT_TABLES
from health_streaming.transforms.vitals_minute import vitals_minute
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

pytestmark = pytest.mark.spark

TEN = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
Row = dict[str, Any]


def _at(seconds: float) -> datetime:
    return TEN + timedelta(seconds=seconds)


def _frame(spark: SparkSession, schema: StructType, rows: list[Row]) -> DataFrame:
    return spark.createDataFrame([tuple(row.get(name) for name in schema.names) for row in rows], schema)


def _inputs(spark: SparkSession, rows: Mapping[str, list[Row]]) -> dict[str, DataFrame]:
    return {table.event.name: _frame(spark, table.schema(), rows.get(table.event.name, [])) for table in EVENT_TABLES}


def _rows(frame: DataFrame, *keys: str) -> list[Row]:
    return sorted((row.asDict() for row in frame.collect()), key=lambda row: [str(row[key]) for key in keys])


def test_an_event_is_kept_once_as_it_first_was_on_kafka(spark: SparkSession) -> None:
    copies = [
        {"event_id": "a", "heart_rate": 1.0, "kafka_timestamp": _at(9), "kafka_partition": 0, "kafka_offset": 7},
        {"event_id": "a", "heart_rate": 2.0, "kafka_timestamp": _at(8), "kafka_partition": 1, "kafka_offset": 9},
        {"event_id": "a", "heart_rate": 3.0, "kafka_timestamp": _at(8), "kafka_partition": 1, "kafka_offset": 8},
        {"event_id": "b", "heart_rate": 4.0, "kafka_timestamp": _at(10), "kafka_partition": 0, "kafka_offset": 8},
    ]
    frame = _frame(spark, raw_schema(VITALS), [{"observed_at": _at(5), **row} for row in copies])
    kept = deduplicated(frame, VITALS)
    assert kept.columns == event_columns(VITALS)
    assert "canary" not in kept.columns
    assert [(row["event_id"], row["heart_rate"]) for row in _rows(kept, "event_id")] == [("a", 3.0), ("b", 4.0)]
    again = deduplicated(frame.select(kept.columns).union(kept), VITALS)
    assert _rows(again, "event_id") == _rows(kept, "event_id")


@pytest.mark.parametrize(
    ("sign", "expected"),
    [
        ("heart_rate", {0: 3, 40: 3, 40.5: 1, 41: 1, 50: 1, 51: 0, 90: 0, 90.5: 1, 91: 1, 110: 1, 111: 2, 130: 2,
                        130.9: 2, 131: 3, 300: 3}),
        ("spo2", {0: 3, 91: 3, 91.5: 2, 92: 2, 93: 2, 94: 1, 95: 1, 95.5: 0, 96: 0, 100: 0}),
    ],
)  # fmt: skip
def test_news2_scores_are_those_of_the_chart(spark: SparkSession, sign: str, expected: Mapping[float, int]) -> None:
    score = {"heart_rate": heart_rate_score, "spo2": spo2_score}[sign]
    values = spark.createDataFrame([(float(value),) for value in expected], "value double")
    scored = values.select("value", score(F.col("value")).alias("score")).collect()
    assert {row["value"]: row["score"] for row in scored} == expected


def test_a_minute_has_the_score_of_its_worst_readings(spark: SparkSession) -> None:
    readings = [
        {"entity_id": "p1", "observed_at": _at(0), "heart_rate": 60.0, "spo2": 97.0},
        {"entity_id": "p1", "observed_at": _at(59.999), "heart_rate": 135.0, "spo2": None},
        {"entity_id": "p1", "observed_at": _at(60), "heart_rate": None, "spo2": 93.0},
        {"entity_id": "p2", "observed_at": _at(30), "heart_rate": None, "spo2": None},
    ]
    first, second, silent = _rows(vitals_minute(_inputs(spark, {"vitals": readings})), "patient_id", "minute")
    assert (first["patient_id"], first["readings"]) == ("p1", 2)
    assert (first["heart_rate_min"], first["heart_rate_mean"], first["heart_rate_max"]) == (60.0, 97.5, 135.0)
    assert (first["spo2_min"], first["spo2_mean"], first["spo2_max"]) == (97.0, 97.0, 97.0)
    assert (first["news2_heart_rate"], first["news2_spo2"], first["news2_partial"]) == (3, 0, 3)
    assert (second["news2_heart_rate"], second["news2_spo2"], second["news2_partial"]) == (None, 2, 2)
    assert (silent["readings"], silent["news2_partial"]) == (1, None)


def _decision(alert: str, outcome: str, offset: int, **more: Any) -> Row:
    at = _at(10 + offset)
    when = {"observed_at": _at(0), "decided_at": at, "kafka_timestamp": at, "kafka_offset": offset}
    return {"alert_id": alert, "outcome": outcome, "reason": f"why {offset}", **when, **more}


def test_an_alert_has_its_last_decision_and_the_release_of_its_vehicle(spark: SparkSession) -> None:
    alerts = [{"event_id": name, "entity_id": f"p-{name}", "observed_at": _at(0)} for name in "abcd"]
    dispatches = [
        _decision("a", "unassigned", 1),
        _decision("a", "dispatched", 3, dispatch_id="d1", vehicle_id="v1", distance_km=2.5),
        _decision("a", "released", 9, dispatch_id="d1", vehicle_id="v1"),
        # A suppressed alert may name the assignment that covers it; the release of that one is not its own.
        _decision("b", "suppressed", 4, dispatch_id="d1"),
        _decision("c", "dispatched", 5, dispatch_id="d2", vehicle_id="v2", distance_km=1.0),
    ]
    made = dispatch_outcomes(_inputs(spark, {ALERTS.name: alerts, DISPATCHES.name: dispatches}))
    a, b, c, d = _rows(made, "alert_id")
    assert (a["outcome"], a["reason"], a["vehicle_id"], a["distance_km"], a["decisions"]) == (
        "dispatched", "why 3", "v1", 2.5, 2)  # fmt: skip
    assert (a["decision_seconds"], a["release_reason"], a["busy_seconds"]) == (13.0, "why 9", 6.0)
    assert (b["outcome"], b["dispatch_id"], b["released_at"], b["busy_seconds"]) == ("suppressed", None, None, None)
    assert (c["outcome"], c["released_at"]) == ("dispatched", None)
    assert (d["outcome"], d["decided_at"], d["decisions"]) == ("pending", None, 0)


def test_an_hour_of_the_city_counts_each_incident_once_at_its_worst(spark: SparkSession) -> None:
    def incident(entity: str, severity: str, seconds: float) -> Row:
        return {"entity_id": entity, "severity": severity, "observed_at": _at(seconds)}

    hours = _rows(
        city_hourly(
            _inputs(
                spark,
                {
                    "weather": [{"observed_at": _at(1), "temperature_c": 10.0, "air_quality_index": 40},
                                {"observed_at": _at(2), "temperature_c": 14.0, "air_quality_index": None}],
                    "gps": [{"observed_at": _at(3), "speed_kmh": 30.0}, {"observed_at": _at(3600), "speed_kmh": 50.0}],
                    "cameras": [{"observed_at": _at(4), "vehicles_per_minute": 12.0, "mean_speed_kmh": None}],
                    "emergencies": [incident("i1", "minor", 5), incident("i1", "severe", 6), incident("i1", "minor", 7),
                                    incident("i2", "critical", 8), incident("i2", "minor", 3700)],
                    "alerts": [{"observed_at": _at(9)}],
                    "dispatches": [_decision("a", "dispatched", 1, distance_km=3.0), _decision("b", "unassigned", 2)],
                },
            )
        ),
        "starts_at",
    )  # fmt: skip
    ten, eleven = hours
    assert ten["starts_at"].astimezone(UTC) == TEN
    assert (ten["weather_observations"], ten["temperature_c_mean"], ten["air_quality_index_max"]) == (2, 12.0, 40)
    assert (ten["gps_positions"], ten["gps_speed_kmh_mean"], ten["traffic_flow_mean"]) == (1, 30.0, 12.0)
    assert (ten["camera_counts"], ten["traffic_speed_kmh_mean"]) == (1, None)
    assert [ten[f"incidents_{severity}"] for severity in ("minor", "moderate", "severe", "critical")] == [0, 0, 1, 1]
    assert (ten["alerts"], ten["dispatches"], ten["dispatch_distance_km_mean"]) == (1, 1, 3.0)
    assert (eleven["gps_speed_kmh_mean"], eleven["incidents_minor"], eleven["weather_observations"]) == (50.0, 1, 0)


def test_every_table_can_be_registered_with_a_comment_on_each_column(spark: SparkSession) -> None:
    no_rows = _inputs(spark, {})
    tables = [*(table.table() for table in EVENT_TABLES), *(table.table(no_rows) for table in DERIVED_TABLES)]
    assert {"vitals", "vehicle_positions", "vitals_minute", "dispatch_outcomes", "city_hourly"} <= {
        table.name for table in tables
    }
    bare = [(table.name, field.name) for table in tables for field in table.schema if not field.metadata]
    assert bare == []
