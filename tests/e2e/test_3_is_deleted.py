"""Deleting a pipeline takes its children, and its topics when it says so; the lake stays, for the next one too."""

from __future__ import annotations

from functools import partial

from health_catalog.sql import LocalSql

from tests.e2e import books, kube
from tests.e2e.conftest import apply_quickstart
from tests.e2e.pipeline import Pipeline
from tests.e2e.pods import topics_of

GONE_S, READY_S = 180.0, 600.0


def test_it_goes_and_leaves_the_lake(pipeline: Pipeline, sql: LocalSql) -> None:
    """No child is left, no topic is; every row is."""
    rows = books.count(sql, "raw.vitals")
    assert rows
    image = pipeline.image("producer-vitals")
    assert f"{pipeline.name}.vitals" in topics_of(pipeline.name, image)
    pipeline.patch('{"spec": {"deletionPolicy": "delete"}}')
    kube.kubectl("delete", "hp", pipeline.name, "-n", pipeline.namespace, "--timeout=240s", timeout_s=260)
    label = f"health-streaming.com/pipeline={pipeline.name}"
    kinds = "deployments,services,sparkapplications,scheduledsparkapplications,jobs,pods,poddisruptionbudgets"
    kube.wait_for("no child is left", lambda: not kube.items(kinds, pipeline.namespace, label), GONE_S)
    assert topics_of(pipeline.name, image) == set()
    assert books.count(sql, "raw.vitals") >= rows


def test_made_again_it_begins_anew_beside_what_has_landed(pipeline: Pipeline, sql: LocalSql) -> None:
    """Its topics count from 0 again, and the checkpoints that are in the lake are of others."""
    tables = ("raw.vitals", "raw.alerts", "raw.dispatches")
    before = {table: books.count(sql, table) for table in tables}
    apply_quickstart()
    pipeline.wait_for("Ready", READY_S)
    for table in tables:
        kube.wait_for(f"more of {table}", partial(has_more, sql, table, before[table]), GONE_S)
    kube.kubectl("delete", "hp", pipeline.name, "-n", pipeline.namespace, "--timeout=240s", timeout_s=260)


def has_more(sql: LocalSql, table: str, rows: int) -> bool:
    """Whether more rows than that have landed."""
    return books.count(sql, table) > rows
