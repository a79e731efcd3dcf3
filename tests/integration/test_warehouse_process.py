"""The component itself, killed at work: its duckdb's rows are those of the transformed zone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from health_catalog import GlueCatalog, Partition, Table, ensure_bucket, lake_filesystem, object_path
from health_catalog.sql import LocalSql
from health_catalog.warehouse.local import ask
from health_pipeline.settings import WarehouseSettings
from healthctl.embedded.ports import PortBook
from healthctl.embedded.services import answers
from prometheus_client.parser import text_string_to_metric_families

from tests.unit.health_catalog.warehouse_lake import DISPATCHES, VITALS, row_of

HOURS = 24
WAIT_S = 120.0


@dataclass
class Zone:
    """A transformed zone on the endpoint, every hour of which is written anew by ``commit``."""

    settings: WarehouseSettings
    run: int = 0

    def __post_init__(self) -> None:
        self.catalog = GlueCatalog(self.settings)
        self.files = lake_filesystem(self.settings)

    def commit(self, table: Table, rows: int) -> None:
        self.run += 1
        partitions = []
        for number in range(HOURS):
            hour = ("2026-11-22", f"{number:02}")
            folder = f"event_date={hour[0]}/hour={hour[1]}/run={self.run:03}"
            location = f"{self.settings.table_uri(table.zone, table.name)}/{folder}"
            made = pa.Table.from_pylist([row_of(table, hour, self.run, each) for each in range(rows)], table.schema)
            pq.write_table(made, f"{object_path(location)}/part-0.parquet", filesystem=self.files)
            partitions.append(Partition(hour, location))
        self.catalog.put_partitions(table, partitions)


@contextmanager
def _running(settings: WarehouseSettings, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "health_catalog.warehouse"], env=os.environ | settings.to_env(), stderr=output
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _until(holds: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        time.sleep(0.05)


def _measured(settings: WarehouseSettings) -> dict[str, float]:
    """Loads done and partitions left, as the process itself says; nothing while it is just starting."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{settings.metrics_port}/metrics", timeout=5) as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
    except OSError:
        return {"loads": 0, "left": -1}
    samples = {(item.name, item.labels.get("result")): item.value for each in families for item in each.samples}
    loads = samples["health_warehouse_loads_total", "loaded"]
    return {"loads": loads, "left": samples.get(("health_warehouse_pending_partitions", None), -1)}


def test_a_loader_that_is_killed_at_work_loses_and_doubles_nothing(aws_endpoint: str, tmp_path: Path) -> None:
    path, log = tmp_path / "warehouse.duckdb", tmp_path / "log"
    settings = WarehouseSettings(
        pipeline="ward", metrics_port=PortBook().port("warehouse", "metrics"), lake="s3://warehouse-test/lake",
        lake_endpoint=aws_endpoint, glue_endpoint=aws_endpoint, database="warehouse_test", engine="duckdb",
        interval_s=0.1, duckdb_path=str(path),
    )  # fmt: skip
    ensure_bucket(settings)
    zone = Zone(settings)
    zone.catalog.ensure_database("transformed")
    for table in (VITALS, DISPATCHES):
        zone.catalog.ensure_table(table)

    for rows in (3, 2):
        zone.commit(VITALS, rows)
        with _running(settings, log) as process:
            _until(lambda: _measured(settings)["loads"] >= 1, log)  # of two
            process.send_signal(signal.SIGKILL)
            process.wait()
        # Whole hours only: as they were, or as they are.
        counts = _rows(
            ask(path, "SELECT event_date, hour, count(*), count(DISTINCT event_id) FROM vitals GROUP BY ALL")
        )
        assert counts
        assert {count[2:] for count in counts} <= {(3, 3), (rows, rows)}

    zone.commit(DISPATCHES, 2)
    with _running(settings, log) as process:
        _until(lambda: answers(settings.metrics_port, "/readyz"), log)
        assert _measured(settings)["left"] == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0, log.read_text()
    sql = LocalSql(settings)
    for table in (VITALS, DISPATCHES):
        names = ", ".join([*table.schema.names, *table.partition_keys])
        asked = f"SELECT {names} FROM transformed.{table.name} ORDER BY observed_at, 1"
        assert _rows(ask(path, asked.replace("transformed.", ""))) == _rows(sql.query(asked))


def _rows(table: pa.Table) -> list[tuple[Any, ...]]:
    return [
        tuple(value.astimezone(UTC) if isinstance(value, datetime) else value for value in row.values())
        for row in table.to_pylist()
    ]
