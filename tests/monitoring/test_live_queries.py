"""A real Prometheus scrapes a running system: every query of every dashboard and rule brings data.

Started once: a pipeline with its watcher, an operator that knows it, and Prometheus, for some minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from healthctl.embedded.run import EmbeddedPipeline
from healthctl.embedded.waiting import wait_until

from tests.monitoring import queries, system
from tests.monitoring.boards import BOARDS, Asked, asked
from tests.monitoring.draw import draw
from tests.monitoring.server import Prometheus

pytestmark = [pytest.mark.spark, pytest.mark.timeout(2400)]

ROOT = Path(__file__).parents[2]
CHART = queries.CHART
ASKED = queries.for_this_place(asked())
_SEEN: set[Asked] = set()  # those that have brought data
# Three minutes are usual, from the start of everything; the rest is patience with a busy machine.
DATA_S, LOOK_AGAIN_S = 1500.0, 5.0


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """It has scraped until every query has had data, or for as long as that may take."""
    folder = tmp_path_factory.mktemp("monitoring")
    with ExitStack() as stack:
        pipeline = stack.enter_context(system.pipeline(folder))
        operators_port = stack.enter_context(system.operator(folder, pipeline.port("lag", "http")))
        scrapes = system.scrapes(pipeline, operators_port)
        server = stack.enter_context(Prometheus(folder / "prometheus", scrapes, queries.groups(folder)))
        wait_until(lambda: _have_all_had_data(pipeline, server), DATA_S, LOOK_AGAIN_S)
        yield server


def _have_all_had_data(pipeline: EmbeddedPipeline, server: Prometheus) -> bool:
    """A figure such as the latency of dispatches is there only while some happen, so once is enough."""
    pipeline.check()
    _SEEN.update(each for each in ASKED if each not in _SEEN and queries.has_data(server, each))
    return _SEEN.issuperset(ASKED)


def test_everything_is_scraped(prometheus: Prometheus) -> None:
    targets = {target["labels"]["job"]: target["health"] for target in prometheus.targets()}
    sources = {f"producer-{source['name']}" for source in system.document()["spec"]["sources"]}
    assert {*sources, "simulator", "landing", "alerts", "dispatch", "transform", "lag", "operator"} <= set(targets)
    assert set(targets.values()) == {"up"}


@pytest.mark.parametrize("query", ASKED, ids=str)
def test_a_query_of_a_dashboard_brings_data(prometheus: Prometheus, query: Asked) -> None:
    assert query in _SEEN or queries.has_data(prometheus, query), query.expr


def test_every_rule_can_be_evaluated(prometheus: Prometheus) -> None:
    rules = prometheus.rules()
    assert len(rules) == len(queries.RULES)
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}


@pytest.mark.parametrize("rule", queries.RECORDING, ids=lambda rule: str(rule["record"]))
def test_a_recording_rule_brings_data(prometheus: Prometheus, rule: dict[str, Any]) -> None:
    assert prometheus.instant(rule["expr"]), rule["expr"]
    assert prometheus.series(rule["record"])


@pytest.mark.parametrize("rule", queries.alerting_here(), ids=lambda rule: str(rule["alert"]))
def test_what_an_alert_asks_for_is_there(prometheus: Prometheus, rule: dict[str, Any]) -> None:
    queries.check_what_an_alert_asks_for(prometheus, rule)


def test_no_alert_cries_wolf_about_the_data(prometheus: Prometheus) -> None:
    """The pipeline works; of the operator's cluster, where nothing runs, the same cannot be said."""
    group = yaml.safe_load((CHART / "files" / "rules" / "pipelines.yaml").read_text())["groups"][0]
    names = "|".join(rule["alert"] for rule in group["rules"] if rule["labels"]["severity"] == "critical")
    assert prometheus.instant(f'ALERTS{{alertname=~"{names}", alertstate="firing"}}') == []


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_is_drawn_for_a_person_to_look_at(prometheus: Prometheus, name: str) -> None:
    path = ROOT / "build" / "dashboards" / f"{name}.png"
    path.unlink(missing_ok=True)
    draw(BOARDS[name], prometheus, path)
    assert path.stat().st_size > 50_000
