"""What must hold of what the monitoring chart makes: what finds its objects, and where an alert leads to."""

from __future__ import annotations

import json

from tests.kubernetes.apiserver import ApiServer
from tests.kubernetes.charts.helm import CHARTS, Helm, Object, named
from tests.kubernetes.charts.value_sets import MONITORING

CHART = "health-monitoring"
NAME = "health-operator-health-monitoring"  # of the release that the tests make


def alerts(objects: list[Object]) -> list[Object]:
    (rules,) = [each for each in objects if each["kind"] == "PrometheusRule"]
    return [rule for group in rules["spec"]["groups"] for rule in group["rules"] if "alert" in rule]


def test_grafana_gets_every_dashboard_as_it_is(helm: Helm) -> None:
    objects = helm.template(CHART, {})
    for path in (CHARTS / CHART / "files" / "dashboards").glob("*.json"):
        made = named(objects, "ConfigMap", f"{NAME}-{path.stem}")
        assert made["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert json.loads(made["data"][f"health-{path.name}"]) == json.loads(path.read_text())


def test_every_object_has_the_labels_by_which_it_is_chosen(helm: Helm) -> None:
    objects = helm.template(CHART, MONITORING["rules-only"] | {"dashboards": {"enabled": True}})
    assert len(objects) == 4
    assert {each["metadata"]["labels"]["release"] for each in objects} == {"kube-prometheus-stack"}


def test_every_alert_leads_to_its_runbook_and_keeps_its_severity(helm: Helm) -> None:
    for alert in alerts(helm.template(CHART, MONITORING["rules-only"])):
        assert alert["annotations"]["runbook_url"] == f"https://wiki.example/runbooks/{alert['alert']}.md"
        assert alert["labels"].keys() == {"severity", "team"}


def test_without_a_place_for_runbooks_an_alert_names_the_file(helm: Helm) -> None:
    for alert in alerts(helm.template(CHART, {})):
        assert (CHARTS.parent / alert["annotations"]["runbook_url"]).is_file()


def test_a_place_that_is_no_address_is_refused(helm: Helm) -> None:
    assert "/rules/runbooks" in helm.refusal(CHART, {"rules": {"runbooks": "wiki"}})


def test_it_is_installed_and_says_what_to_do_next(kube: ApiServer, kube_helm: Helm, namespace: str) -> None:
    told = kube_helm("install", "monitoring", CHARTS / CHART, "--namespace", namespace)
    assert "Missing" not in told
    assert "--set additionalLabels.release=" in told
    assert "--set metrics.podMonitor.enabled=true" in told
    assert f"kubectl get prometheusrule monitoring-health-monitoring --namespace {namespace}" in told
    assert kube.get("prometheusrule", "monitoring-health-monitoring", "-n", namespace)["spec"]["groups"]
    kube_helm("uninstall", "monitoring", "--namespace", namespace)
