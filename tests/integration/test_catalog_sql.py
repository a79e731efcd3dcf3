"""Local SQL over files in a real object store, by what a real catalogue says of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from health_catalog import (
    GlueCatalog,
    Partition,
    Table,
    column,
    ensure_bucket,
    lake_filesystem,
    object_path,
    raw_table,
)
from health_catalog.errors import CatalogError, QueryError
from health_catalog.formats import to_text
from health_catalog.sql import LocalSql
from health_events import DISPATCHES, VITALS
from health_pipeline.settings import LakeSettings

VITALS_TABLE = raw_table(VITALS)
START = datetime(2026, 11, 22, 3, tzinfo=UTC)
CANDIDATE = {"distance_km": 1.5, "position_age_s": 2.0}
MINUTES = Table(
    "transformed",
    "vitals_minute",
    pa.schema([column("patient", pa.string(), "Who"), column("mean", pa.float64(), "Mean heart rate")]),
    ("day",),
    "Vitals per patient and minute",
)


class Lake:
    """A lake to land rows in."""

    def __init__(self, endpoint: str) -> None:
        self.settings = LakeSettings(
            pipeline="catalog-sql", lake="s3://catalog-sql/lake", lake_endpoint=endpoint, glue_endpoint=endpoint,
            database="catalog_sql",
        )  # fmt: skip
        self.catalog = GlueCatalog(self.settings)
        self.filesystem = lake_filesystem(self.settings)
        self.sql = LocalSql(self.settings)

    def land(
        self, table: Table, values: tuple[str, ...], rows: list[dict[str, Any]], name: str, register: bool = True
    ) -> str:
        """Write a file and, if wanted, register its partition; gives the partition's location."""
        folders = "".join(f"/{key}={value}" for key, value in zip(table.partition_keys, values, strict=True))
        location = self.settings.table_uri(table.zone, table.name) + folders
        filled = [{field.name: row.get(field.name, _filler(field)) for field in table.schema} for row in rows]
        pq.write_table(
            pa.Table.from_pylist(filled, table.schema), f"{object_path(location)}/{name}", filesystem=self.filesystem
        )
        if register and table.partition_keys:
            self.catalog.put_partitions(table, [Partition(values, location)])
        return location

    def put(self, location: str, name: str, data: bytes) -> None:
        with self.filesystem.open_output_stream(f"{object_path(location)}/{name}") as stream:
            stream.write(data)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self.sql.query(sql).to_pylist()]


def _filler(field: pa.Field[Any]) -> Any:
    if field.nullable:
        return None
    return START if pa.types.is_timestamp(field.type) else "x" if field.type == pa.string() else 1


def _vitals(first: int, number: int) -> list[dict[str, Any]]:
    """One reading a second; patients p0, p1, p2 in turn; the heart rate is 60 + n."""
    numbers = range(first, first + number)
    times = {n: START + timedelta(seconds=n) for n in numbers}
    return [
        {"event_id": f"e{n}", "entity_id": f"p{n % 3}", "observed_at": times[n], "heart_rate": 60.0 + n}
        for n in numbers
    ]


@pytest.fixture(scope="module")
def lake(aws_endpoint: str) -> Lake:
    """vitals: hours 03 (5 rows) and 04 (7 rows) registered, hour 05 not; two dispatches; two minutes."""
    made = Lake(aws_endpoint)
    ensure_bucket(made.settings)
    for zone in ("raw", "transformed"):
        made.catalog.ensure_database(zone)
    dispatches = raw_table(DISPATCHES)
    for table in (VITALS_TABLE, dispatches, MINUTES):
        made.catalog.ensure_table(table)
    made.land(VITALS_TABLE, ("2026-11-22", "03"), _vitals(0, 5), "part-0-0-4.parquet")
    made.land(VITALS_TABLE, ("2026-11-22", "04"), _vitals(5, 3), "part-0-5-7.parquet")
    at = made.land(VITALS_TABLE, ("2026-11-22", "04"), _vitals(8, 4), "part-1-0-3.parquet")
    made.put(at, "_SUCCESS", b"not a parquet file")
    made.put(at, ".hidden.parquet", b"not a parquet file")
    made.land(VITALS_TABLE, ("2026-11-22", "05"), _vitals(100, 50), "part-0-8-57.parquet", register=False)
    candidates = [
        {"vehicle_id": "v1", "verdict": "chosen", **CANDIDATE},
        {"vehicle_id": "v2", "verdict": "farther", **CANDIDATE},
    ]
    rows = [{"event_id": "d1", "candidates": candidates}, {"event_id": "d2", "candidates": []}]
    made.land(dispatches, ("2026-11-22", "03"), rows, "part-0-0-1.parquet")
    made.land(MINUTES, ("2026-11-22",), [{"patient": "p1", "mean": 61.0}, {"patient": "p2", "mean": 62.0}], "a.parquet")
    return made


def test_only_files_of_registered_partitions_are_seen(lake: Lake) -> None:
    by_hour = "SELECT hour, count(*), min(heart_rate) FROM raw.vitals GROUP BY hour ORDER BY hour"
    assert lake.rows(by_hour) == [("03", 5, 60.0), ("04", 7, 65.0)]
    assert lake.rows("SELECT count(*) FROM raw.vitals WHERE hour = '05'") == [(0,)]


def test_a_moved_partition_is_read_at_its_new_place(lake: Lake) -> None:
    table = replace(MINUTES, name="moving")
    lake.catalog.ensure_table(table)
    old = lake.land(table, ("2026-11-22",), [{"patient": "old"}], "a.parquet")
    new = f"{lake.settings.lake}/transformed/moving-v2"
    pq.write_table(
        pa.table({"patient": ["new"]}), f"{object_path(new)}/b.parquet", filesystem=lake.filesystem
    )  # fmt: skip
    assert lake.rows("SELECT patient, day FROM transformed.moving") == [("old", "2026-11-22")]
    lake.catalog.put_partitions(table, [Partition(("2026-11-22",), new)])
    assert lake.rows("SELECT patient, day FROM transformed.moving") == [("new", "2026-11-22")]
    assert old != new


def test_a_new_column_is_null_in_older_files(lake: Lake) -> None:
    table = replace(MINUTES, name="growing")
    wider = replace(table, schema=table.schema.append(column("mood", pa.string(), "New")))
    lake.catalog.ensure_table(table)
    lake.land(table, ("1",), [{"patient": "old"}], "a.parquet")
    lake.catalog.ensure_table(wider)
    lake.land(wider, ("2",), [{"patient": "new", "mood": "good"}], "a.parquet")
    found = lake.rows("SELECT patient, mood, day FROM transformed.growing ORDER BY day")
    assert found == [("old", None, "1"), ("new", "good", "2")]


def test_a_predicate_on_the_keys_opens_no_file_that_it_rules_out(lake: Lake) -> None:
    table = replace(MINUTES, name="torn")
    lake.catalog.ensure_table(table)
    lake.land(table, ("1",), [{"patient": "p1"}], "a.parquet")
    at = f"{lake.settings.lake}/transformed/torn/day=2"
    lake.put(at, "a.parquet", b"PAR1 torn")
    lake.catalog.put_partitions(table, [Partition(("2",), at)])
    assert lake.rows("SELECT patient FROM transformed.torn WHERE day = '1'") == [("p1",)]
    assert lake.rows("SELECT patient FROM transformed.torn WHERE day IN ('0', '1')") == [("p1",)]
    with pytest.raises(CatalogError, match=r"the lake cannot be read: .*torn/day=2/a\.parquet") as caught:
        lake.sql.query("SELECT patient FROM transformed.torn")
    assert not isinstance(caught.value, QueryError)  # the SQL is not to blame


def test_tables_without_keys_and_without_files(lake: Lake) -> None:
    areas = Table("raw", "areas", pa.schema([column("name", pa.string(), "Its name")]), (), "Service areas")
    lake.catalog.ensure_table(areas)
    assert lake.rows("SELECT * FROM raw.areas") == []
    lake.land(areas, (), [{"name": "north"}], "a.parquet")
    assert lake.rows("SELECT * FROM raw.areas") == [("north",)]
    lake.catalog.ensure_table(replace(MINUTES, name="empty"))
    answer = lake.sql.query("SELECT * FROM transformed.empty")
    assert (answer.num_rows, answer.schema.names) == (0, ["patient", "mean", "day"])


def test_times_are_utc_and_compare_as_in_athena(lake: Lake) -> None:
    answer = lake.sql.query("SELECT observed_at FROM raw.vitals WHERE observed_at < TIMESTAMP '2026-11-22 03:00:02'")
    assert answer.schema.field(0).type == pa.timestamp("us", "UTC")
    assert answer.column(0).to_pylist() == [START, START + timedelta(seconds=1)]
    per_minute = "SELECT date_trunc('minute', observed_at) AS m, count(*) FROM raw.vitals GROUP BY 1"
    assert lake.rows(per_minute) == [(START, 12)]


def test_candidates_are_unnested_as_in_athena(lake: Lake) -> None:
    athena = """SELECT d.event_id, c.vehicle_id, verdict FROM raw.dispatches AS d
      {join} UNNEST(d.candidates) AS c (vehicle_id, distance_km, position_age_s, verdict) {on}
      ORDER BY 1, 2"""
    both = [("d1", "v1", "chosen"), ("d1", "v2", "farther")]
    assert lake.rows(athena.format(join="CROSS JOIN", on="")) == both
    assert lake.rows(athena.format(join="LEFT JOIN", on="ON true")) == [*both, ("d2", None, None)]
    assert lake.rows("SELECT candidates[1].verdict FROM raw.dispatches WHERE cardinality(candidates) > 0") == [
        ("chosen",)
    ]
    # Athena refuses one name for four columns, and so do we.
    with pytest.raises(QueryError, match="4 columns"):
        lake.sql.query("SELECT c FROM raw.dispatches CROSS JOIN UNNEST(candidates) AS c (a, b, c, d, e)")
    with pytest.raises(QueryError, match="ORDINALITY"):
        lake.sql.query("SELECT 1 FROM raw.dispatches CROSS JOIN UNNEST(candidates) WITH ORDINALITY AS c (a, b)")


def test_joins_over_zones_and_every_name_of_a_database(lake: Lake) -> None:
    sql = """WITH latest AS (SELECT entity_id, max(heart_rate) AS top FROM catalog_sql_raw.vitals GROUP BY 1)
      SELECT m.patient, latest.top, catalog_sql_transformed.m.mean FROM latest
      JOIN "catalog_sql_transformed"."vitals_minute" AS m ON m.patient = latest.entity_id ORDER BY 1"""
    assert lake.rows(sql.replace("catalog_sql_transformed.m.", "m.")) == [("p1", 70.0, 61.0), ("p2", 71.0, 62.0)]
    assert lake.rows("SELECT raw.vitals.hour FROM raw.vitals WHERE vitals.event_id = 'e0'") == [("03",)]
    assert lake.rows("SELECT count(*) FROM vitals") == [(12,)]


def test_what_there_is(lake: Lake) -> None:
    shown = lake.rows("SHOW TABLES IN raw")
    assert ("raw.vitals", VITALS.doc) in shown
    assert ("transformed.vitals_minute", MINUTES.doc) in lake.rows("SHOW TABLES")
    assert lake.rows("SHOW PARTITIONS raw.vitals")[0] == (
        "ingest_date=2026-11-22/hour=03", "s3://catalog-sql/lake/raw/vitals/ingest_date=2026-11-22/hour=03"
    )  # fmt: skip
    described = lake.rows("DESCRIBE raw.vitals")
    assert ("heart_rate", "double", "Heart rate [/min] (LOINC 8867-4; IEEE 11073-10101 149530)") in described
    assert described[-1] == ("hour", "string", "Partition key")
    assert "hour" in to_text(lake.sql.query("EXPLAIN SELECT * FROM raw.vitals WHERE hour = '03'"))


def test_a_table_that_is_not_there_is_told_with_those_that_are(lake: Lake) -> None:
    for sql in ("SELECT * FROM raw.vitls", "DESCRIBE raw.vitls", "SELECT * FROM '/etc/passwd'"):
        with pytest.raises(QueryError, match=r"no table .*: there are .*raw\.vitals.*transformed\.vitals_minute"):
            lake.sql.query(sql)
    nothing = LocalSql(replace(lake.settings, database="nobody"))
    with pytest.raises(QueryError, match="none yet"):
        nothing.query("SELECT * FROM raw.vitals")
    assert nothing.query("SHOW TABLES").num_rows == 0


def test_a_column_that_is_not_there_is_told_with_those_that_are(lake: Lake) -> None:
    with pytest.raises(QueryError, match=r'"heartrate" not found.*\n.*heart_rate'):
        lake.sql.query("SELECT heartrate FROM raw.vitals")


def test_a_lake_that_is_gone_is_no_mistake_in_the_sql(lake: Lake) -> None:
    catalog = GlueCatalog(lake.settings)
    nowhere = replace(lake.settings, lake_endpoint="http://127.0.0.1:9")
    with pytest.raises(CatalogError, match="the lake cannot be read"):
        LocalSql(nowhere, catalog).query("SELECT * FROM raw.vitals")
