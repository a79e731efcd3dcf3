"""kubectl apply, and the whole path runs: seen in the resource, in the lake, and in the topics' outcome."""

from __future__ import annotations

from functools import partial

from health_catalog.sql import LocalSql

from tests.e2e import books, kube
from tests.e2e.conftest import SYSTEM, VITALS_PER_S
from tests.e2e.pipeline import SOURCES, Pipeline

READY_S, MEASURED_S, LANDED_S, TRANSFORMED_S = 600.0, 300.0, 120.0, 600.0


def test_what_is_installed_works() -> None:
    """As `helm test` says of the platform's release."""
    kube.helm("test", "health-platform", "--namespace", SYSTEM, "--timeout", "3m")


def test_it_gets_ready(pipeline: Pipeline) -> None:
    """From apply to Ready, with nothing but what the chart installed."""
    pipeline.wait_for("Ready", READY_S)


def test_the_path_is_measured(pipeline: Pipeline) -> None:
    """Data flows and the objectives are met, by the components' own figures."""
    pipeline.wait_for("DataFlowing", MEASURED_S)
    pipeline.wait_for("SLOMet", MEASURED_S)
    slo = pipeline.resource()["status"]["slo"]
    assert slo["eventsPerSecond"] > VITALS_PER_S * 3 / 4  # the other sources together come to half of VITALS_PER_S
    assert 0 < slo["alertLatencyP99Ms"] < 60_000
    assert slo["canaryAgeSeconds"] < 60


def test_rows_of_every_source_can_be_queried(pipeline: Pipeline, sql: LocalSql) -> None:
    """Each table of the raw zone has rows, registered in the catalogue."""
    del pipeline
    for source in SOURCES:
        kube.wait_for(f"a row of {source}", partial(books.has_rows, sql, f"raw.{source}"), LANDED_S, 5)


def test_a_vehicle_is_sent(pipeline: Pipeline, sql: LocalSql) -> None:
    """Someone is ill in a city of a thousand, and a vehicle is on its way."""
    del pipeline
    kube.wait_for(
        "a dispatch lands", lambda: books.has_rows(sql, "raw.dispatches", "outcome = 'dispatched'"), LANDED_S, 5
    )


def test_the_transformed_zone_follows(pipeline: Pipeline, sql: LocalSql) -> None:
    """The scheduled transform has run, by the operator of Spark."""
    del pipeline
    kube.wait_for("a transformed row", lambda: books.has_rows(sql, "transformed.vitals_minute"), TRANSFORMED_S, 5)


def test_the_books_agree(pipeline: Pipeline, sql: LocalSql) -> None:
    """Nothing is missing, no vehicle is sent twice."""
    pipeline.check_books(sql)


def test_kubectl_shows_it(pipeline: Pipeline) -> None:
    """The columns that people read."""
    shown = kube.kubectl("get", "hp", pipeline.name, "-n", pipeline.namespace)
    head, row = shown.splitlines()
    assert [*head.split()][:2] == ["NAME", "READY"]
    assert row.split()[1] == "True"
