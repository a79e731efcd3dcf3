"""What dashboards and rules of the chart ask a Prometheus, and whether there is data for it."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import yaml

from tests.kubernetes.charts.helm import Helm
from tests.monitoring.boards import Asked
from tests.monitoring.server import Prometheus

CHART = Path(__file__).parents[2] / "charts" / "health-monitoring"
RULES: list[dict[str, Any]] = [
    rule
    for path in sorted((CHART / "files" / "rules").glob("*.yaml"))
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
]
RECORDING = [rule for rule in RULES if "record" in rule]
ALERTING = [rule for rule in RULES if "alert" in rule]
_OF_AWS = ("health_catalog_crawl_", "health_catalog_etl_")
_SELECTOR = re.compile(r"\b(health[_:][a-z0-9_:]+)(?:\{([^}]*)\})?")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")


def groups(folder: Path) -> list[dict[str, Any]]:
    """The rules as the chart ships them."""
    objects = Helm(folder / "helm").template("health-monitoring", {})
    (rules,) = [each for each in objects if each["kind"] == "PrometheusRule"]
    found: list[dict[str, Any]] = rules["spec"]["groups"]
    return found


def for_this_place(asked: list[Asked]) -> list[Asked]:
    """Those that can have data here."""
    return [each for each in asked if _can_have_data(each.expr)]


def alerting_here() -> list[dict[str, Any]]:
    """The alerting rules whose metrics can be here."""
    return [rule for rule in ALERTING if _can_have_data(rule["expr"])]


def _can_have_data(expression: str) -> bool:
    """Nothing crawls and nothing runs Glue's jobs but AWS."""
    return not any(name in expression for name in _OF_AWS)


def has_data(server: Prometheus, query: Asked) -> bool:
    """At least one series with a value that is known."""
    if query.label:
        return bool(server.label_values(query.label, query.expr))
    return any(not math.isnan(float(series["value"][1])) for series in server.instant(query.expr))


def check_what_an_alert_asks_for(server: Prometheus, rule: dict[str, Any]) -> None:
    """It brings nothing while all is well, so its parts are looked at: metrics, and the labels that it chooses by."""
    selectors = _SELECTOR.findall(rule["expr"])
    assert selectors
    for name, matchers in selectors:
        known = {label for series in server.series(name) for label in series}
        assert known, name
        assert set(_LABEL.findall(matchers)) <= known, f"{name}{{{matchers}}}"
