"""The transform near the end of an hour, when whatever is new makes the whole hour be written anew.

An hour at a thousand vitals a second, in the files that batches of ten seconds leave: all but its last five minutes are
taken in first, then these. Both by the job as it runs, with the start of its Spark left out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from health_catalog import RAW, lake_filesystem, object_path, raw_table
from health_events import VITALS
from health_pipeline.settings import TransformSettings
from health_streaming import late

from tests.bench.stage import Stage

PIPELINE = "bench-transform"
PER_SECOND, BATCH_S, HOUR_S, LAST_S, PATIENTS = 1000, 10, 3600, 300, 1000
BEGIN_S = 1_795_341_600  # 2026-11-22 10:00 UTC, a full hour
_DONE = re.compile(r"(\d+) files, \d+ hours: (\d+) rows read, (\d+) written, ([\d.]+) s")


def measure(stage: Stage) -> dict[str, float]:
    """Seconds of the two runs, and the rows that the second has read and written."""
    settings = TransformSettings(
        **stage.common(PIPELINE), **stage.lake(PIPELINE), tables=(VITALS.name, "dead_letters"),
        spark_master="local[2]", spark_jars=str(stage.spark_jars),
    )  # fmt: skip
    _land(settings, range(0, HOUR_S - LAST_S, BATCH_S))
    most = _run(stage, settings, "most")
    _land(settings, range(HOUR_S - LAST_S, HOUR_S, BATCH_S))
    last = _run(stage, settings, "last")
    return {
        "seconds_of_the_first_55_minutes": most[2],
        "seconds_of_the_last_5_minutes": last[2],
        "rows_read_at_last": last[0],
        "rows_written_at_last": last[1],
    }


def _land(settings: TransformSettings, batches: range) -> None:
    store = lake_filesystem(settings)
    folder = f"{object_path(settings.table_uri(RAW, VITALS.name))}/ingest_date=2026-11-22/hour=10"
    late.tell(settings, store, VITALS.name, date(2026, 11, 22), datetime.now(UTC).date())

    def write(second: int) -> None:
        first = second * PER_SECOND
        rows = _rows(second)
        name = f"part-0-{first}-{first + rows.num_rows - 1}.parquet"
        pq.write_table(rows, f"{folder}/{name}", filesystem=store, compression="zstd")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, batches))


def _rows(second: int) -> pa.Table:
    """The readings of a batch that begins at this second of the hour."""
    count = PER_SECOND * BATCH_S
    numbers = np.arange(second * PER_SECOND, second * PER_SECOND + count)
    city = np.random.default_rng(second)
    micros = pa.array(BEGIN_S * 1_000_000 + numbers * (1_000_000 // PER_SECOND), pa.timestamp("us", "UTC"))
    patients = numbers % PATIENTS
    values: dict[str, Any] = {
        "event_id": [f"bench-{number:012d}" for number in numbers],
        "source": pa.repeat(VITALS.name, count),
        "entity_id": [f"patient-{patient:06d}" for patient in patients],
        "observed_at": micros,
        "latitude": 51.5 + city.uniform(-0.04, 0.04, count),
        "longitude": -0.12 + city.uniform(-0.06, 0.06, count),
        "device_id": [f"watch-{patient:06d}" for patient in patients],
        "heart_rate": city.normal(75, 8, count).round(1),
        "spo2": city.normal(97, 1, count).clip(80, 100).round(1),
        "kafka_partition": pa.repeat(0, count),
        "kafka_offset": numbers,
        "kafka_timestamp": micros,
        "source_cursor": [str(number) for number in numbers],
    }
    schema = raw_table(VITALS).schema
    return pa.table({field.name: pa.array(values[field.name]).cast(field.type) if field.name in values
                     else pa.nulls(count, field.type) for field in schema}, schema)  # fmt: skip


def _run(stage: Stage, settings: TransformSettings, name: str) -> tuple[int, int, float]:
    """Rows read, rows written and seconds of a run of the job."""
    command = [sys.executable, "-m", "health_streaming.jobs.transform"]
    path = stage.log(f"transform-{name}")
    with path.open("wb") as log:
        subprocess.run(command, env={**os.environ, **settings.to_env()}, stderr=log, timeout=1200, check=True)
    (done,) = _DONE.findall(path.read_text())
    return int(done[1]), int(done[2]), float(done[3])
