"""kubectl apply, and the whole path runs: seen in the resource, in the lake, and in the topics' outcome."""

from __future__ import annotations

from health_catalog.sql import LocalSql
from healthctl.demo import accounts

from tests.e2e import kube
from tests.e2e.pipeline import SOURCES, Pipeline

READY_S, MEASURED_S = 600.0, 240.0


def test_it_gets_ready(pipeline: Pipeline) -> None:
    """From apply to Ready, with nothing but what the chart installed."""
    pipeline.wait_for("Ready", READY_S)


def test_the_path_is_measured(pipeline: Pipeline) -> None:
    """Data flows and the objectives are met, by the components' own figures."""
    pipeline.wait_for("DataFlowing", MEASURED_S)
    pipeline.wait_for("SLOMet", MEASURED_S)
    slo = pipeline.resource()["status"]["slo"]
    assert slo["eventsPerSecond"] > 500
    assert 0 < slo["alertLatencyP99Ms"] < 60_000
    assert slo["canaryAgeSeconds"] < 60


def test_rows_of_every_source_can_be_queried(pipeline: Pipeline, sql: LocalSql) -> None:
    """Each table of the raw zone has rows, registered in the catalogue."""
    del pipeline
    for source in SOURCES:
        assert accounts.one(sql.query, f"SELECT count(*) AS n FROM raw.{source}") > 0, source


def test_a_vehicle_is_sent(pipeline: Pipeline, sql: LocalSql) -> None:
    """Someone is ill in a city of a thousand, and a vehicle is on its way."""
    del pipeline
    sent = "SELECT count(*) AS n FROM raw.dispatches WHERE outcome = 'dispatched'"
    kube.wait_for("a dispatch lands", lambda: accounts.one(sql.query, sent) > 0, 120, 5)


def test_the_transformed_zone_follows(pipeline: Pipeline, sql: LocalSql) -> None:
    """The scheduled transform has run, by the operator of Spark."""
    del pipeline
    minutes = "SELECT count(*) AS n FROM transformed.vitals_minute"
    kube.wait_for("a transformed row", lambda: accounts.one(sql.query, minutes) > 0, 300, 5)


def test_the_books_agree(pipeline: Pipeline, sql: LocalSql) -> None:
    """Nothing is missing, no vehicle is sent twice."""
    pipeline.check_books(sql)


def test_kubectl_shows_it(pipeline: Pipeline) -> None:
    """The columns that people read."""
    shown = kube.kubectl("get", "hp", pipeline.name, "-n", pipeline.namespace)
    head, row = shown.splitlines()
    assert [*head.split()][:2] == ["NAME", "READY"]
    assert row.split()[1] == "True"
