"""Tables as Redshift writes them; pure.

Types: https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-columnar.html. Times are TIMESTAMP, in
UTC like everything in the lake: that is what a Parquet timestamp is loaded into. Lists and records are SUPER.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import pyarrow as pa
from health_events import DEAD_LETTERS, EVENTS

from health_catalog.hive import TIMESTAMP
from health_catalog.schemas import Table
from health_catalog.warehouse.engine import WarehouseError
from health_catalog.warehouse.keys import ALL, AUTO, EVEN, keys_of

LEDGER = "load_ledger"

# Redshift counts bytes where the contract counts characters, of which one can have four, and it makes room for the
# widest that a column can be. Dead letters, which can be of any length, are in no table of this zone.
_TEXTS = [field for event in EVENTS if event is not DEAD_LETTERS for field in event.fields]
_WIDEST = 4 * max(field.max_length for field in _TEXTS)
_KEY = "VARCHAR(64)"

_TYPES: dict[pa.DataType, str] = {
    pa.bool_(): "BOOLEAN",
    pa.int8(): "SMALLINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float32(): "REAL",
    pa.float64(): "DOUBLE PRECISION",
    pa.date32(): "DATE",
    TIMESTAMP: "TIMESTAMP",
}


def quoted(name: str) -> str:
    """An identifier, whatever it holds."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def qualified(schema: str, name: str) -> str:
    """``"schema"."name"``."""
    return f"{quoted(schema)}.{quoted(name)}"


def literal(text: str) -> str:
    """Text where a statement takes no parameter, as COPY does; WarehouseError for what no name of ours has.

    A backslash means something in Redshift's texts, so there must be none.
    """
    if "\\" in text or not text.isprintable():
        raise WarehouseError(f"{text!r} cannot be written into a statement")
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def redshift_type(kind: pa.DataType, name: str = "") -> str:
    """The type that COPY loads Arrow's into; a text is as wide as the contract lets a field of this name be."""
    if isinstance(kind, pa.Decimal128Type):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if pa.types.is_nested(kind):
        return "SUPER"
    if kind == pa.string():
        return f"VARCHAR({max((4 * field.max_length for field in _TEXTS if field.name == name), default=_WIDEST)})"
    if kind not in _TYPES:
        raise WarehouseError(f"Redshift has no type for {kind}")
    return _TYPES[kind]


def has_nested(table: Table) -> bool:
    """Whether a column of it is a list or a record."""
    return any(pa.types.is_nested(field.type) for field in table.schema)


def create_schema(schema: str) -> str:
    """The schema, if it is not there."""
    return f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}"


def create_ledger(schema: str) -> str:
    """The ledger, if it is not there: a row for each partition that is loaded."""
    return (
        f"CREATE TABLE IF NOT EXISTS {qualified(schema, LEDGER)} (table_name VARCHAR(127) NOT NULL, "
        "partition_values VARCHAR(256) NOT NULL, location VARCHAR(1024) NOT NULL, load_id VARCHAR(64) NOT NULL, "
        "row_count BIGINT NOT NULL, loaded_at TIMESTAMP NOT NULL DEFAULT GETDATE()) "
        f"{ALL} SORTKEY (table_name, partition_values)"
    )


def create_table(schema: str, table: Table) -> str:
    """The table, if it is not there; its partition keys are its last columns."""
    keys = keys_of(table)
    spread = keys.spread if keys.spread in (ALL, AUTO, EVEN) else f"DISTKEY ({quoted(keys.spread)})"
    columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns_of(table).items())
    name = qualified(schema, table.name)
    return f"CREATE TABLE IF NOT EXISTS {name} ({columns}) {spread} SORTKEY ({quoted(keys.sort)})"


def add_columns(schema: str, table: Table, there: Collection[str]) -> list[str]:
    """A statement for each column that the table has and Redshift's has not: it takes one at a time."""
    name = qualified(schema, table.name)
    missing = ((column, kind) for column, kind in columns_of(table).items() if column not in there)
    return [f"ALTER TABLE {name} ADD COLUMN {quoted(column)} {kind}" for column, kind in missing]


def create_stage(name: str, table: Table, columns: Iterable[str]) -> str:
    """A table for the session, with the columns of some files in their order, which is what COPY goes by."""
    kinds = columns_of(table)
    columns = list(columns)
    if unknown := sorted(set(columns) - set(table.schema.names)):
        raise WarehouseError(f"{table.name} has files with columns that the catalogue does not have: {unknown}")
    listed = ", ".join(f"{quoted(column)} {kinds[column]}" for column in columns)
    return f"CREATE TEMP TABLE {quoted(name)} ({listed})"


def columns_of(table: Table) -> dict[str, str]:
    """Its columns and then its partition keys, with their types."""
    kinds = {field.name: redshift_type(field.type, field.name) for field in table.schema}
    return kinds | dict.fromkeys(table.partition_keys, _KEY)


def external_schema(name: str, database: str, role: str, region: str) -> str:
    """A schema over a Glue database: Redshift reads the lake's own files (Spectrum)."""
    return (
        f"CREATE EXTERNAL SCHEMA IF NOT EXISTS {quoted(name)} FROM DATA CATALOG DATABASE {literal(database)} "
        f"REGION {literal(region)} IAM_ROLE {literal(role)}"
    )
