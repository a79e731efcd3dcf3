from __future__ import annotations

import subprocess
import sys

import pyarrow as pa
import pytest
from health_catalog import arrow_schema, raw_table
from health_catalog.hive import TIMESTAMP, hive_type
from health_events import DEAD_LETTERS, DISPATCHES, EVENTS, VITALS, Event


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_a_raw_table_has_the_contracts_fields_then_their_origin(event: Event) -> None:
    table = raw_table(event)
    names = [field.name for field in event.fields]
    assert table.schema.names == [*names, "kafka_partition", "kafka_offset", "kafka_timestamp", "source_cursor"]
    assert [field.nullable for field in arrow_schema(event)] == [field.nullable for field in event.fields]
    assert (table.zone, table.name, table.partition_keys) == ("raw", event.name, ("ingest_date", "hour"))
    # Glue's names are in small letters, and its comments no longer than this.
    for field in table.schema:
        assert field.name == field.name.lower()
        assert 0 < len(field.metadata[b"comment"]) <= 255
        assert hive_type(field.type)


def test_comments_tell_unit_and_codes() -> None:
    comment = arrow_schema(VITALS).field("heart_rate").metadata[b"comment"].decode()
    assert comment == "Heart rate [/min] (LOINC 8867-4; IEEE 11073-10101 149530)"


def test_times_and_candidates_have_the_types_of_the_lake() -> None:
    schema = arrow_schema(DISPATCHES)
    assert schema.field("decided_at").type == TIMESTAMP == pa.timestamp("us", tz="UTC")
    assert hive_type(schema.field("candidates").type) == (
        "array<struct<vehicle_id:string,distance_km:double,position_age_s:double,verdict:string>>"
    )
    assert "payload" in raw_table(DEAD_LETTERS).schema.names


def test_the_package_starts_without_an_sql_engine() -> None:
    # Every Spark worker imports it, over and over.
    probe = "import sys, health_catalog; print({'duckdb', 'sqlglot', 'pandas', 'pyarrow.dataset'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
