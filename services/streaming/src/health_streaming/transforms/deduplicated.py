"""An event's rows, each once."""

from __future__ import annotations

from health_events import Event
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

# Nothing in the lake is a canary: landing keeps them out.
_NOT_KEPT = {"canary"}
_ORIGIN = ("kafka_partition", "kafka_offset", "kafka_timestamp")


def event_columns(event: Event) -> list[str]:
    """The columns of an event's transformed table: the contract's, and where on Kafka the row came from."""
    return [field.name for field in event.fields if field.name not in _NOT_KEPT] + list(_ORIGIN)


def deduplicated(rows: DataFrame, event: Event) -> DataFrame:
    """One row per event id and hour: the one that was first on Kafka.

    The winner does not depend on the order in which rows are taken in, so taking some in again changes nothing. Copies
    of an event that differ in the hour of ``observed_at`` break the contract (the same reading has the same time); they
    are kept once in each of these hours, because an hour is made without looking at any other.
    """
    hour = F.date_trunc("hour", "observed_at")
    arrival = Window.partitionBy(hour, "event_id").orderBy("kafka_timestamp", "kafka_partition", "kafka_offset")
    is_first = F.col("arrival") == 1
    columns = event_columns(event)
    return rows.select(*columns).withColumn("arrival", F.row_number().over(arrival)).where(is_first).select(*columns)
