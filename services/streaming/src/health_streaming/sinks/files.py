"""Rows as landing takes them from Kafka to the files of the raw zone: which rows go where, under which name; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from health_events import DEAD_LETTERS, by_name

from health_streaming.dead_letters import dead_letters
from health_streaming.intake import ORIGIN
from health_streaming.reading import read

_CANARY = "canary"


@dataclass(frozen=True)
class Part:
    """The rows of one file to be. ``hour`` is (date, hour) as in the folder's name, UTC."""

    table: str
    hour: tuple[str, str]
    file_name: str
    rows: pa.Table


@dataclass
class _Hour:
    """What was read from one partition of a topic within an hour: the range of its offsets, its rows by table."""

    first: int
    last: int
    tables: dict[str, list[pa.Table]] = field(default_factory=dict)

    def add(self, event: str, rows: pa.Table) -> None:
        offsets: Any = pc.min_max(rows["kafka_offset"]).as_py()
        self.first, self.last = min(self.first, offsets["min"]), max(self.last, offsets["max"])
        for name, table in _tables(event, rows):
            self.tables.setdefault(name, []).append(table)


def parts(batches: Iterable[pa.RecordBatch]) -> Iterator[Part]:
    """Split rows (as of ``intake.from_kafka``) into files: by event, by partition, by hour of Kafka's timestamp.

    The range of offsets in a name is that of all the rows of the hour, so it does not hang on which of them are kept.
    """
    found: dict[tuple[str, int, Any], _Hour] = {}
    for batch in batches:
        for key, rows in _by_hour(pa.Table.from_batches([batch])):
            first: int = rows["kafka_offset"][0].as_py()
            found.setdefault(key, _Hour(first, first)).add(key[0], rows)
    for (event, partition, start), hour in found.items():
        folder = (start.strftime("%Y-%m-%d"), start.strftime("%H"))
        for name, tables in hour.tables.items():
            prefix = "part" if name == event else event
            yield Part(name, folder, f"{prefix}-{partition}-{hour.first}-{hour.last}.parquet", pa.concat_tables(tables))


def _by_hour(rows: pa.Table) -> Iterator[tuple[tuple[str, int, Any], pa.Table]]:
    hours = pc.floor_temporal(rows["kafka_timestamp"], unit="hour")
    keys = pa.Table.from_arrays([rows["event"], rows["kafka_partition"], hours], ["event", "partition", "hour"])
    distinct: list[dict[str, Any]] = keys.group_by(keys.column_names).aggregate([]).to_pylist()
    for key in distinct:
        is_in = pc.and_(pc.equal(rows["event"], key["event"]), pc.equal(hours, pa.scalar(key["hour"], hours.type)))
        is_in = pc.and_(is_in, pc.equal(rows["kafka_partition"], key["partition"]))
        yield tuple(key.values()), rows.filter(is_in) if len(distinct) > 1 else rows


def _tables(event: str, rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """The rows of one event by the table that they belong to; canaries belong to none."""
    origin = rows.select(list(ORIGIN))
    if event == DEAD_LETTERS.name:
        struct: Any = rows[event].combine_chunks()
        yield event, _beside(pa.Table.from_arrays(struct.flatten(), [each.name for each in struct.type]), origin)
        return
    values: Any = rows["value"].combine_chunks()
    records = read(values, by_name(event))
    good = _beside(records.good, origin.take(records.at) if len(records.reasons) else origin)
    if _CANARY in good.column_names:
        canary: Any = good[_CANARY]
        good = good.filter(pc.invert(pc.fill_null(canary, False)))
    if good.num_rows:
        yield event, good
    if len(records.reasons):
        dead = dead_letters(event, values.take(records.broken_at), records.reasons)
        yield DEAD_LETTERS.name, _beside(dead, origin.take(records.broken_at))


def _beside(columns: pa.Table, origin: pa.Table) -> pa.Table:
    return pa.Table.from_arrays([*columns.columns, *origin.columns], [*columns.column_names, *origin.column_names])
