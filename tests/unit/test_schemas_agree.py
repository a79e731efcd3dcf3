"""One contract, four schemas beside it: Spark, Arrow, Glue and JSON have the same fields of the same types."""

from __future__ import annotations

import pyarrow as pa
import pytest
from health_catalog import raw_table
from health_catalog.hive import hive_type
from health_events import EVENTS, Event
from health_simulator.openapi import json_schema
from health_streaming.spark_schema import raw_schema, wire_schema
from pyspark.sql.pandas.types import to_arrow_schema

JSON_TYPES = {"string": "string", "boolean": "boolean", "int": "integer", "bigint": "integer", "double": "number"}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
class TestSchemas:
    def test_spark_writes_the_columns_that_the_catalogue_registers(self, event: Event) -> None:
        spark, table = to_arrow_schema(raw_schema(event), timezone="UTC"), raw_table(event).schema
        assert [(field.name, _bare(field.type)) for field in spark] == [(item.name, _bare(item.type)) for item in table]

    def test_glue_and_spark_call_the_types_by_the_same_names(self, event: Event) -> None:
        named = {field.name: field.dataType.simpleString() for field in raw_schema(event)}
        assert named == {field.name: hive_type(field.type) for field in raw_table(event).schema}

    def test_json_has_the_types_that_spark_reads(self, event: Event) -> None:
        properties = json_schema(event)["properties"]
        assert set(properties) == {field.name for field in event.fields}
        for field in wire_schema(event):
            kind = field.dataType.simpleString()
            assert JSON_TYPES.get(kind, "array") in str(properties[field.name]["type"]), field.name

    def test_what_may_be_null_is_the_contracts_word(self, event: Event) -> None:
        nullable = {field.name for field in event.fields if field.nullable}
        assert nullable == {field.name for field in raw_table(event).schema if field.nullable} - {
            "kafka_partition", "kafka_offset", "kafka_timestamp", "source_cursor",
        }  # fmt: skip
        assert set(json_schema(event)["required"]) == {field.name for field in event.fields} - nullable


def _bare(kind: pa.DataType) -> str:
    """A type without nullability, which Spark does not enforce, and with one word for UTC."""
    return str(kind).replace(" not null", "").replace("element: ", "item: ")
