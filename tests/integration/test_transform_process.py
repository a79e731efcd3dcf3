"""``python -m health_streaming.jobs.transform`` as its supervisor sees it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from health_catalog import RAW, TRANSFORMED, GlueCatalog, ensure_bucket, lake_filesystem, object_path, raw_table
from health_events import WEATHER
from health_pipeline.settings import TransformSettings
from health_streaming import late
from healthctl.embedded.ports import free_port

pytestmark = pytest.mark.spark

COMMAND = [sys.executable, "-m", "health_streaming.jobs.transform"]
# Long for a loaded machine; nothing waits longer than it must.
PATIENCE_S = 240


def _settings(endpoint: str, jars: Path, name: str, schedule: str) -> TransformSettings:
    return TransformSettings(
        pipeline=name, metrics_port=free_port(), lake=f"s3://{name}", lake_endpoint=endpoint, glue_endpoint=endpoint,
        database=name.replace("-", "_"), tables=("weather", "dead_letters"), schedule=schedule,
        spark_master="local[2]", spark_jars=str(jars),
    )  # fmt: skip


def _land(settings: TransformSettings, offset: int) -> None:
    values = {"event_id": f"w{offset}", "observed_at": 1_795_341_600_000_000, "kafka_offset": offset}
    row = {"kafka_timestamp": 1_795_341_600_000_000, "kafka_partition": 0, "temperature_c": 11.0} | values
    table = pa.table({field.name: pa.array([row.get(field.name)], field.type) for field in raw_table(WEATHER).schema})
    folder = f"{object_path(settings.table_uri(RAW, 'weather'))}/ingest_date=2026-11-22/hour=10"
    files = lake_filesystem(settings)
    late.tell(settings, files, "weather", date(2026, 11, 22), datetime.now(UTC).date())
    pq.write_table(table, f"{folder}/part-0-{offset}-{offset}.parquet", filesystem=files)


def _rows(settings: TransformSettings, name: str) -> int:
    catalog = GlueCatalog(settings)
    table = catalog.table(TRANSFORMED, name)
    partitions = catalog.partitions(table) if table else []
    return sum(
        pq.read_table(object_path(item.location), filesystem=lake_filesystem(settings), partitioning=None).num_rows
        for item in partitions
    )


def _wait(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None, "it has ended"
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.2)


def test_without_a_schedule_it_takes_in_what_there_is_and_ends(aws_endpoint: str, spark_jars: Path) -> None:
    settings = _settings(aws_endpoint, spark_jars, "transform-once", schedule="")
    ensure_bucket(settings)
    _land(settings, 0)
    subprocess.run(COMMAND, env=os.environ | settings.to_env(), check=True, timeout=PATIENCE_S)
    assert (_rows(settings, "weather"), _rows(settings, "city_hourly")) == (1, 1)


def test_on_a_schedule_it_keeps_up_until_it_is_told_to_stop(aws_endpoint: str, spark_jars: Path) -> None:
    settings = _settings(aws_endpoint, spark_jars, "transform-loop", schedule="@every 1s")
    ensure_bucket(settings)
    process = subprocess.Popen(COMMAND, env=os.environ | settings.to_env())
    try:
        for count in (1, 2):
            _land(settings, count)
            _wait(lambda count=count: _rows(settings, "weather") == count, process)  # type: ignore[misc]
        with urllib.request.urlopen(f"http://127.0.0.1:{settings.metrics_port}/metrics") as answer:
            metrics = answer.read().decode()
        labels = 'pipeline="transform-loop",query="transform"'
        assert f'health_streaming_rows_total{{{labels},result="read"}}' in metrics
        assert f"health_streaming_batch_seconds_count{{{labels}}}" in metrics
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()


def test_wrong_settings_are_one_line_and_exit_2(aws_endpoint: str, tmp_path: Path) -> None:
    settings = _settings(aws_endpoint, tmp_path, "transform-wrong", schedule="@every blue moon")
    ended = subprocess.run(COMMAND, env=os.environ | settings.to_env(), capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith("transform: not a schedule: '@every blue moon'")
