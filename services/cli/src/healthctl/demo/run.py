"""The order of events of a demo."""

from __future__ import annotations

import time
from pathlib import Path

from health_catalog import CatalogError
from health_catalog.sql import LocalSql
from health_events import VITALS
from health_pipeline import HealthPipeline
from health_pipeline.quantities import Duration
from rich.console import Console

from healthctl.demo import accounts, drain, report
from healthctl.demo.bounds import bounded, length_s
from healthctl.demo.due import empty_tables, tables_of
from healthctl.demo.questions import EXAMPLES, QUESTIONS
from healthctl.demo.summary import Answer, Summary
from healthctl.demo.verdict import complaints
from healthctl.embedded.run import EmbeddedPipeline
from healthctl.embedded.supervisor import State, Status

# How long to wait for stages that depend on the machine before saying what is missing.
START_S, READ_S, LAND_S, TRANSFORM_S = 300.0, 120.0, 180.0, 180.0


def run_demo(pipeline: HealthPipeline, data: Duration, output: Path, console: Console) -> bool:
    """Run the pipeline until its simulated data is over and everything has arrived; write and show the summary.

    ``data`` bounds each source that has no duration of its own. Returns whether every sum agrees. HealthctlError when
    a source cannot end, or something does not start.
    """
    pipeline = bounded(pipeline, data)
    length = length_s(pipeline)
    sources = [str(source.name) for source in pipeline.spec.sources]
    began, began_at = time.monotonic(), time.time()
    with EmbeddedPipeline(pipeline, report=console.print, on_change=lambda status: _tell(status, console)) as running:
        running.wait_until_ready(START_S)
        seconds = dict(sorted(running.seconds.items(), key=lambda item: item[1]))
        ready = time.monotonic()
        console.print(f"everything runs after {ready - began:.0f} s; the data flows, {length:.0f} s of it")
        drain.wait_for_sources(running, sources, length + READ_S)
        read = time.monotonic()
        console.print("the sources are read to their end; waiting until everything has landed")
        books = drain.wait_for_books(running, pipeline, LAND_S)
        landed = time.monotonic()
        console.print("landed; waiting for the transformed zone")
        drain.wait_for_transform(running, sources, TRANSFORM_S)
        seconds = {f"{part}_ready": after for part, after in seconds.items()}
        seconds |= {"reading": read - ready, "landing": landed - read, "transforming": time.monotonic() - landed}
        seconds["all"] = time.monotonic() - began
        summary = _summary(running, books, seconds, began_at)
    path = summary.write(output)
    report.show(summary, console)
    console.print(f"  the same as JSON: {path}", style="dim")
    return not summary.complaints


def _summary(running: EmbeddedPipeline, books: drain.Books, seconds: dict[str, float], began_at: float) -> Summary:
    sql = LocalSql(running.layout.lake)
    statuses = running.statuses()
    dead = {each.name: each.reason or str(each.state) for each in statuses if each.state is not State.READY}
    tables = {name: _rows(sql, name) for name in tables_of(books.sources)}
    questions = [question for question in QUESTIONS if question.table in tables]
    return Summary(
        complaints=complaints(books.sources, books.dispatch, empty_tables(tables, books.sources), dead),
        sources=books.sources,
        dispatch=books.dispatch,
        latency_ms=accounts.latencies_ms(sql.query) if VITALS.name in books.sources else accounts.no_latencies(),
        tables=tables,
        answers=[Answer(each.title, each.sql, accounts.rows(sql.query(each.sql))) for each in questions],
        examples=[_example(row) for row in accounts.rows(sql.query(EXAMPLES))],
        seconds={stage: round(taken, 1) for stage, taken in seconds.items()},
        restarts={each.name: each.restarts for each in statuses},
        first_alert_seconds=_first_alert(sql, began_at),
    )


def _rows(sql: LocalSql, table: str) -> int:
    try:
        return int(accounts.one(sql.query, f"SELECT count(*) AS n FROM {table}"))  # noqa: S608 (a name of ours)
    except CatalogError:  # it does not exist, which the verdict says
        return 0


def _example(row: dict[str, object]) -> dict[str, object]:
    return {"patient": row["patient"], "reading": f"{row['metric']} {row['value']:.0f} (rule {row['rule']})",
            "vehicle": row["vehicle"], "km": row["km"], "ms": row["ms"]}  # fmt: skip


def _first_alert(sql: LocalSql, began_at: float) -> float | None:
    first = accounts.one(sql.query, "SELECT to_unixtime(min(kafka_timestamp)) AS first FROM raw.alerts")
    return None if first is None else round(float(first) - began_at, 1)


def _tell(status: Status, console: Console) -> None:
    if status.state is State.RESTARTING:
        console.print(f"  [yellow]{status.name} has ended and is started again: {status.reason}[/]")
    elif status.state is State.FAILED:
        console.print(f"  [red]{status.name} has failed: {status.reason}[/]")
    elif status.state is State.READY:
        console.print(f"  {status.name} is ready")
