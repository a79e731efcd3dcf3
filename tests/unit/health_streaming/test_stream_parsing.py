"""Spark's reading of a record agrees with the contract's own, on good records and on every kind of bad one."""

from __future__ import annotations

import pytest
from health_events import EVENTS, VITALS, Event
from health_streaming.parsing import valid
from health_streaming.spark_schema import wire_schema
from pyspark.sql import SparkSession

from tests.unit.health_streaming.spoilt import GOOD, NEARLY_JSON, all_spoilt, reason

pytestmark = pytest.mark.spark


def _valid(spark: SparkSession, event: Event, values: list[bytes]) -> set[int]:
    rows = spark.createDataFrame([(at, bytearray(value)) for at, value in enumerate(values)], "at int, value binary")
    return {row["at"] for row in valid(rows, event, "at").collect()}


def test_what_is_not_quite_json_is_judged_as_the_contract_judges_it(spark: SparkSession) -> None:
    found = _valid(spark, VITALS, NEARLY_JSON)
    for at, value in enumerate(NEARLY_JSON):
        assert (at in found) == (not reason(VITALS, value)), value


def test_the_same_records_pass_as_pass_the_contract(spark: SparkSession) -> None:
    records = all_spoilt()
    assert len(records) > 500
    for event in EVENTS:
        values = [value for each, value in records if each is event]
        found = _valid(spark, event, values) if values else set()
        for at, value in enumerate(values):
            assert (at in found) == (not reason(event, value)), value


def test_a_good_record_has_its_values_and_what_is_kept_beside_it(spark: SparkSession) -> None:
    rows = spark.createDataFrame([(7, bytearray(GOOD.encode())), (8, None)], "at int, value binary")
    (row,) = valid(rows, VITALS, "at").collect()
    assert row.__fields__ == ["at", *wire_schema(VITALS).names]
    assert (row["at"], row.observed_at, row.longitude, row.spo2) == (7, 1_700_000_000_000, 2.0, None)
