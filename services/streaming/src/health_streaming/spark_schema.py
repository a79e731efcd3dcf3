"""Spark's view of the contract: the schema of an event on the wire and of its rows in the lake."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
from health_catalog.hive import TIMESTAMP
from health_events import Event, Field, ListOf, Primitive, Struct, WireType
from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    DoubleType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

# Where a row came from: the columns of the raw zone that are not the contract's.
ORIGIN = StructType(
    [
        StructField("kafka_partition", IntegerType()),
        StructField("kafka_offset", LongType()),
        StructField("kafka_timestamp", TimestampType()),
        StructField("source_cursor", StringType()),
    ]
)

_LAKE: Mapping[Primitive, DataType] = {
    Primitive.STRING: StringType(),
    Primitive.INTEGER: IntegerType(),
    Primitive.LONG: LongType(),
    Primitive.DOUBLE: DoubleType(),
    Primitive.BOOLEAN: BooleanType(),
    Primitive.TIMESTAMP: TimestampType(),
}
_WIRE = {**_LAKE, Primitive.TIMESTAMP: LongType()}
_ARROW: Mapping[DataType, pa.DataType] = {
    StringType(): pa.string(),
    IntegerType(): pa.int32(),
    LongType(): pa.int64(),
    DoubleType(): pa.float64(),
    BooleanType(): pa.bool_(),
    TimestampType(): TIMESTAMP,
}


def wire_schema(event: Event) -> StructType:
    """What the JSON of an event parses to: a time is a whole number of milliseconds. Everything may be null."""
    return _struct(event.fields, _WIRE)


def lake_schema(event: Event) -> StructType:
    """The columns of an event in the lake, without where it came from: a time is a timestamp."""
    return _struct(event.fields, _LAKE)


def raw_schema(event: Event) -> StructType:
    """The columns of the event's table in the raw zone, partition keys left out."""
    return StructType(lake_schema(event).fields + ORIGIN.fields)


def arrow_type(kind: DataType) -> pa.DataType:
    """Arrow's type for one of Spark's that our tables have; KeyError for any other. PySpark's own is not public."""
    return pa.list_(arrow_type(kind.elementType)) if isinstance(kind, ArrayType) else _ARROW[kind]


def _struct(fields: tuple[Field, ...], scalars: Mapping[Primitive, DataType]) -> StructType:
    return StructType([StructField(field.name, _type(field.type, scalars)) for field in fields])


def _type(kind: WireType, scalars: Mapping[Primitive, DataType]) -> DataType:
    if isinstance(kind, ListOf):
        return ArrayType(_type(kind.item, scalars))
    if isinstance(kind, Struct):
        return _struct(kind.fields, scalars)
    return scalars[kind]
