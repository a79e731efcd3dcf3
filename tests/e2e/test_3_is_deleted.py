"""Deleting a pipeline takes its children with it and leaves the data."""

from __future__ import annotations

from health_catalog.sql import LocalSql

from tests.e2e import books, kube
from tests.e2e.pipeline import Pipeline

GONE_S = 180.0


def test_it_goes_and_leaves_the_lake(pipeline: Pipeline, sql: LocalSql) -> None:
    """No child is left; every row is."""
    rows = books.count(sql, "raw.vitals")
    kube.kubectl("delete", "hp", pipeline.name, "-n", pipeline.namespace, "--timeout=150s", timeout_s=180)
    label = f"health-streaming.com/pipeline={pipeline.name}"
    kinds = "deployments,services,sparkapplications,scheduledsparkapplications,jobs,pods,poddisruptionbudgets"
    kube.wait_for("no child is left", lambda: not kube.items(kinds, pipeline.namespace, label), GONE_S)
    assert books.count(sql, "raw.vitals") >= rows
