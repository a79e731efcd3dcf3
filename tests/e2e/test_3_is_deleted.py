"""Deleting a pipeline takes its children with it, and its topics when it says so; the lake stays."""

from __future__ import annotations

from health_catalog.sql import LocalSql

from tests.e2e import books, kube
from tests.e2e.pipeline import Pipeline
from tests.e2e.pods import topics_of

GONE_S = 180.0


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
