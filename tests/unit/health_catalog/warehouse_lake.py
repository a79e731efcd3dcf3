"""A transformed zone in a folder, with a catalogue in memory, for tests of the warehouse."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
from health_catalog import GlueCatalog, Partition, Table, column
from health_catalog.hive import TIMESTAMP
from health_catalog.warehouse.lake import Lake
from health_pipeline.settings import LakeSettings
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

Hour = tuple[str, str]
Row = tuple[Any, ...]

KEYS = ("event_date", "hour")
SETTINGS = LakeSettings(pipeline="ward", lake="s3://lake", database="ward")
CANDIDATES = pa.list_(pa.struct([("vehicle_id", pa.string()), ("distance_km", pa.float64())]))
VITALS = Table(
    "transformed",
    "vitals",
    pa.schema(
        [
            column("event_id", pa.string(), "Unique"),
            column("entity_id", pa.string(), "The patient"),
            column("observed_at", TIMESTAMP, "When"),
            column("heart_rate", pa.float64(), "[/min]"),
        ]
    ),
    KEYS,
    "Readings",
)
DISPATCHES = Table(
    "transformed",
    "dispatches",
    pa.schema(
        [
            column("alert_id", pa.string(), "The alert"),
            column("observed_at", TIMESTAMP, "When"),
            column("candidates", CANDIDATES, "Who could have been sent"),
        ]
    ),
    KEYS,
    "Decisions",
)


class Catalogue:
    """What a GlueCatalog knows, as far as the loader asks it."""

    def __init__(self, tables: Iterable[Table]) -> None:
        self.known = {table.name: table for table in tables}
        self.locations: dict[str, dict[tuple[str, ...], str]] = {name: {} for name in self.known}

    def tables(self, zone: str) -> list[Table]:
        return [table for table in self.known.values() if table.zone == zone]

    def partitions(self, table: Table) -> list[Partition]:
        return [Partition(values, location) for values, location in sorted(self.locations[table.name].items())]

    def some_partitions(self, table: Table, values: Iterable[tuple[str, ...]]) -> list[Partition]:
        wanted = set(values)
        return [partition for partition in self.partitions(table) if partition.values in wanted]


class Zone:
    """The zone: ``commit`` writes an hour anew and switches to it, as the transform does."""

    def __init__(self, folder: Path, tables: Sequence[Table] = (VITALS, DISPATCHES)) -> None:
        self.filesystem = SubTreeFileSystem(str(folder), LocalFileSystem())
        self.catalogue = Catalogue(tables)
        self.lake = Lake(SETTINGS, cast(GlueCatalog, self.catalogue), self.filesystem)
        self.written: dict[str, list[dict[str, Any]]] = {}
        self._runs: Iterator[int] = itertools.count(1)

    def commit(self, table: Table, hour: Hour, rows: int, files: int = 1, schema: pa.Schema | None = None) -> str:
        """So many rows, new ones; the hour's new location."""
        run = next(self._runs)
        location = f"{SETTINGS.table_uri('transformed', table.name)}/event_date={hour[0]}/hour={hour[1]}/run={run:04}"
        made = [row_of(table, hour, run, number) for number in range(rows)]
        for number in range(files):
            part = pa.Table.from_pylist(made[number::files], schema or table.schema)
            path = f"{location.removeprefix('s3://')}/part-{number}.parquet"
            self.filesystem.create_dir(path.rpartition("/")[0], recursive=True)
            pq.write_table(part, path, filesystem=self.filesystem)
        names = (schema or table.schema).names
        self.written[location] = [{name: row.get(name) for name in names} for row in made]
        self.catalogue.locations[table.name][hour] = location
        return location

    def delete(self, location: str) -> None:
        """As the transform does with what it has replaced a run ago."""
        self.filesystem.delete_dir(location.removeprefix("s3://"))

    def rows(self, table: Table) -> Counter[str]:
        """All rows of the table as text, with their partition, and how often each is there."""
        pairs = self.catalogue.locations[table.name].items()
        return self.rows_at(table, [("/".join(hour), location) for hour, location in pairs])

    def rows_at(self, table: Table, partitions: Iterable[tuple[str, str]]) -> Counter[str]:
        """The same of these partitions, each as text with a location that it has or had."""
        names = self.catalogue.known[table.name].schema.names
        return Counter(
            text_of([*(row.get(name) for name in names), *partition.split("/")])
            for partition, location in partitions
            for row in self.written[location]
        )


def row_of(table: Table, hour: Hour, run: int, number: int) -> dict[str, Any]:
    """A row of the hour that no other run has."""
    moment = datetime.fromisoformat(f"{hour[0]}T{hour[1]}:00:00").replace(tzinfo=UTC, minute=number % 60)
    text = f"{table.name}-{hour[0]}-{hour[1]}-{run}-{number}"
    return {
        "event_id": text,
        "alert_id": text,
        "entity_id": 'patient\'s "own"',
        "observed_at": moment,
        "heart_rate": 60.0 + number,
        "candidates": [{"vehicle_id": "v1", "distance_km": 1.5}],
        "area": "north",
    }


def text_of(values: Iterable[Any]) -> str:
    """Values as one text, whatever types an engine gives them."""
    return " ".join(_text(value) for value in values)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    return repr(value)
