"""Tables as this system describes them, and those of the raw zone, derived from the contract; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from health_events import Event, Field, ListOf, Primitive, Struct, WireType

from health_catalog.hive import TIMESTAMP

RAW, TRANSFORMED = "raw", "transformed"

# Under which key a column's comment is kept in its Arrow field's metadata.
COMMENT = "comment"

_PRIMITIVES: dict[Primitive, pa.DataType] = {
    Primitive.STRING: pa.string(),
    Primitive.INTEGER: pa.int32(),
    Primitive.LONG: pa.int64(),
    Primitive.DOUBLE: pa.float64(),
    Primitive.BOOLEAN: pa.bool_(),
    Primitive.TIMESTAMP: TIMESTAMP,
}


@dataclass(frozen=True)
class Table:
    """A table of the lake.

    ``schema`` is that of its files and holds no partition key; those are strings and live in the folders' names. A
    field's comment is its metadata ``comment`` (see ``column``).
    """

    zone: str
    name: str
    schema: pa.Schema
    partition_keys: tuple[str, ...]
    doc: str


@dataclass(frozen=True)
class Partition:
    """One folder of files. ``values`` in the order of the table's partition keys, ``location`` as ``s3://...``."""

    values: tuple[str, ...]
    location: str


def column(name: str, kind: pa.DataType, comment: str, *, nullable: bool = True) -> pa.Field[Any]:
    """A column with the comment that the catalogue shows."""
    return pa.field(name, kind, nullable, metadata={COMMENT: comment})


def arrow_schema(event: Event) -> pa.Schema:
    """The contract's fields in their order; times are timestamp[us, UTC]."""
    return pa.schema([_column(field) for field in event.fields])


def raw_table(event: Event) -> Table:
    """The event's table in the raw zone: its fields, then where on Kafka and in the source it came from."""
    fields = [
        *arrow_schema(event),
        column("kafka_partition", pa.int32(), "Partition of the topic that it was read from"),
        column("kafka_offset", pa.int64(), "Its offset in that partition; the pair is unique in the table"),
        column("kafka_timestamp", TIMESTAMP, "Kafka's own time; the folder's date and hour are made from it"),
        column("source_cursor", pa.string(), "The source's own position of the item"),
    ]
    return Table(RAW, event.name, pa.schema(fields), ("ingest_date", "hour"), event.doc)


def _column(field: Field) -> pa.Field[Any]:
    unit = f" [{field.unit}]" if field.unit else ""
    codes = "; ".join(f"{system} {code}" for system, code in field.codes)
    comment = f"{field.doc}{unit}{f' ({codes})' if codes else ''}"
    return column(field.name, _arrow_type(field.type), comment, nullable=field.nullable)


def _arrow_type(kind: WireType) -> pa.DataType:
    if isinstance(kind, ListOf):
        return pa.list_(_arrow_type(kind.item))
    if isinstance(kind, Struct):
        # Nullable all the same: neither Glue nor Spark's rows can say otherwise inside of a list.
        return pa.struct([(field.name, _arrow_type(field.type)) for field in kind.fields])
    return _PRIMITIVES[kind]
