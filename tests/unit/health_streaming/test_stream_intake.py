"""What landing takes from Kafka: every record as it came, dead letters with their headers."""

from __future__ import annotations

import pytest
from health_events import DEAD_LETTERS, EVENTS, VITALS
from health_events import topic_name as topic
from health_streaming.intake import from_kafka
from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

KAFKA = (
    "value binary, topic string, partition int, offset bigint, timestamp timestamp, "
    "headers array<struct<key: string, value: binary>>"
)
TOPICS = {topic("p", event): event for event in EVENTS}


def test_a_record_is_as_it_came(spark: SparkSession) -> None:
    rows = [
        (bytearray(b"\xff{"), topic("p", VITALS), 3, 9, None, [("x", None), ("cursor", bytearray(b"7"))]),
        (bytearray(b"{}"), "p.strange", 3, 9, None, None),
    ]
    (row,) = from_kafka(spark.createDataFrame(rows, KAFKA), TOPICS).collect()
    assert (row.event, row.kafka_partition, row.kafka_offset, row.source_cursor) == ("vitals", 3, 9, "7")
    assert (row.value, row.dead_letters) == (b"\xff{", None)


def test_a_dead_letter_has_its_headers(spark: SparkSession) -> None:
    headers = [("reason", bytearray(b"odd")), ("source", bytearray(b"gps")), ("cursor", bytearray(b"9"))]
    rows = [
        (bytearray(b"\x00\xff"), topic("p", DEAD_LETTERS), 0, 0, None, headers),
        (bytearray(b"text"), topic("p", DEAD_LETTERS), 0, 1, None, None),
        (None, topic("p", DEAD_LETTERS), 0, 2, None, None),
    ]
    found = from_kafka(spark.createDataFrame(rows, KAFKA), TOPICS).orderBy("kafka_offset").collect()
    assert [tuple(row.dead_letters) for row in found] == [
        ("gps", "odd", "base64", "AP8="),
        ("unknown", "no reason given", "utf-8", "text"),
        ("unknown", "no reason given", "utf-8", ""),
    ]
    assert (found[0].source_cursor, found[0].value) == ("9", None)
