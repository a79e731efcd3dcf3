"""``python -m tests.bench --output FOLDER``: run the benchmarks, write ``bench.json`` and print a table."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from health_catalog import ensure_bucket
from health_pipeline.settings import LakeSettings
from healthctl.embedded.jars import ensure_jars
from healthctl.embedded.kafka import KafkaBroker
from healthctl.embedded.lake import AwsEndpoint, embedded_credentials
from rich.console import Console
from rich.table import Table

from tests.bench import alerts, dispatch, landing, producer, reading, transform
from tests.bench.stage import Stage

PARTS: Mapping[str, Callable[[Stage], Any]] = {
    "producer_messages_per_second": lambda stage: {
        "ours": round(producer.measure_ours(stage)),
        "ours_with_pseudonyms": round(producer.measure_ours(stage, "bench-pseudonyms", pseudonyms=True)),
        "flush_per_message": round(producer.measure_flush_per_message(stage)),
    },
    "landing_rows_per_second": landing.measure_both,
    "reading_rows_per_cpu_second": reading.measure,
    "transform_of_an_hour": transform.measure,
    "alert_latency_ms": lambda stage: {
        "realtime": alerts.measure_ours(stage, "realtime"),
        "microbatch": alerts.measure_ours(stage, "microbatch"),
        "tutorial": alerts.measure_tutorial(stage),
    },
    "dispatch_latency_ms": dispatch.measure,
}


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("build/bench"))
    parser.add_argument("--only", choices=tuple(PARTS), action="append", help="leave the others out")
    asked = parser.parse_args()
    console = Console()
    shutil.rmtree(asked.output / "kafka", ignore_errors=True)  # a run begins with a broker that holds nothing
    (asked.output / "logs").mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {}
    jars = ensure_jars("spark")
    with (
        embedded_credentials(),
        KafkaBroker(asked.output / "kafka") as broker,
        AwsEndpoint(asked.output / "aws") as endpoint,
    ):
        stage = Stage(broker.files.bootstrap, endpoint.url, jars, asked.output)
        ensure_bucket(LakeSettings(pipeline="bench", **stage.lake("bench")))
        for part in asked.only or PARTS:
            console.print(f"measuring {part} ...")
            found[part] = PARTS[part](stage)
            console.print(f"  {found[part]}", highlight=False)
    found["machine"] = machine()
    (asked.output / "bench.json").write_text(json.dumps(found, indent=2) + "\n")
    console.print(table(found))
    console.print(f"the same as JSON: {asked.output / 'bench.json'}")


def machine() -> dict[str, Any]:
    """What it was measured on. Absolute figures belong to it; ratios travel better."""
    return {"cores": os.cpu_count(), "processor": platform.processor() or platform.machine(),
            "system": platform.platform(), "load_1min": round(os.getloadavg()[0], 2)}  # fmt: skip


def table(found: Mapping[str, Any]) -> Table:
    """Everything side by side."""
    shown = Table(title="Benchmarks", title_justify="left", box=None, header_style="dim")
    for column in ("what", "how", "p50", "p95", "p99", "max", "per second, or as told"):
        shown.add_column(column, justify="left" if column in ("what", "how") else "right")
    for how, latency in found.get("alert_latency_ms", {}).items():
        shown.add_row("vitals -> alert, ms", how, *_figures(latency), "")
    if "dispatch_latency_ms" in found:
        shown.add_row("vitals -> dispatch, ms", "realtime", *_figures(found["dispatch_latency_ms"]), "")
    for part, what in (
        ("landing_rows_per_second", "Kafka -> Parquet"),
        ("reading_rows_per_cpu_second", "bytes -> rows, one core"),
        ("producer_messages_per_second", "HTTP -> Kafka"),
    ):
        for how, rate in found.get(part, {}).items():
            shown.add_row(what, how, "", "", "", "", f"{rate:,}")
    for what, figure in found.get("transform_of_an_hour", {}).items():
        shown.add_row("raw -> transformed", what.replace("_", " "), "", "", "", "", f"{figure:,.0f}")
    return shown


def _figures(latency: Mapping[str, float]) -> list[str]:
    return [f"{latency[name]:,.0f}" for name in ("p50", "p95", "p99", "max")]


if __name__ == "__main__":
    main()
