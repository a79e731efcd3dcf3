"""What must hold of what the platform's chart makes of values: its own objects, and what it gives to its parts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from charts.vendor import PLATFORM as CHART_FOLDER
from tests.kubernetes.charts.helm import Helm, Object, named
from tests.kubernetes.charts.value_sets import OPERATOR, PLATFORM, PLATFORM_CASES, Case

CHART = "health-platform"
NAME = "health-operator-health-platform"  # of the release that the tests make
TEAMS = PLATFORM["everything"]["health-operator"]["watchNamespaces"]


@pytest.mark.parametrize("case", PLATFORM_CASES, ids=str)
def test_objects(helm: Helm, golden: Callable[[str, str], None], case: Case) -> None:
    """Its own in full; of its parts, whose charts have tests of their own, which there are."""
    objects = [each for each in helm.template(CHART, case.values) if each["kind"] != "CustomResourceDefinition"]
    own = [each for each in objects if _chart(each) == CHART]
    others = [f"{_chart(each)}: {each['kind']} {each['metadata']['name']}" for each in objects if each not in own]
    text = yaml.safe_dump_all([others, *own], sort_keys=False, width=120)
    golden(f"charts/{CHART}/{case.name}.yaml", text)


def test_every_dependency_is_pinned_and_can_be_left_out() -> None:
    described = yaml.safe_load((CHART_FOLDER / "Chart.yaml").read_text())
    values = yaml.safe_load((CHART_FOLDER / "values.yaml").read_text())
    assert [each["name"] for each in described["dependencies"]] == [
        "strimzi-kafka-operator", "spark-operator", "health-operator", "health-monitoring",
    ]  # fmt: skip
    for each in described["dependencies"]:
        name = each.get("alias", each["name"])
        assert each["version"].replace(".", "").isdigit()
        assert each["condition"] == f"{name}.enabled"
        assert isinstance(values[name]["enabled"], bool)


def test_without_a_part_nothing_of_it_is_made(helm: Helm) -> None:
    parts = {part: {"enabled": False} for part in ("strimzi", "spark-operator", "health-operator", "health-monitoring")}
    assert helm.template(CHART, parts) == []
    for part in ("spark-operator", "health-operator", "health-monitoring"):
        made = helm.template(CHART, parts | {part: {"enabled": True}})
        assert made
        assert {_chart(each) for each in made if each["kind"] != "CustomResourceDefinition"} == {part}


def test_pull_secrets_and_labels_are_given_once_for_all_charts_of_ours(helm: Helm) -> None:
    objects = helm.template(CHART, PLATFORM["everything"])
    operator = named(objects, "Deployment", "health-operator")
    told = {each["name"]: each.get("value") for each in _container(operator)["env"]}
    platform = json.loads(told["HEALTH_OPERATOR_PLATFORM"])
    assert platform["pull_secrets"] == ["registry-login"]
    assert platform["monitor_labels"] == {"release": "kube-prometheus-stack"}, "of pipelines' PodMonitors"
    pods = [each["spec"]["template"]["spec"] for each in objects if each["kind"] == "Deployment"]
    pods += [each["spec"] for each in objects if each["kind"] == "Pod"]
    assert len(pods) == 6  # operator, Kafka UI, the Spark operator's two, and both tests
    assert all(pod["imagePullSecrets"] == [{"name": "registry-login"}] for pod in pods)
    monitored = [each for each in objects if each["kind"] in ("PodMonitor", "PrometheusRule")]
    boards = [each for each in objects if each["kind"] == "ConfigMap" and _chart(each) == "health-monitoring"]
    assert len(monitored) == 2
    assert boards
    assert all(each["metadata"]["labels"]["release"] == "kube-prometheus-stack" for each in (*monitored, *boards))


def test_what_a_chart_of_ours_is_given_itself_is_not_lost(helm: Helm) -> None:
    values = {
        "global": {"imagePullSecrets": ["a"], "additionalLabels": {"release": "one", "team": "x"}},
        "images": {"pullSecrets": ["b", "a"]},
        "metrics": {"podMonitor": {"enabled": True, "labels": {"release": "another"}}},
    }
    objects = helm.template("health-operator", values)
    (pod,) = [each["spec"] for each in objects if each["kind"] == "Pod"]
    assert pod["imagePullSecrets"] == [{"name": "b"}, {"name": "a"}]
    (monitor,) = [each for each in objects if each["kind"] == "PodMonitor"]
    assert monitor["metadata"]["labels"].items() >= {"release": "another", "team": "x"}.items()


def test_a_constraint_of_spread_is_about_the_operators_pods(helm: Helm) -> None:
    deployment = named(helm.template("health-operator", OPERATOR["everything"]), "Deployment", "health-operator")
    (constraint,) = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert constraint["whenUnsatisfiable"] == "DoNotSchedule"
    assert constraint["labelSelector"] == deployment["spec"]["selector"]


def test_both_operators_stand_a_drain(helm: Helm) -> None:
    objects = helm.template(CHART, {})
    deployments = {each["metadata"]["name"]: each["spec"] for each in objects if each["kind"] == "Deployment"}
    budgets = [each["spec"]["selector"]["matchLabels"] for each in objects if each["kind"] == "PodDisruptionBudget"]
    assert len(deployments) == 3
    for spec in deployments.values():
        assert spec["replicas"] == 2
        labels = spec["template"]["metadata"]["labels"]
        assert [chosen for chosen in budgets if chosen.items() <= labels.items()]


def test_spark_is_given_rights_to_network_policies_where_it_runs(helm: Helm) -> None:
    grant: dict[str, Any] = {"sparkNetworkPolicies": {"grant": True}}

    def bindings(values: dict[str, Any]) -> list[Object]:
        made = helm.template(CHART, values)
        return [each for each in made if _chart(each) == CHART and each["kind"].endswith("Binding")]

    assert bindings({}) == []
    (everywhere,) = bindings(grant)
    assert everywhere["kind"] == "ClusterRoleBinding"
    accounts = [each for each in helm.template(CHART, grant) if each["kind"] == "ServiceAccount"]
    assert everywhere["subjects"][0]["name"] in {each["metadata"]["name"] for each in accounts}
    in_two = bindings(PLATFORM["everything"])
    assert [(each["kind"], each["metadata"]["namespace"]) for each in in_two] == [("RoleBinding", x) for x in TEAMS]


def test_an_ingress_leads_to_the_service_that_the_operator_makes(helm: Helm) -> None:
    (ingress,) = [each for each in helm.template(CHART, PLATFORM["everything"]) if each["kind"] == "Ingress"]
    (rule,) = ingress["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert path["backend"]["service"] == {"name": "london-console", "port": {"name": "http"}}
    assert ingress["spec"]["tls"] == [{"hosts": [rule["host"]], "secretName": "london-certificate"}]


def test_kafka_ui_asks_for_a_login_and_speaks_to_its_kafka_alone(helm: Helm) -> None:
    objects = helm.template(CHART, PLATFORM["everything"])
    deployment = named(objects, "Deployment", f"{NAME}-kafka-ui")
    told = {each["name"]: each.get("value", each.get("valueFrom")) for each in _container(deployment)["env"]}
    assert told["AUTH_TYPE"] == "LOGIN_FORM"
    assert told["SPRING_SECURITY_USER_PASSWORD"]["secretKeyRef"]["name"] == "kafka-ui-login"
    assert told["KAFKA_CLUSTERS_0_READONLY"] == "true"
    (user,) = [each for each in objects if each["kind"] == "KafkaUser"]
    may = {operation for acl in user["spec"]["authorization"]["acls"] for operation in acl["operations"]}
    assert may == {"Describe", "DescribeConfigs", "Read"}
    policy = named(objects, "NetworkPolicy", f"{NAME}-kafka-ui")["spec"]
    assert policy["podSelector"]["matchLabels"] == deployment["spec"]["selector"]["matchLabels"]
    dns, kafka = policy["egress"]
    assert {each["port"] for each in dns["ports"]} == {53, 5353}
    assert kafka["to"][0]["podSelector"]["matchLabels"]["strimzi.io/cluster"] == "london"
    assert policy["ingress"][0]["from"] == PLATFORM["everything"]["kafkaUi"]["networkPolicy"]["from"]


def test_kafka_ui_of_another_kafka_lets_nobody_in_by_default(helm: Helm) -> None:
    objects = helm.template(CHART, PLATFORM["ours-alone"])
    assert not [each for each in objects if each["kind"] == "KafkaUser"]
    policy = named(objects, "NetworkPolicy", f"{NAME}-kafka-ui")["spec"]
    assert "Ingress" in policy["policyTypes"]
    assert "ingress" not in policy
    assert [each["port"] for each in policy["egress"][1]["ports"]] == [9093, 9094]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"kafkaUi": {"enabled": True, "pipeline": "london"}}, "set kafkaUi.loginSecret"),
        ({"kafkaUi": {"enabled": True, "loginSecret": "x"}}, "say whose Kafka is to be shown"),
        ({"kafkaUi": {"enabled": True, "loginSecret": "x", "pipeline": "a", "bootstrapServers": "b:1"}}, "not both"),
        ({"ingress": {"enabled": True}}, "none is there"),
        ({"ingress": {"consoles": [{"pipeline": "a", "namespace": "b", "host": "c"}]}}, "tlsSecret"),
        ({"health-operator": {"watchNamespaces": ["a"]}, "spark-operator": {"spark": {"jobNamespaces": ["b"]}}},
         "the Spark operator runs nothing (a)"),
        ({"spark-operator": {"spark": {"jobNamespaces": ["b"]}}}, "the Spark operator runs nothing (all others)"),
        ({"strimzi": {"watchAnyNamespace": False}}, "Strimzi runs no Kafka (all others)"),
        ({"health-operator": {"replica": 1}}, "'replica' not allowed"),
        ({"spark-operator": {"enabled": "no"}}, "/spark-operator/enabled': got string"),
        ({"kafkaUI": {}}, "'kafkaUI' not allowed"),
        ({"global": {"imagePullSecrets": [{"name": "x"}]}}, "/global/imagePullSecrets/0': got object"),
    ],
)  # fmt: skip
def test_values_that_do_not_fit_are_refused_with_what_to_do(helm: Helm, values: dict[str, Any], complaint: str) -> None:
    assert complaint in helm.refusal(CHART, values)


def test_namespaces_that_agree_are_accepted(helm: Helm) -> None:
    values = {
        "health-operator": {"watchNamespaces": ["a", "b"]},
        "spark-operator": {"spark": {"jobNamespaces": ["b", "a", "c"]}},
        "strimzi": {"watchAnyNamespace": False, "watchNamespaces": ["a", "b"]},
    }
    assert helm.template(CHART, values)


def test_a_long_name_of_a_release_leaves_valid_names(helm: Helm) -> None:
    objects = helm.template(CHART, PLATFORM["everything"], release="r" * 53)
    own = [each["metadata"]["name"] for each in objects if _chart(each) == CHART and "rbac" not in each["apiVersion"]]
    assert max(map(len, own)) <= 63


def _chart(made: Object) -> str:
    """The chart that an object is of, by the label that all charts give; pods of tests have only their own."""
    labels = made["metadata"]["labels"]
    if made["kind"] == "Pod":
        return str(labels["app.kubernetes.io/name"]).removesuffix("-test")
    return str(labels["helm.sh/chart"]).rpartition("-")[0]


def _container(deployment: Object) -> Object:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return dict(container)
