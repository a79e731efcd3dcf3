"""What landing takes from Kafka: records as they came, and where they came from; pure Spark SQL, no parsing."""

from __future__ import annotations

from collections.abc import Mapping

from health_events import DEAD_LETTERS, Event, Header
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

# Columns that say where a row came from, as the raw zone names them.
ORIGIN = ("kafka_partition", "kafka_offset", "kafka_timestamp", "source_cursor")


def from_kafka(rows: DataFrame, topics: Mapping[str, Event]) -> DataFrame:
    """Rows of Kafka's source, with headers, to the columns ``event`` (its name), ORIGIN, ``value``, ``dead_letters``.

    ``topics`` maps a topic to its event and includes that of the dead letters. ``value`` is the record's bytes. What is
    in that topic was judged by somebody else: it has no ``value`` but is a row of its table already, ``dead_letters``.
    """
    rows = rows.where(F.col("topic").isin(*topics))
    events = [F.when(F.col("topic") == topic, F.lit(event.name)) for topic, event in topics.items()]
    is_dead = F.col("topic").isin(*(topic for topic, event in topics.items() if event is DEAD_LETTERS))
    return rows.select(
        F.coalesce(*events).alias("event"),
        F.col("partition").alias("kafka_partition"),
        F.col("offset").alias("kafka_offset"),
        F.col("timestamp").alias("kafka_timestamp"),
        _header(Header.CURSOR).alias("source_cursor"),
        F.when(~is_dead, F.col("value")).alias("value"),
        F.when(is_dead, _dead_letter()).alias(DEAD_LETTERS.name),
    )


def _dead_letter() -> Column:
    is_text = F.coalesce(F.is_valid_utf8("value"), F.lit(True))
    payload = F.when(is_text, F.col("value").cast("string")).otherwise(F.base64("value"))
    return F.struct(
        F.coalesce(_header(Header.SOURCE), F.lit("unknown")).alias("source"),
        F.coalesce(_header(Header.REASON), F.lit("no reason given")).alias("reason"),
        F.when(is_text, "utf-8").otherwise("base64").alias("encoding"),
        F.coalesce(payload, F.lit("")).alias("payload"),
    )


def _header(name: str) -> Column:
    # Nearly always the wanted header is the first one, and a look costs less than a search.
    first = F.get("headers", F.lit(0))
    found = F.get(F.filter("headers", lambda header: header["key"] == name), F.lit(0))
    return F.when(first["key"] == name, first["value"]).otherwise(found["value"]).cast("string")
