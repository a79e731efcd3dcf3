"""A Prometheus of the cluster's pods: each query has data; alerts fire in the faults that they are for, and resolve.

So that the faults need not last as long as in earnest, all times of the rules (how long something must be so, and the
windows that are looked at) are shorter by one factor; thresholds are not.
"""

from __future__ import annotations

import copy
import json
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import pytest
from healthctl.embedded.waiting import wait_until

from tests.e2e import kube
from tests.e2e.conftest import NAMESPACE, SYSTEM
from tests.e2e.pipeline import Pipeline
from tests.e2e_faults import cluster, discovery, faults
from tests.monitoring import queries, stalls, system
from tests.monitoring.boards import Asked, asked
from tests.monitoring.server import Prometheus

FASTER = 10
READY_S, DATA_S, CHANGES_S, LOOK_AGAIN_S = 600.0, 600.0, 600.0, 3.0
# The warehouse of a cluster is Redshift.
ASKED = [each for each in queries.for_this_place(asked(NAMESPACE)) if "health_warehouse_" not in each.expr]
CONSOLE = "console-of-rules"
# A budget has an alert for hours and one for days: it is the first of the two that is seen here.
SEVERITY = {rule["alert"]: rule["labels"]["severity"] for rule in reversed(queries.ALERTING)}
# Glue is AWS's. Nothing but a network that swallows connections makes the operator deaf, and nothing but a hundred
# pipelines makes it slow.
NOT_HERE = {"HealthGlueJobFailing", "HealthGlueJobHanging", "HealthOperatorDeaf", "HealthReconcilesSlow"}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TIMES = re.compile(r"(?<=[\[:])\d+[smhd](?=[\]:])|(?<=offset )\d+[smhd]")
_DURATION = re.compile(r"(\d+)([smhd])")


def document() -> dict[str, Any]:
    """The small one of the stalls, under the example's name; what would be scaled has one area, and so stays as it is.

    Some of its readings are broken, and a source fails now and then: so that can be seen as well.
    """
    made = stalls.document("realtime")
    made["metadata"]["name"] = system.document()["metadata"]["name"]
    vitals, vehicles = made["spec"]["sources"]
    vitals["simulate"]["faults"] = {"malformed": 0.002, "outOfRange": 0.001}
    # As many as are needed, for how long a dispatch takes is told of those that need not wait for a vehicle.
    vehicles["simulate"] |= {"entities": 150, "eventsPerSecond": 150, "faults": {"httpErrors": 0.3}}
    made["spec"] |= {
        "autoscaling": {"dispatch": {"maximum": 2}},
        "console": {"tokenRef": {"name": CONSOLE, "key": "token"}},
        "transform": {"schedule": "@every 30s"},
    }
    return made


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and the alerts that are for it."""

    name: str
    begin: Callable[[Pipeline], AbstractContextManager[None]]
    alerts: tuple[str, ...]


def late_alerts(pipeline: Pipeline) -> AbstractContextManager[None]:
    """Those who look for what is abnormal stand still every few seconds, but not for so long that they are ended."""
    return cluster.slowed(list(cluster.restarts(cluster.running(pipeline, "alerts"))), rests_s=5, works_s=3)


def broken_readings(pipeline: Pipeline) -> AbstractContextManager[None]:
    """A source sends what breaks the contract."""
    sources = document()["spec"]["sources"]
    broken = [copy.deepcopy(source) for source in sources]
    broken[0]["simulate"]["faults"] = {"malformed": 0.2}
    return faults.edited(pipeline, {"sources": broken}, {"sources": sources})


def nobody_in_range(pipeline: Pipeline) -> AbstractContextManager[None]:
    """As near as may be asked for."""
    return faults.edited(pipeline, {"dispatch": {"radiusKm": 0.1}}, {"dispatch": {"radiusKm": None}})


def unapproved(pipeline: Pipeline) -> AbstractContextManager[None]:
    """An edit by which streams would lose their place, and which nobody approves."""
    external = {"mode": "external", "external": {"bootstrapServers": "elsewhere.example:9092"}}
    return faults.edited(pipeline, {"kafka": external}, {"kafka": None})


def but_for(*components: str) -> Callable[[Pipeline], AbstractContextManager[None]]:
    """All but these are there."""
    return lambda pipeline: faults.gone(pipeline, *components)


FAULTS = (
    Fault("no source", but_for("simulator"),
          ("HealthDataStopped", "HealthSourceSilent", "HealthPipelineNotReady", "HealthFreshnessBudgetBurn")),
    Fault("late alerts", late_alerts, ("HealthAlertLatencyBudgetBurn",)),
    Fault("no alerts", but_for("alerts"),
          ("HealthCanaryLost", "HealthStreamNotRunning", "HealthComponentSilent", "HealthLagGrowing")),
    Fault("broken readings", broken_readings, ("HealthDeadLettersRising",)),
    Fault("nobody in range", nobody_in_range, ("HealthAlertsWaiting",)),
    Fault("an edit nobody approves", unapproved, ("HealthSpecNotAccepted",)),
    Fault("no watcher", but_for("lag"), ("HealthMeasuresUnreachable",)),
    Fault("an operator without rights", lambda _: faults.without_rights(), ("HealthReconcilesFailing",)),
    Fault("no operator", lambda _: faults.without_operator(), ("HealthOperatorAbsent",)),
    Fault("no lake", lambda _: faults.without_lake(), ("HealthCatalogFailing",)),
)  # fmt: skip


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": CONSOLE}}
    secret |= {"stringData": {"token": secrets.token_urlsafe(24)}}
    kube.kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=json.dumps(secret))
    with cluster.applied(document()) as applied:
        applied.wait_for("Ready", READY_S)
        yield applied


@pytest.fixture(scope="module")
def prometheus(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    del pipeline
    folder = tmp_path_factory.mktemp("prometheus")
    groups = [{**group, "rules": [faster(rule) for rule in group["rules"]]} for group in queries.groups(folder)]
    pods, operator = folder / "pods.json", folder / "operator.json"
    scrapes = [discovery.scrape("pods", pods), {**discovery.scrape("operator", operator), "honor_labels": True}]
    with (
        discovery.kept(pods, NAMESPACE, "health-pipeline"),
        discovery.kept(operator, SYSTEM, "health-operator"),
        Prometheus(folder / "server", scrapes, groups) as server,
    ):
        yield server


def faster(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule all of whose times are shorter."""
    made = {**rule, "expr": _TIMES.sub(lambda found: _shorter(found[0]), rule["expr"])}
    return made | {"for": _shorter(rule["for"])} if "for" in rule else made


def _shorter(time: str) -> str:
    found = _DURATION.fullmatch(time)
    assert found, time
    return f"{int(found[1]) * _UNITS[found[2]] // FASTER}s"


def firing(server: Prometheus) -> set[str]:
    """The alerts that are."""
    found = [series["metric"] for series in server.instant('ALERTS{alertstate="firing"}')]
    return {each["alertname"] for each in found if each["severity"] == SEVERITY[each["alertname"]]}


def fires(server: Prometheus, *alerts: str) -> None:
    """Until all of them do."""
    kube.wait_for(f"{alerts} fire", lambda: firing(server) >= {*alerts}, CHANGES_S, LOOK_AGAIN_S)


def resolves(server: Prometheus, *alerts: str) -> None:
    """Until none of them does."""
    kube.wait_for(f"{alerts} resolve", lambda: not firing(server) & {*alerts}, CHANGES_S, LOOK_AGAIN_S)


def test_every_query_of_a_dashboard_brings_data(prometheus: Prometheus) -> None:
    """A figure such as the latency of dispatches is there only while some happen, so once is enough."""
    left: set[Asked] = set(ASKED)

    def have_all_had_data() -> bool:
        left.difference_update([each for each in left if queries.has_data(prometheus, each)])
        return not left

    assert wait_until(have_all_had_data, DATA_S, LOOK_AGAIN_S), {str(each): each.expr for each in left}


def test_every_rule_has_what_it_asks_for(prometheus: Prometheus) -> None:
    assert {rule["name"]: rule.get("lastError") for rule in prometheus.rules() if rule["health"] != "ok"} == {}
    assert [rule["record"] for rule in queries.RECORDING if not prometheus.series(rule["record"])] == []
    for rule in queries.alerting_here():
        queries.check_what_an_alert_asks_for(prometheus, rule)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_alerts_fire_in_their_fault_and_resolve_after_it(
    pipeline: Pipeline, prometheus: Prometheus, fault: Fault
) -> None:
    resolves(prometheus, *fault.alerts)
    with fault.begin(pipeline):
        fires(prometheus, *fault.alerts)
    resolves(prometheus, *fault.alerts)


def test_no_alert_is_left_out() -> None:
    assert {alert for fault in FAULTS for alert in fault.alerts} == set(SEVERITY) - NOT_HERE
