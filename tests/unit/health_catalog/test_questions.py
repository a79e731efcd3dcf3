"""The named queries on small tables whose answers are known, by the SQL engine of this machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from health_catalog.hive import TIMESTAMP
from health_catalog.questions import QUESTIONS, question
from health_catalog.schemas import TRANSFORMED, Partition, Table
from health_catalog.sql import LocalSql
from health_catalog.statements import for_athena, read_statement
from health_pipeline.settings import LakeSettings
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

SETTINGS = LakeSettings(pipeline="london", lake="s3://lake", database="london")
# Within today and in one hour, whenever this runs.
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
TEXT, LONG, DOUBLE = pa.string(), pa.int64(), pa.float64()
COLUMNS: dict[str, dict[str, pa.DataType]] = {
    "vitals_minute": {"patient_id": TEXT, "minute": TIMESTAMP, "news2_partial": LONG, "spo2_min": DOUBLE,
                      "heart_rate_max": DOUBLE},
    "dispatch_outcomes": {"observed_at": TIMESTAMP, "area": TEXT, "outcome": TEXT, "decision_seconds": DOUBLE,
                          "distance_km": DOUBLE, "vehicle_id": TEXT, "busy_seconds": DOUBLE},
    "vehicle_positions": {"entity_id": TEXT, "kind": TEXT, "status": TEXT},
    "city_hourly": {"precipitation_mm_h_mean": DOUBLE, "temperature_c_mean": DOUBLE, "incidents_minor": LONG,
                    "incidents_moderate": LONG, "incidents_severe": LONG, "incidents_critical": LONG, "alerts": LONG,
                    "traffic_speed_kmh_mean": DOUBLE},
}  # fmt: skip


class Files:
    """A catalogue of what was put into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._days: dict[str, set[str]] = {name: set() for name in COLUMNS}

    def put(self, name: str, rows: list[dict[str, Any]], day: datetime = NOON) -> None:
        date = day.strftime("%Y-%m-%d")
        where = self._folder / "lake" / TRANSFORMED / name / f"event_date={date}" / "hour=12"
        where.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows, self.table(TRANSFORMED, name).schema), where / "part.parquet")
        self._days[name].add(date)

    def table(self, zone: str, name: str) -> Table:
        return Table(zone, name, pa.schema(COLUMNS[name].items()), ("event_date", "hour"), "")

    def partitions(self, table: Table) -> list[Partition]:
        uri = SETTINGS.table_uri(table.zone, table.name)
        return [Partition((day, "12"), f"{uri}/event_date={day}/hour=12") for day in sorted(self._days[table.name])]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def ask(files: Files, tmp_path: Path, name: str) -> list[dict[str, Any]]:
    sql = LocalSql(SETTINGS, files, SubTreeFileSystem(str(tmp_path), LocalFileSystem()))  # type: ignore[arg-type]
    found: list[dict[str, Any]] = sql.query(question(name).sql).to_pylist()
    return found


def test_rising_scores(files: Files, tmp_path: Path) -> None:
    scores = {"worse": (1, 5), "better": (5, 1), "same": (3, 3)}
    files.put("vitals_minute", [
        {"patient_id": patient, "minute": NOON + timedelta(minutes=minute), "news2_partial": score, "spo2_min": 90.0,
         "heart_rate_max": 131.0}
        for patient, (before, after) in scores.items()
        for minute, score in ((-50, 9), (-20, before), (10, after), (30, after))
        if minute > -30
    ])  # fmt: skip
    (row,) = ask(files, tmp_path, "rising-scores")
    assert (row["patient_id"], row["score_before"], row["score_now"], row["worst_now"]) == ("worse", 1.0, 5.0, 5)
    assert row["last_minute"] == NOON + timedelta(minutes=30)


def test_response_times(files: Files, tmp_path: Path) -> None:
    alert = {"observed_at": NOON, "area": "north", "vehicle_id": "a1", "busy_seconds": 60.0}
    files.put("dispatch_outcomes", [
        {**alert, "outcome": "dispatched", "decision_seconds": 0.1, "distance_km": 2.0},
        {**alert, "outcome": "dispatched", "decision_seconds": 0.3, "distance_km": 4.0},
        {**alert, "outcome": "unassigned", "decision_seconds": 9.0, "distance_km": None},
    ])  # fmt: skip
    files.put("dispatch_outcomes", [{**alert, "outcome": "dispatched"}], NOON - timedelta(days=9))
    (row,) = ask(files, tmp_path, "response-times")
    assert (row["alerts"], row["dispatched"], row["unassigned"]) == (3, 2, 1)
    assert (row["median_seconds"], row["longest_seconds"], row["mean_km"]) == (0.3, 9.0, 3.0)
    assert row["begins_at"] == NOON


def test_vehicle_utilisation(files: Files, tmp_path: Path) -> None:
    reports = {"a1": ["idle", "en_route", "on_scene", "idle"], "a2": ["idle"]}
    files.put("vehicle_positions", [
        {"entity_id": vehicle, "kind": "ambulance", "status": status}
        for vehicle, statuses in reports.items()
        for status in statuses
    ])  # fmt: skip
    sent = {"observed_at": NOON, "area": "north", "outcome": "dispatched", "vehicle_id": "a1", "busy_seconds": 90.0}
    files.put("dispatch_outcomes", [sent, {**sent, "outcome": "suppressed"}])
    rows = ask(files, tmp_path, "vehicle-utilisation")
    told = [(row["vehicle_id"], row["busy_percent"], row["dispatches"], row["busy_minutes"]) for row in rows]
    assert told == [("a1", 50.0, 1, 1.5), ("a2", 0.0, 0, 0.0)]


def test_weather_and_incidents(files: Files, tmp_path: Path) -> None:
    hour = {"incidents_minor": 1, "incidents_moderate": 0, "incidents_severe": 0, "incidents_critical": 0, "alerts": 4,
            "traffic_speed_kmh_mean": 30.0, "temperature_c_mean": 10.0}  # fmt: skip
    files.put("city_hourly", [
        {**hour, "precipitation_mm_h_mean": 0.0},
        {**hour, "precipitation_mm_h_mean": 5.0, "incidents_severe": 2, "incidents_critical": 1},
        {**hour, "precipitation_mm_h_mean": 3.0, "temperature_c_mean": 1.0},
    ])  # fmt: skip
    rows = ask(files, tmp_path, "weather-and-incidents")
    told = [(row["weather"], row["temperature"], row["hours"], row["incidents_an_hour"]) for row in rows]
    assert told == [("dry", "3 C and over", 1, 1.0), ("rain", "3 C and over", 1, 4.0), ("rain", "under 3 C", 1, 1.0)]


@pytest.mark.parametrize("name", [each.name for each in QUESTIONS])
def test_each_is_one_statement_for_athena_that_says_which_days_it_reads(name: str) -> None:
    statement = read_statement(question(name).sql, SETTINGS)
    text = for_athena(statement, SETTINGS)
    assert text.count('"london_transformed".') == len(statement.tables) or '"london_transformed".' in text
    assert "transformed." not in text.replace('"london_transformed".', "")
    assert text.count("event_date >= ") >= len(statement.tables)
