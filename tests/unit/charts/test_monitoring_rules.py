"""Rules ask only for metrics that there are; every alert has its page, its test, and says whom to wake."""

from __future__ import annotations

import importlib
import json
import re
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from charts.dashboards import rendered
from charts.sync import CHARTS

CHART = CHARTS / "health-monitoring"
FILES = sorted((CHART / "files" / "rules").glob("*.yaml"))
TESTS = CHARTS.parent / "tests" / "monitoring" / "rules"
RULES: list[dict[str, Any]] = [
    rule for path in FILES for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]
]
ALERTS = [rule for rule in RULES if "alert" in rule]
PAGES = {path.stem: path.read_text() for path in (CHART / "runbooks").glob("*.md")}

# The modules that make metrics; to import one is to have them in the registry.
EXPORTERS = (
    "health_catalog.glue", "health_catalog.crawlers.metrics", "health_catalog.etl.metrics",
    "health_catalog.warehouse.metrics", "health_console.metrics", "health_dispatch.metrics", "health_lag.metrics",
    "health_operator.metrics", "health_producer.metrics", "health_simulator.generator", "health_streaming.landings",
    "health_streaming.progress",
)  # fmt: skip
OF_EVERY_PROCESS = {"process_cpu_seconds_total", "process_resident_memory_bytes"}
_NAME = re.compile(r"\b(?:health[_:][a-z0-9_:]+|process_[a-z_]+)\b")
_SUFFIXES = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"], "gauge": [""]}


def exported() -> set[str]:
    """The names of all series that the project's processes tell."""
    for module in EXPORTERS:
        importlib.import_module(module)
    return {
        family.name + suffix
        for collector in set(REGISTRY._names_to_collectors.values())
        if hasattr(collector, "describe")  # those of the process itself have not
        for family in collector.describe()
        if not family.name.startswith("health_test_")  # what other tests have made in this process
        for suffix in _SUFFIXES.get(family.type, [])
    }


def queries() -> list[str]:
    """All PromQL there is, of rules and dashboards."""
    boards = [json.loads(text) for text in rendered().values()]
    asked = [target["expr"] for board in boards for panel in board["panels"] for target in panel.get("targets", ())]
    chosen = [variable["query"] for board in boards for variable in board["templating"]["list"]]
    return [rule["expr"] for rule in RULES] + asked + chosen


def test_no_query_names_an_unknown_metric() -> None:
    known = exported() | {rule["record"] for rule in RULES if "record" in rule} | OF_EVERY_PROCESS
    asked = {name for query in queries() for name in _NAME.findall(query)}
    assert len(asked) > 40
    assert asked - known == set()


def test_every_metric_of_the_interface_is_drawn_or_alerted_on() -> None:
    asked = {name for query in queries() for name in _NAME.findall(query)}
    unused = {name for name in exported() if name.startswith("health_") and name not in asked}
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in unused}
    drawn = {re.sub(r"_(bucket|count|sum)$", "", name) for name in asked}
    # What a simulator makes is seen at its producers, and bad records are the dead letters of somebody else's defect.
    assert families - drawn == {"health_simulator_events_total", "health_dispatch_bad_records_total"}


def test_every_alert_has_a_page_and_every_page_an_alert() -> None:
    assert PAGES.keys() == {alert["alert"] for alert in ALERTS}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_what_it_means_what_it_costs_where_to_look_and_what_to_do(name: str) -> None:
    text = PAGES[name]
    assert text.startswith(f"# {name}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["What it means", "What it costs", "Look", "Do"]
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert (CHART / "runbooks" / link).is_file(), link


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert['alert']}-{alert['labels']['severity']}")
def test_an_alert_says_whom_to_wake_and_what_is_wrong(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert alert["annotations"].keys() == {"summary", "description"}


@pytest.mark.parametrize("name", sorted({alert["alert"] for alert in ALERTS}))
def test_an_alert_is_seen_to_fire_and_to_resolve(name: str) -> None:
    """In promtool's tests, which `make monitoring-test` runs."""
    steps = [
        bool(step["exp_samples"])
        for path in TESTS.glob("*.yaml")
        for case in yaml.safe_load(path.read_text())["tests"]
        for step in case.get("promql_expr_test", ())
        if f'"{name}"' in step["expr"]
    ]
    assert True in steps
    assert False in steps[steps.index(True) :]


def test_recorded_names_follow_one_scheme() -> None:
    for rule in RULES:
        assert "alert" in rule or re.fullmatch(r"health:[a-z_]+(:[a-z0-9]+)?", rule["record"])
