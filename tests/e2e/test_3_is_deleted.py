"""Deleting a pipeline takes its children with it, and its topics when it says so; the lake stays."""

from __future__ import annotations

from pathlib import Path

from confluent_kafka.admin import AdminClient
from health_catalog.sql import LocalSql

from tests.e2e import books, kube
from tests.e2e.conftest import SYSTEM
from tests.e2e.pipeline import Pipeline

GONE_S = 180.0


def test_it_goes_and_leaves_the_lake(pipeline: Pipeline, sql: LocalSql, tmp_path: Path) -> None:
    """No child is left, no topic is; every row is."""
    rows = books.count(sql, "raw.vitals")
    assert _topics(pipeline, tmp_path)
    pipeline.patch('{"spec": {"deletionPolicy": "delete"}}')
    kube.kubectl("delete", "hp", pipeline.name, "-n", pipeline.namespace, "--timeout=240s", timeout_s=260)
    label = f"health-streaming.com/pipeline={pipeline.name}"
    kinds = "deployments,services,sparkapplications,scheduledsparkapplications,jobs,pods,poddisruptionbudgets"
    kube.wait_for("no child is left", lambda: not kube.items(kinds, pipeline.namespace, label), GONE_S)
    assert _topics(pipeline, tmp_path) == []
    assert books.count(sql, "raw.vitals") >= rows


def _topics(pipeline: Pipeline, folder: Path) -> list[str]:
    """The pipeline's topics, as the broker says."""
    with kube.forwarded(SYSTEM, "dev-kafka", 9092, folder / "kafka.log") as url:
        admin = AdminClient({"bootstrap.servers": url.removeprefix("http://")})
        return [name for name in admin.list_topics(timeout=30).topics if name.startswith(f"{pipeline.name}.")]
