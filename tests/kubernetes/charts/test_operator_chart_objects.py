"""What must hold of what the operator's chart makes of values."""

from __future__ import annotations

import dataclasses
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from health_operator.naming import labels
from health_operator.settings import PREFIX, OperatorSettings, Platform, StandIns, from_env

from tests.kubernetes.charts.helm import CHARTS, Helm, Object, named
from tests.kubernetes.charts.value_sets import OPERATOR

CHART = "health-operator"
DEFINITION = CHARTS.parent / "k8s" / "crds" / "healthpipelines.health-streaming.com.yaml"
DIGEST = "sha256:" + "0123456789abcdef" * 4


def test_the_definition_is_the_source_and_stays(helm: Helm) -> None:
    source = yaml.safe_load(DEFINITION.read_text())
    made = named(helm.template(CHART, {}), "CustomResourceDefinition", source["metadata"]["name"])
    assert made["spec"] == source["spec"]
    assert made["metadata"]["annotations"].items() >= {"helm.sh/resource-policy": "keep"}.items()


def _settings(objects: list[Object], name: str = "health-operator") -> OperatorSettings:
    """What the operator reads from the environment that its Deployment gives it."""
    metadata = {"metadata.name": "pod-1", "metadata.namespace": "health-system"}
    (container,) = named(objects, "Deployment", name)["spec"]["template"]["spec"]["containers"]
    environ = {
        each["name"]: each["value"] if "value" in each else metadata[each["valueFrom"]["fieldRef"]["fieldPath"]]
        for each in container["env"]
    }
    known = {PREFIX + field.name.upper() for field in dataclasses.fields(OperatorSettings)}
    assert environ.keys() <= known
    assert {PREFIX + "NAMESPACE", PREFIX + "IDENTITY", PREFIX + "HEALTH_HOST"} <= environ.keys()
    return from_env(environ)


def test_the_operator_understands_what_it_is_told(helm: Helm) -> None:
    told = _settings(helm.template(CHART, OPERATOR["development"]))
    assert told == OperatorSettings(
        namespace="health-system",
        identity="pod-1",
        health_host="0.0.0.0",  # noqa: S104 (the kubelet asks from outside of the pod)
        lease_name="health-operator",
        platform=Platform(
            tag="dev",
            pull_policy="Never",
            stand_ins=StandIns("dev-kafka.dev-services.svc:9092", "http://dev-aws.dev-services.svc:5000"),
        ),
    )


def test_the_operator_is_told_of_namespaces_images_and_pull_secrets(helm: Helm) -> None:
    told = _settings(helm.template(CHART, {**OPERATOR["two-teams"], "images": OPERATOR["everything"]["images"]}))
    assert told.watch_namespaces == ("cardiology", "ambulances")
    assert told.platform.pull_secrets == ("registry-login",)
    assert told.platform.spark_service_account == "spark"
    assert told.platform.image("spark") == f"registry.example:5000/health/health-spark@{DIGEST}"
    assert told.platform.image("producer") == "registry.example:5000/health/health-producer:1.2.3"


def test_pipelines_dashboards_are_found_as_the_charts_own_are(helm: Helm) -> None:
    told = _settings(helm.template(CHART, {}))
    (monitoring,) = [
        each
        for each in helm.template("health-monitoring", {})
        if each["metadata"]["name"].endswith("pipeline") and each["kind"] == "ConfigMap"
    ]
    assert told.platform.dashboard_labels.items() <= monitoring["metadata"]["labels"].items()
    assert monitoring["metadata"]["annotations"] == {"grafana_folder": told.platform.dashboard_folder}
    chosen = {**OPERATOR["everything"], "global": {"additionalLabels": {"release": "prometheus"}}}
    platform = _settings(helm.template(CHART, chosen)).platform
    assert platform.dashboard_labels == {"grafana_dashboard": "1", "team": "platform", "release": "prometheus"}
    assert platform.dashboard_folder == "City"


def test_the_policy_lets_the_operator_reach_what_it_asks_and_nobody_else(helm: Helm) -> None:
    objects = helm.template(CHART, OPERATOR["two-teams"])
    told = _settings(objects)
    policy = named(objects, "NetworkPolicy", "health-operator")["spec"]
    deployment = named(objects, "Deployment", "health-operator")
    assert policy["podSelector"]["matchLabels"] == deployment["spec"]["selector"]["matchLabels"]
    (incoming,) = policy["ingress"]
    assert {port["port"] for port in incoming["ports"]} == {told.health_port, told.metrics_port}
    names, server, watchers = policy["egress"]
    assert {port["port"] for port in names["ports"]} == {53, 5353}
    assert [port["port"] for port in server["ports"]] == [443, 6443]
    (whom,) = watchers["to"]
    assert whom["podSelector"]["matchLabels"].items() <= labels("london", "lag").items()
    assert whom["namespaceSelector"]["matchExpressions"][0]["values"] == list(told.watch_namespaces)
    assert [port["port"] for port in watchers["ports"]] == [urlsplit(told.slo_url).port]


def test_there_is_no_policy_where_none_is_wanted(helm: Helm) -> None:
    objects = helm.template(CHART, {"networkPolicy": {"enabled": False}})
    assert not [each for each in objects if each["kind"] == "NetworkPolicy"]


def test_a_digest_takes_the_tags_place(helm: Helm) -> None:
    (container,) = _pod(helm.template(CHART, OPERATOR["everything"]))["containers"]
    assert container["image"] == f"registry.example:5000/health/health-operator@{DIGEST}"


def test_the_probes_ask_where_the_operator_answers(helm: Helm) -> None:
    objects = helm.template(CHART, {})
    told = _settings(objects)
    (container,) = _pod(objects)["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"health": told.health_port, "metrics": told.metrics_port}
    assert {container[probe]["httpGet"]["port"] for probe in ("livenessProbe", "readinessProbe")} == {"health"}


@pytest.mark.parametrize("values", OPERATOR)
def test_what_selects_the_pods_selects_them(helm: Helm, values: str) -> None:
    objects = helm.template(CHART, OPERATOR[values])
    (deployment,) = [each for each in objects if each["kind"] == "Deployment"]
    on_pods = deployment["spec"]["template"]["metadata"]["labels"]
    selectors: dict[str, Any] = {
        each["kind"]: each["spec"]["selector"].get("matchLabels", each["spec"]["selector"])
        for each in objects
        if "selector" in each.get("spec", {})
    }
    assert {"Deployment", "Service"} <= selectors.keys()
    assert all(selector and selector.items() <= on_pods.items() for selector in selectors.values())
    test = [each for each in objects if each["kind"] == "Pod"]
    assert not any(selectors["Service"].items() <= pod["metadata"]["labels"].items() for pod in test)


def test_one_replica_has_no_budget_that_would_block_a_drain(helm: Helm) -> None:
    assert not [each for each in helm.template(CHART, {"replicas": 1}) if each["kind"] == "PodDisruptionBudget"]


def test_a_long_name_of_a_release_leaves_valid_names(helm: Helm) -> None:
    rendered = helm("template", "r" * 53, CHARTS / CHART, "--kube-version", "1.34.0")
    names = [each["metadata"]["name"] for each in yaml.safe_load_all(rendered) if each]
    assert max(len(name) for name in names if "." not in name) <= 63


def _pod(objects: list[Object]) -> Object:
    pod: Object = named(objects, "Deployment", "health-operator")["spec"]["template"]["spec"]
    return pod


def test_the_stand_ins_are_where_dev_services_puts_them(helm: Helm) -> None:
    services = {
        f"{each['metadata']['name']}.dev-services.svc:{port['port']}"
        for each in helm.template("dev-services", {}, "dev-services")
        if each["kind"] == "Service"
        for port in each["spec"]["ports"]
    }
    kafka, aws = OPERATOR["development"]["standIns"].values()
    assert {kafka, aws.removeprefix("http://")} == services
    readme = (CHARTS / CHART / "README.md").read_text()
    assert f"--set standIns.kafka={kafka} --set standIns.aws={aws}" in readme
