"""Redshift's tables: every table of the transformed zone has keys that are columns of it, and names stay names."""

from __future__ import annotations

import pyarrow as pa
import pytest
from health_catalog import Table
from health_catalog.warehouse import ddl
from health_catalog.warehouse.engine import WarehouseError
from health_catalog.warehouse.keys import ALL, EVEN, KEYS, keys_of
from health_streaming.transforms.tables import DERIVED_TABLES, EVENT_TABLES

from tests.unit.health_catalog.warehouse_lake import KEYS as PARTITION_KEYS
from tests.unit.health_catalog.warehouse_lake import VITALS


def _table(name: str, *columns: tuple[str, pa.DataType]) -> Table:
    return Table("transformed", name, pa.schema(list(columns)), PARTITION_KEYS, "")


def test_every_table_of_the_zone_has_keys_and_no_other() -> None:
    assert set(KEYS) == {table.name for table in (*EVENT_TABLES, *DERIVED_TABLES)}
    for event in EVENT_TABLES:
        table = event.table()
        keys = keys_of(table)
        assert keys is KEYS[table.name]
        assert keys.sort == event.time
        assert keys.spread in (*table.schema.names, ALL, EVEN)
    for derived in DERIVED_TABLES:
        assert KEYS[derived.name].sort == derived.time


def test_a_table_is_spread_and_sorted_by_its_keys() -> None:
    assert ddl.create_table("ward", VITALS) == (
        'CREATE TABLE IF NOT EXISTS "ward"."vitals" ("event_id" VARCHAR(256), "entity_id" VARCHAR(256), '
        '"observed_at" TIMESTAMP, "heart_rate" DOUBLE PRECISION, "event_date" VARCHAR(64), "hour" VARCHAR(64)) '
        'DISTKEY ("entity_id") SORTKEY ("observed_at")'
    )


def test_a_table_that_nobody_knows_is_spread_as_redshift_likes() -> None:
    assert ddl.create_table("ward", _table("x", ("a", pa.int32()))).endswith('DISTSTYLE AUTO SORTKEY ("event_date")')


def test_all_columns_of_the_zone_have_types() -> None:
    for event in EVENT_TABLES:
        kinds = ddl.columns_of(event.table())
        assert kinds["observed_at"] == "TIMESTAMP"
        assert kinds.get("candidates", "SUPER") == "SUPER"
    assert ddl.redshift_type(pa.string(), "description") == "VARCHAR(8192)"
    assert ddl.redshift_type(pa.string(), "of nobody") == "VARCHAR(8192)"
    assert ddl.redshift_type(pa.decimal128(10, 2)) == "DECIMAL(10,2)"
    with pytest.raises(WarehouseError, match="no type"):
        ddl.redshift_type(pa.duration("s"))


def test_names_and_texts_cannot_end_early() -> None:
    assert ddl.quoted('a" b') == '"a"" b"'
    assert ddl.literal("it's") == "'it''s'"
    for text in ("a\\' OR 1=1", "a\nb"):
        with pytest.raises(WarehouseError):
            ddl.literal(text)


def test_a_file_with_a_column_that_the_catalogue_does_not_have_is_refused() -> None:
    with pytest.raises(WarehouseError, match="does not have"):
        ddl.create_stage("stage", VITALS, ["event_id", "other"])
