"""The CustomResourceDefinition and the dataclasses that it is made from; tests/kubernetes asks a real API server."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from health_pipeline import read_pipeline
from health_pipeline.crd import custom_resource_definition
from health_pipeline.rules import CHECKS, TRANSITIONS
from health_pipeline.spec import camel
from health_pipeline.spec_autoscaling import Replicas
from health_pipeline.writer import document

K8S = Path(__file__).parents[3] / "k8s"
EXAMPLES = sorted((K8S / "examples").glob("*.yaml"))
CRD = custom_resource_definition()
ROOT = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def nodes(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema below one, with its path: ``spec.sources[].name``."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from nodes(inner, f"{path}.{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")


SPEC = dict(nodes(ROOT["properties"]["spec"], "spec"))
PLACES = {Replicas: 2}  # where an object is in more than one
STATUS = dict(nodes(ROOT["properties"]["status"], "status"))


def test_the_file_is_what_the_model_gives() -> None:
    written = yaml.safe_load((K8S / "crds" / "healthpipelines.health-streaming.com.yaml").read_text())
    assert written == json.loads(json.dumps(CRD)), "k8s/crds has drifted from health_pipeline.spec: make crds"


def test_every_field_is_described() -> None:
    told = {path: schema.get("description") for path, schema in (SPEC | STATUS).items()}
    assert [path for path, doc in told.items() if not doc and not path.endswith("[]")] == []


def test_every_field_is_required_has_a_default_or_may_be_absent() -> None:
    for path, schema in SPEC.items():
        for name, inner in schema.get("properties", {}).items():
            assert not (name in schema.get("required", ()) and "default" in inner), f"{path}.{name}"
    absent = {
        f"{path}.{name}"
        for path, schema in SPEC.items()
        for name, inner in schema.get("properties", {}).items()
        if name not in schema.get("required", ()) and "default" not in inner
    }
    assert absent == {
        "spec.sources[].endpoint", "spec.sources[].endpoint.secretRef", "spec.sources[].simulate",
        "spec.sources[].simulate.duration", "spec.lake.credentialsSecret", "spec.kafka.strimzi.storage.storageClass",
        "spec.kafka.strimzi.rackTopologyKey", "spec.kafka.external", "spec.kafka.external.caRef",
        "spec.kafka.external.authentication", "spec.alerting.rules[].atOrBelow", "spec.alerting.rules[].atOrAbove",
        "spec.catalog.database", "spec.catalog.athena", "spec.catalog.crawler", "spec.catalog.crawler.schedule",
        "spec.catalog.crawler.onNewFiles", "spec.catalog.athena.manage", "spec.catalog.athena.manage.resultLocation",
        "spec.catalog.athena.manage.kmsKey", "spec.transform.glue", "spec.warehouse", "spec.warehouse.redshift",
        "spec.warehouse.redshift.workgroup", "spec.warehouse.redshift.clusterIdentifier",
        "spec.warehouse.redshift.schema", "spec.warehouse.redshift.secretArn", "spec.warehouse.redshift.spectrum",
        "spec.warehouse.redshift.job",
        "spec.spark.image", "spec.spark.driver.coreRequest",
        "spec.spark.executor.coreRequest", "spec.components[].cpu", "spec.components[].memory",
        "spec.components[].roleArn", "spec.scheduling.priorityClassName", "spec.scheduling.tolerations[].value",
        "spec.scheduling.tolerations[].effect",
        "spec.autoscaling", "spec.autoscaling.dispatch", "spec.autoscaling.landing",
        "spec.console", "spec.console.patientsTokenRef", "spec.console.proxy", "spec.privacy.pseudonyms",
    }  # fmt: skip


def test_everything_has_an_end() -> None:
    """CEL's cost is reckoned from the largest that there can be, and etcd takes no object over 1.5 MB."""
    bounds = {"array": "maxItems", "integer": "maximum", "number": "maximum", "string": "maxLength"}
    endless = [
        path
        for path, schema in SPEC.items()
        if schema["type"] in bounds and bounds[schema["type"]] not in schema and "enum" not in schema
    ]
    assert endless == ["spec.dispatch.areas[].polygon[][]"]  # a rule bounds these, by what they are


def test_lists_of_named_things_are_merged_by_name() -> None:
    keys = {path: schema.get("x-kubernetes-list-map-keys") for path, schema in (SPEC | STATUS).items()}
    assert {path: key for path, key in keys.items() if key} == {
        "spec.sources": ["name"], "spec.dispatch.areas": ["name"], "spec.components": ["name"],
        "spec.scheduling.nodeSelector": ["key"],
        "status.conditions": ["type"], "status.components": ["name"], "status.autoscaling": ["name"],
    }  # fmt: skip


def test_each_rule_is_in_the_schema_once_for_each_place_of_its_object() -> None:
    schemas = (ROOT, *SPEC.values())
    found = [rule["message"] for schema in schemas for rule in schema.get("x-kubernetes-validations", ())]
    for rule in (*CHECKS, *TRANSITIONS):
        assert found.count(rule.message) == PLACES.get(rule.of, 1)
        assert not rule.field or rule.field.partition(".")[0] in {item.name for item in dataclasses.fields(rule.of)}
        assert f".{camel(rule.field)}" in rule.cel or not rule.field


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_a_pipeline_is_written_as_it_is_read(file: Path) -> None:
    pipeline = read_pipeline(yaml.safe_load(file.read_text()))
    assert read_pipeline(json.loads(json.dumps(document(pipeline)))) == pipeline
