"""Rows of every event as the raw zone may hold them, made by chance from the contract; the same seed, the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from health_catalog import RAW, lake_filesystem, object_path, raw_table
from health_events import DEAD_LETTERS, EVENTS, Event, Field, ListOf, Primitive, Struct, WireType
from health_pipeline.settings import LakeSettings
from health_streaming import late

TEN = datetime(2026, 11, 22, 10, tzinfo=UTC)
LANDED = tuple(event for event in EVENTS if event is not DEAD_LETTERS)
_ROWS, _IDS, _HOURS = 120, 40, 3
_NULLS = 0.15


def land(settings: LakeSettings, increment: int) -> None:
    """One file of each event; the next increment has more of the same hours, and some of the same events."""
    files = lake_filesystem(settings)
    for event in LANDED:
        rows = list(_rows(event, increment))
        table = pa.Table.from_pylist(rows, schema=raw_table(event).schema)
        folder = f"{object_path(settings.table_uri(RAW, event.name))}/ingest_date=2026-11-22/hour=13"
        first, last = rows[0]["kafka_offset"], rows[-1]["kafka_offset"]
        late.tell(settings, files, event.name, date(2026, 11, 22), datetime.now(UTC).date())
        pq.write_table(table, f"{folder}/part-0-{first}-{last}.parquet", filesystem=files)


def _rows(event: Event, increment: int) -> Iterator[dict[str, Any]]:
    chance = Random(f"{event.name}-{increment}")
    for number in range(_ROWS):
        # What is said twice is said alike: the second time is a repetition.
        name = chance.randrange(_IDS * (increment + 1))
        row = {field.name: _value(field, Random(f"{event.name}-{name}-{field.name}")) for field in event.fields}
        offset = increment * _ROWS + number
        yield row | {
            "event_id": f"{event.name}-{name}",
            "kafka_partition": 0,
            "kafka_offset": offset,
            "kafka_timestamp": TEN + timedelta(hours=3, milliseconds=offset),
            "source_cursor": str(offset),
        }


def _value(field: Field, chance: Random) -> Any:
    if field.nullable and chance.random() < _NULLS:
        return None
    if field.values:
        return chance.choice(field.values)
    if field.type is Primitive.STRING:
        stem = {"alert_id": "alerts"}.get(field.name, field.name)
        return f"{stem}-{chance.randrange(_IDS)}"
    return _other(field.type, field, chance)


def _other(kind: WireType, field: Field, chance: Random) -> Any:
    if isinstance(kind, ListOf):
        return [_other(kind.item, field, chance) for _ in range(chance.randrange(3))]
    if isinstance(kind, Struct):
        return {each.name: _value(each, chance) for each in kind.fields}
    low = field.minimum or 0
    high = max(low, min(1000, field.maximum or 1000))
    values = {
        Primitive.STRING: f"{field.name}-{chance.randrange(_IDS)}",
        Primitive.TIMESTAMP: TEN + timedelta(milliseconds=chance.randrange(_HOURS * 3_600_000)),
        Primitive.BOOLEAN: chance.random() < 0.5,
        # Quarters: their sums are exact in whatever order they are made.
        Primitive.DOUBLE: chance.randint(int(low * 4), int(high * 4)) / 4,
    }
    return values.get(kind, chance.randint(int(low), int(high)))
