"""NetworkPolicies, by what they let through: the paths of the design are open, and nothing else is."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from typing import Any

import pytest
from health_operator.bindings import kubernetes_components, runs_strimzi
from health_operator.manifests import Manifest, Owner, desired
from health_operator.settings import Platform
from health_pipeline import HealthPipeline
from hypothesis import given, settings

from tests.unit.health_operator.manifests.examples import DEVELOPMENT, EXAMPLES, built, example, kinds, pipeline_of
from tests.unit.health_operator.manifests.network_paths import Address, Peer, Pod, allowed
from tests.unit.health_operator.manifests.test_manifests_rules import PLATFORMS, pipelines

HTTP, METRICS, BLOCKS, KAFKA_TLS = 8080, 9464, 7079, 9093
PORTS = (HTTP, METRICS, BLOCKS)
STRANGER = Pod("default", {"app": "stranger"})
OPERATOR = Pod("health-system", {"app.kubernetes.io/name": "health-operator"})
SOMEWHERE, METADATA = Address("203.0.113.7"), Address("169.254.169.254")


def policies(manifests: list[Manifest]) -> list[Manifest]:
    return list(kinds(manifests, "NetworkPolicy").values())


def pod(pipeline: HealthPipeline, component: str, **labels: str) -> Pod:
    """A pod of a component, as its template labels it and Spark adds its role."""
    name = component.removesuffix("-driver").removesuffix("-executor")
    role = {"spark-role": component.removeprefix(f"{name}-")} if component != name else {}
    instance = {"app.kubernetes.io/name": "health-pipeline", "app.kubernetes.io/instance": pipeline.name}
    return Pod(pipeline.namespace, {**instance, "app.kubernetes.io/component": name, **role, **labels})


def pods(pipeline: HealthPipeline, platform: Platform) -> dict[str, Pod]:
    """Every pod that a pipeline can have, by its component."""
    found = [] if runs_strimzi(pipeline, platform) else ["topics", "topics-removal"]
    for part in kubernetes_components(pipeline, platform):
        found += [f"{part.name}-driver", f"{part.name}-executor"] if part.spark else [part.name]
    return {name: pod(pipeline, name) for name in found}


def told(pipeline: HealthPipeline, platform: Platform) -> set[tuple[str, str, int]]:
    """(client, server, port) of whatever a component's variables name of the pipeline's own, read as plain text."""
    ours = rf"//{pipeline.name}-([-a-z]+)\.{pipeline.namespace}\.svc:(\d+)"
    found = set()
    for part in kubernetes_components(pipeline, platform):
        for server, port in re.findall(ours, json.dumps(part.env)):
            found.add((part.name, server, int(port)))
    return found


def base(name: str) -> str:
    return re.sub("-(driver|executor)$", "", name)


@settings(max_examples=25, deadline=None)
@given(pipelines(), PLATFORMS)
def test_what_a_component_is_told_to_call_it_may_call_and_nothing_else(
    pipeline: HealthPipeline, platform: Platform
) -> None:
    """Between two of a pipeline a path is open if one is told to call the other, or both speak with just anybody."""
    pipeline = with_policies(pipeline)
    found = policies(built(pipeline, platform))
    ours, paths = pods(pipeline, platform), told(pipeline, platform)
    anybody = (Pod(pipeline.namespace, {}), SOMEWHERE)
    calls_anybody = {(name, port) for name, each in ours.items() for port in PORTS
                     if any(allowed(found, each, other, port) for other in anybody)}  # fmt: skip
    answers_anybody = {(name, port) for name, each in ours.items() for port in PORTS
                       if allowed(found, Pod(pipeline.namespace, {}), each, port)}  # fmt: skip
    for (client, source), (server, target) in itertools.permutations(ours.items(), 2):
        same_spark = base(client) == base(server) != server
        for port in PORTS:
            wanted = same_spark or (base(client), base(server), port) in paths
            unbounded = (client, port) in calls_anybody and (server, port) in answers_anybody
            assert allowed(found, source, target, port) == (wanted or unbounded), (client, server, port)
    public = {("console", HTTP)} | (
        set() if pipeline.spec.security.metrics_from else {(name, METRICS) for name in ours}
    )
    assert answers_anybody <= public


def with_policies(pipeline: HealthPipeline) -> HealthPipeline:
    security = dataclasses.replace(pipeline.spec.security, network_policies=True)
    return dataclasses.replace(pipeline, spec=dataclasses.replace(pipeline.spec, security=security))


def quickstart(**spec: Any) -> tuple[HealthPipeline, list[Manifest]]:
    pipeline = pipeline_of("quickstart", **spec)
    return pipeline, policies(built(pipeline, DEVELOPMENT))


def path(source: str, target: str, port: int, **spec: Any) -> bool:
    pipeline, found = quickstart(**spec)
    return allowed(found, pod(pipeline, source), pod(pipeline, target), port)


@pytest.mark.parametrize(
    ("source", "target", "port"),
    [
        ("producer-vitals", "simulator", HTTP), ("lag", "simulator", METRICS), ("lag", "producer-gps", METRICS),
        ("lag", "landing-driver", METRICS), ("lag", "dispatch", METRICS),
        ("alerts-driver", "alerts-executor", BLOCKS), ("alerts-executor", "alerts-driver", 7078),
        ("transform-executor", "transform-driver", BLOCKS),
    ],
)  # fmt: skip
def test_paths_of_the_design_are_open(source: str, target: str, port: int) -> None:
    assert path(source, target, port)


@pytest.mark.parametrize(
    ("source", "target", "port"),
    [
        ("producer-vitals", "producer-gps", METRICS), ("dispatch", "simulator", HTTP), ("dispatch", "lag", HTTP),
        ("producer-vitals", "lag", HTTP), ("simulator", "dispatch", METRICS),
        ("landing-driver", "alerts-driver", BLOCKS),
        ("alerts-executor", "simulator", HTTP), ("lag", "dispatch", HTTP), ("lag", "landing-driver", BLOCKS),
        ("topics", "simulator", HTTP), ("producer-vitals", "simulator", METRICS),
    ],
)  # fmt: skip
def test_other_paths_are_closed(source: str, target: str, port: int) -> None:
    assert not path(source, target, port)


def test_the_console_is_open_to_people_and_reads_what_it_shows() -> None:
    console = {"tokenRef": {"name": "console", "key": "token"}}
    pipeline, found = quickstart(console=console)
    assert allowed(found, STRANGER, pod(pipeline, "console"), HTTP)
    for target, port in (("lag", HTTP), ("simulator", HTTP), ("dispatch", METRICS), ("alerts-driver", METRICS)):
        assert allowed(found, pod(pipeline, "console"), pod(pipeline, target), port)


def test_the_operator_reads_the_watchers_document_and_nobody_else_from_outside() -> None:
    pipeline, found = quickstart()
    lag = pod(pipeline, "lag")
    assert allowed(found, OPERATOR, lag, HTTP)
    assert not allowed(found, STRANGER, lag, HTTP)
    assert not allowed(found, OPERATOR, pod(pipeline, "simulator"), HTTP)


def test_who_may_read_metrics_can_be_bounded() -> None:
    prometheus = Pod("monitoring", {"app": "prometheus"})
    for chosen, strangers in (({}, True), ({"metricsFrom": ["monitoring"]}, False)):
        pipeline, found = quickstart(security=chosen)
        for name in ("dispatch", "landing-driver", "producer-vitals"):
            assert allowed(found, prometheus, pod(pipeline, name), METRICS)
            assert allowed(found, pod(pipeline, "lag"), pod(pipeline, name), METRICS)
            assert allowed(found, STRANGER, pod(pipeline, name), METRICS) == strangers


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_pod_may_ask_dns_in_the_cluster_and_no_one_elses(name: str) -> None:
    pipeline, platform = pipeline_of(name), EXAMPLES[name][1]
    found = policies(built(pipeline, platform))
    core_dns, cache = Pod("kube-system", {"k8s-app": "kube-dns"}), Address("169.254.20.10")
    for each in pods(pipeline, platform).values():
        assert all(allowed(found, each, core_dns, port, "UDP") for port in (53, 5353))
        assert allowed(found, each, cache, 53, "UDP")
        assert not allowed(found, each, SOMEWHERE, 53, "UDP")


def test_only_drivers_reach_the_api_server() -> None:
    pipeline, found = quickstart()
    reaching = {name for name, each in pods(pipeline, DEVELOPMENT).items() if allowed(found, each, SOMEWHERE, 6443)}
    assert reaching == {"landing-driver", "alerts-driver", "transform-driver"}


def test_kafka_and_lake_are_reached_where_they_are() -> None:
    pipeline, found = quickstart()
    dev = Pod("dev", {"app": "dev-kafka"})
    for name, reaches in (("dispatch", True), ("landing-executor", True), ("topics", True)):
        assert allowed(found, pod(pipeline, name), dev, 9092) == reaches
    assert not allowed(found, pod(pipeline, "dispatch"), SOMEWHERE, 443)

    pipeline = pipeline_of("strimzi")
    found = policies(built(pipeline, Platform()))
    broker = Pod("health", {"strimzi.io/cluster": "paris", "strimzi.io/kind": "Kafka"})
    other = Pod("health", {"strimzi.io/cluster": "rome", "strimzi.io/kind": "Kafka"})
    for name in ("dispatch", "alerts-executor", "producer-vitals", "lag", "console", "simulator"):
        assert allowed(found, pod(pipeline, name), broker, KAFKA_TLS)
        assert not allowed(found, pod(pipeline, name), other, KAFKA_TLS)
    assert not allowed(found, pod(pipeline, "transform-driver"), broker, KAFKA_TLS)
    assert allowed(found, pod(pipeline, "landing-executor"), SOMEWHERE, 443)


def test_sources_brokers_and_lake_elsewhere_are_reached_at_their_ports() -> None:
    pipeline = pipeline_of("everything")
    found = policies(built(pipeline, EXAMPLES["everything"][1]))
    reached = {name: {port for port in (80, 443, 9092, 9093) if allowed(found, pod(pipeline, name), SOMEWHERE, port)}
               for name in ("producer-vitals", "producer-weather", "dispatch", "landing-executor")}  # fmt: skip
    assert reached == {
        "producer-vitals": {443, 9093}, "producer-weather": {9093}, "dispatch": {9093}, "landing-executor": {443, 9093},
    }  # fmt: skip


def test_only_who_has_no_credentials_of_its_own_may_ask_the_machine_for_some() -> None:
    pipeline = pipeline_of("strimzi", components=[{"name": "landing", "roleArn": "arn:aws:iam::123456789012:role/x"}])
    found = policies(built(pipeline, Platform()))
    asking = {name for name, each in pods(pipeline, Platform()).items() if allowed(found, each, METADATA, 80)}
    assert asking >= {"alerts-driver", "transform-executor"}
    assert not asking & {"landing-driver", "landing-executor", "dispatch", "simulator", "console"}
    with_keys = pipeline_of("everything")
    found = policies(built(with_keys, EXAMPLES["everything"][1]))
    assert not allowed(found, pod(with_keys, "alerts-driver"), METADATA, 80)


@pytest.mark.parametrize(
    ("url", "reached", "closed"),
    [
        ("http://fleet.cars.svc/v1", (Pod("cars", {}), 8000), (Pod("others", {}), 80)),
        ("http://fleet.cars.svc.cluster.local:81/v1", (Pod("cars", {}), 8000), (SOMEWHERE, 81)),
        ("http://fleet/v1", (STRANGER, 8000), (Pod("others", {}), 80)),
        ("https://fleet.example/v1", (SOMEWHERE, 443), (SOMEWHERE, 80)),
        ("http://10.1.2.3:8443", (Address("10.1.2.3"), 8443), (SOMEWHERE, 443)),
    ],
)
def test_a_service_of_others_is_bounded_by_its_namespace(
    url: str, reached: tuple[Peer, int], closed: tuple[Peer, int]
) -> None:
    """A Service's port may be another at its pods, and policies see that one."""
    pipeline, found = quickstart(sources=[{"name": "gps", "endpoint": {"url": url}}])
    producer = pod(pipeline, "producer-gps")
    assert allowed(found, producer, *reached)
    assert not allowed(found, producer, *closed)


def test_what_removes_things_from_aws_reaches_aws_and_nothing_else() -> None:
    pipeline = pipeline_of("strimzi")
    owner = Owner("health-streaming.com/v1alpha1", "HealthPipeline", pipeline.name, "5f1c0de0-uid")
    found = policies(desired(pipeline, Platform(), owner, in_aws={"catalog": ""}, removes=frozenset({"catalog"})))
    job = pod(pipeline, "catalog-removal")
    assert allowed(found, job, SOMEWHERE, 443)
    assert allowed(found, job, METADATA, 80), "no role is its own here"
    assert not allowed(found, job, SOMEWHERE, KAFKA_TLS)
    assert not allowed(found, STRANGER, job, METRICS)


def test_without_policies_spark_stays_closed_and_all_else_is_open() -> None:
    manifests = example("quickstart", security={"networkPolicies": False})
    found = kinds(manifests, "NetworkPolicy")
    assert found.keys() == {f"quickstart-{name}" for name in ("landing", "alerts", "transform")}
    pipeline = pipeline_of("quickstart")
    driver = pod(pipeline, "landing-driver")
    assert allowed(list(found.values()), pod(pipeline, "landing-executor"), driver, BLOCKS)
    assert not allowed(list(found.values()), STRANGER, driver, BLOCKS)
    assert allowed(list(found.values()), driver, SOMEWHERE, 22)
