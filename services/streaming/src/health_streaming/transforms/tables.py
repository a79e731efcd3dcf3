"""Every table of the transformed zone, described once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import pyarrow as pa
from health_catalog import TRANSFORMED, Table, column, raw_table
from health_events import DEAD_LETTERS, EVENTS, Event
from pyspark.sql import DataFrame
from pyspark.sql.types import StructType

from health_streaming.spark_schema import arrow_type, raw_schema
from health_streaming.transforms.city_hourly import city_hourly
from health_streaming.transforms.deduplicated import event_columns
from health_streaming.transforms.described import COMMENT
from health_streaming.transforms.dispatch_outcomes import dispatch_outcomes
from health_streaming.transforms.vitals_minute import vitals_minute

PARTITION_KEYS = ("event_date", "hour")

# An event's table has the event's name, except where people ask for it by another.
_RENAMED = {"vehicles": "vehicle_positions"}


@dataclass(frozen=True)
class EventTable:
    """The rows of one event, typed, each once."""

    event: Event
    time: str = "observed_at"

    @property
    def name(self) -> str:
        """Its name in the catalogue."""
        return _RENAMED.get(self.event.name, self.event.name)

    def schema(self) -> StructType:
        """Its columns as Spark reads them, partition keys left out."""
        raw = raw_schema(self.event)
        return StructType([raw[name] for name in event_columns(self.event)])

    def table(self) -> Table:
        """As the catalogue wants it."""
        schema = raw_table(self.event).schema
        kept = pa.schema([schema.field(name) for name in event_columns(self.event)])
        return Table(TRANSFORMED, self.name, kept, PARTITION_KEYS, f"{self.event.doc}. Each event once")


@dataclass(frozen=True)
class DerivedTable:
    """A table made of event tables, hour by hour.

    ``time`` is the column whose hour it is partitioned by, ``inputs`` are event names, and ``build`` maps the rows of
    some hours of these to the table's rows of the same hours.
    """

    name: str
    doc: str
    time: str
    inputs: tuple[str, ...]
    build: Callable[[Mapping[str, DataFrame]], DataFrame]

    def table(self, no_rows: Mapping[str, DataFrame]) -> Table:
        """As the catalogue wants it. ``no_rows`` are its inputs without rows: what ``build`` makes of them tells it."""
        columns = [
            column(field.name, arrow_type(field.dataType), field.metadata.get(COMMENT, ""))
            for field in self.build(no_rows).schema
        ]
        return Table(TRANSFORMED, self.name, pa.schema(columns), PARTITION_KEYS, self.doc)


# A dead letter has no time of its own and is read where it is.
EVENT_TABLES = tuple(EventTable(event) for event in EVENTS if event is not DEAD_LETTERS)

DERIVED_TABLES = (
    DerivedTable(
        "vitals_minute",
        "Vital signs per patient and minute, with the partial NEWS2 score of the minute's worst readings",
        "minute",
        ("vitals",),
        vitals_minute,
    ),
    DerivedTable(
        "dispatch_outcomes",
        "What became of each alert: the last decision about it, the vehicle and its distance, how long it took",
        "observed_at",
        ("alerts", "dispatches"),
        dispatch_outcomes,
    ),
    DerivedTable(
        "city_hourly",
        "The city per hour: weather, traffic, incidents, alerts and dispatches",
        "starts_at",
        ("weather", "gps", "cameras", "emergencies", "alerts", "dispatches"),
        city_hourly,
    ),
)


def derived_tables(landed: Collection[str]) -> list[DerivedTable]:
    """Those that have an input among the landed events; inputs that are not landed are empty to them."""
    return [table for table in DERIVED_TABLES if any(name in landed for name in table.inputs)]
