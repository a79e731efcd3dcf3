"""Landing's reading of records, by what is wrong with how many of them; in memory, in the CPU time of one core."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
from health_events import VITALS
from health_streaming.sinks.files import parts

from tests.bench.load import NORMAL, vital
from tests.bench.stage import Stage

RECORDS, AT_ONCE, TIMES = 100_000, 20_000, 3
# A share of records, and how each of them is spoilt.
BROKEN: Mapping[str, tuple[float, Callable[[bytes], bytes]]] = {
    "all good": (0, bytes),
    "1 % out of range": (0.01, lambda value: value.replace(b"72.0", b"999")),
    "all out of range": (1, lambda value: value.replace(b"72.0", b"999")),
    "1 % of a wrong type": (0.01, lambda value: value.replace(b"72.0", b'"x"')),
    "10 % of a wrong type": (0.1, lambda value: value.replace(b"72.0", b'"x"')),
    "all of a wrong type": (1, lambda value: value.replace(b"72.0", b'"x"')),
    "all cut off": (1, lambda value: value[:-9]),
}


def measure(_stage: Stage) -> dict[str, int]:
    """Rows a CPU second, from Kafka's bytes to the rows of the files, dead letters included."""
    city = random.Random(7)
    good = [json.dumps(vital(number, NORMAL, 1000, city)).encode() for number in range(RECORDS)]
    found = {}
    for how, (share, spoil) in BROKEN.items():
        values = [spoil(value) if city.random() < share else value for value in good]
        batches = [_batch(values[start : start + AT_ONCE], start) for start in range(0, RECORDS, AT_ONCE)]
        found[how] = round(RECORDS / min(_seconds(batches) for _ in range(TIMES)))
    return found


def _seconds(batches: list[pa.RecordBatch]) -> float:
    began = time.process_time()
    assert sum(part.rows.num_rows for part in parts(batches)) == RECORDS
    return time.process_time() - began


def _batch(values: list[bytes], start: int) -> pa.RecordBatch:
    """As ``intake.from_kafka`` gives them."""
    count = len(values)
    now: Any = pa.scalar(time.time_ns() // 1_000_000, pa.timestamp("ms", "UTC")).cast(pa.timestamp("us", "UTC"))
    columns = {
        "event": pa.repeat(VITALS.name, count),
        "kafka_partition": pa.array([0] * count, pa.int32()),
        "kafka_offset": pa.array(range(start, start + count), pa.int64()),
        "kafka_timestamp": pa.repeat(now, count),
        "source_cursor": pa.array(map(str, range(start, start + count)), pa.string()),
        "value": pa.array(values, pa.binary()),
    }
    return pa.RecordBatch.from_pydict(columns)
