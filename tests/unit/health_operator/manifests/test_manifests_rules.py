"""What holds for the objects of every pipeline there can be."""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from health_operator.bindings import kubernetes_components
from health_operator.kinds import kind_of
from health_operator.manifests import Manifest
from health_operator.naming import COMPONENT_LABEL, MANAGED_BY, PIPELINE_LABEL
from health_operator.settings import Platform
from health_pipeline import HealthPipeline, read_pipeline
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.health_operator.manifests.examples import (
    DEVELOPMENT,
    EXAMPLES,
    PRODUCTION,
    built,
    example,
    pipeline_of,
    pod_templates,
)
from tests.unit.health_operator.manifests.pod_security import violations
from tests.unit.health_pipeline.documents import documents

NAMES = st.from_regex(re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", re.ASCII), fullmatch=True)
PLATFORMS = st.sampled_from([DEVELOPMENT, PRODUCTION, Platform(), Platform(spark_service_account="spark")])
LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?", re.ASCII)
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?", re.ASCII)
# What becomes a label's value or a part of a DNS name; others are names of their own kind.
SHORT_KINDS = {"Service", "Deployment", "Job", "SparkApplication", "ScheduledSparkApplication", "KafkaNodePool",
               "Kafka"}  # fmt: skip
DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
DNS_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", re.ASCII)
RUN = "-1700000000000000000"


@st.composite
def pipelines(draw: st.DrawFn) -> HealthPipeline:
    return read_pipeline(draw(documents(draw(NAMES))))


@settings(max_examples=60)
@given(pipelines(), PLATFORMS)
def test_every_object_is_the_pipelines_has_one_place_and_a_good_name(
    pipeline: HealthPipeline, platform: Platform
) -> None:
    manifests = built(pipeline, platform)
    assert not [key for key, count in Counter(map(_key, manifests)).items() if count > 1]
    for manifest in manifests:
        metadata = manifest["metadata"]
        assert kind_of(manifest), "or it would never be pruned"
        assert metadata["namespace"] == pipeline.namespace
        assert metadata["labels"].items() >= {**MANAGED_BY, PIPELINE_LABEL: pipeline.name}.items()
        assert DNS_NAME.fullmatch(metadata["name"])
        assert len(metadata["name"]) <= 63
        assert manifest["kind"] not in SHORT_KINDS or DNS_LABEL.fullmatch(metadata["name"])
        for labels in _all_labels(manifest):
            assert all(LABEL_KEY.fullmatch(key) and LABEL_VALUE.fullmatch(value) for key, value in labels.items())


@settings(max_examples=60)
@given(pipelines(), PLATFORMS)
def test_every_component_has_exactly_one_workload(pipeline: HealthPipeline, platform: Platform) -> None:
    workloads = Counter(
        manifest["metadata"]["labels"][COMPONENT_LABEL]
        for manifest in built(pipeline, platform)
        if manifest["kind"] in ("Deployment", "SparkApplication", "ScheduledSparkApplication")
    )
    wanted = [] if pipeline.spec.suspend else [part.name for part in kubernetes_components(pipeline, platform)]
    assert workloads == Counter(wanted)


@settings(max_examples=60)
@given(pipelines(), PLATFORMS)
def test_every_pod_is_restricted_can_write_only_to_its_volumes_and_is_found_by_its_service_account(
    pipeline: HealthPipeline, platform: Platform
) -> None:
    manifests = built(pipeline, platform)
    accounts = {name for kind, name in map(_key, manifests) if kind == "ServiceAccount"} | {"spark"}
    for manifest in manifests:
        for title, template in pod_templates(manifest):
            pod = template["spec"]
            assert not list(violations(pod)), title
            assert pod["serviceAccountName"] in accounts, title
            assert not pod["enableServiceLinks"], title
            # Drivers make executors; nobody else speaks with the API server.
            assert pod["automountServiceAccountToken"] == title.endswith("driver"), title
            for container in pod["containers"]:
                assert container["securityContext"]["readOnlyRootFilesystem"], title
                mounts = {mount["name"] for mount in container["volumeMounts"]}
                assert mounts == {volume["name"] for volume in pod["volumes"]}, title


@settings(max_examples=40)
@given(pipelines(), PLATFORMS)
def test_the_same_pipeline_is_the_same_objects(pipeline: HealthPipeline, platform: Platform) -> None:
    assert json.dumps(built(pipeline, platform)) == json.dumps(built(copy.deepcopy(pipeline), platform))


@settings(max_examples=40)
@given(NAMES, st.sampled_from(sorted(EXAMPLES)))
def test_what_is_run_by_others_fits_their_names(name: str, which: str) -> None:
    document = pipeline_of(which)
    pipeline = HealthPipeline(name, document.spec, document.namespace)
    for manifest in built(pipeline, EXAMPLES[which][1]):
        own = manifest["metadata"]["name"]
        if manifest["kind"] == "ScheduledSparkApplication":
            assert len(own + RUN) <= 63, "a run's name is the value of a label"
        if manifest["kind"] == "KafkaNodePool":
            assert len(f"{name}-{own}-99") <= 63, "a pod's name is a part of its DNS name"


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_suspended_pipeline_runs_nothing_and_keeps_everything(name: str) -> None:
    running, suspended = example(name), example(name, suspend=True)
    runs = {"Deployment", "Job", "SparkApplication", "ScheduledSparkApplication"}
    assert suspended == [manifest for manifest in running if manifest["kind"] not in runs]
    assert {"ServiceAccount", "Service"} <= {manifest["kind"] for manifest in suspended}


def test_what_a_secret_holds_is_never_in_an_object() -> None:
    """Secrets are named; nothing but the kubelet reads them, so all that could leak is a variable with a value."""
    for manifest in example("everything") + example("strimzi"):
        for container in _containers(manifest):
            secret = {"HEALTH_SASL_PASSWORD", "HEALTH_TOKEN", "HEALTH_PATIENTS_TOKEN", "HEALTH_PSEUDONYM_KEY"}
            secret |= {"HEALTH_PROXY_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
            plain = {each["name"] for each in container.get("env", ()) if "valueFrom" not in each}
            assert not plain & secret
        assert manifest["kind"] != "Secret"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"hostNetwork": True}, "hostNetwork is not allowed"),
        ({"volumes": [{"name": "root", "hostPath": {"path": "/"}}]}, "volume root is a hostPath"),
        ({"securityContext": {}}, "main has no seccomp profile"),
        ({"securityContext": {"runAsUser": 0, "seccompProfile": {"type": "Localhost"}}}, "pod runs as user 0"),
    ],
)
def test_the_checker_notices(change: dict[str, Any], complaint: str) -> None:
    good = {
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "main",
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "runAsNonRoot": True,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    }
    assert not list(violations(good))
    assert complaint in list(violations({**good, **change}))


@pytest.mark.parametrize("field", ["allowPrivilegeEscalation", "runAsNonRoot", "capabilities"])
def test_the_checker_notices_what_a_container_lacks(field: str) -> None:
    (_, template), *_ = pod_templates(example("quickstart")[-1])
    pod = copy.deepcopy(template["spec"])
    pod["securityContext"].pop(field, None)
    del pod["containers"][0]["securityContext"][field]
    assert list(violations(pod))


def _key(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def _all_labels(value: Any) -> Iterator[dict[str, str]]:
    """Labels and what selects by them, wherever they are."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("labels", "matchLabels") or (key == "selector" and "matchLabels" not in inner):
                yield inner
            yield from _all_labels(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _all_labels(inner)


def _containers(manifest: Manifest) -> Iterator[Manifest]:
    for _, template in pod_templates(manifest):
        yield from template["spec"]["containers"]
