"""What a pipeline's components are told on Kubernetes that the spec does not say: addresses, and who stands in."""

from __future__ import annotations

import dataclasses
from typing import Any

from health_pipeline import Bindings, Component, HealthPipeline
from health_pipeline.components import HTTP_PORT, METRICS_PORT, external_kafka
from health_pipeline.settings import KafkaSettings
from health_pipeline.spec import SecretRef

from health_operator.naming import child_name
from health_operator.settings import Platform

PORTS = {"http": HTTP_PORT, "metrics": METRICS_PORT}
CA_FOLDER = "/etc/health/kafka-ca"
# What stands in for AWS asks for no real credentials and gets none.
STAND_IN_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "embedded",
    "AWS_SECRET_ACCESS_KEY": "embedded",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def kubernetes_bindings(pipeline: HealthPipeline, platform: Platform, checkpoint_epoch: str = "") -> Bindings:
    """Components find each other by their Services and listen on every address of their pod."""
    return Bindings(
        kafka=_kafka(pipeline, platform),
        lake=_lake(pipeline, platform) | ({"checkpoint_epoch": checkpoint_epoch} if checkpoint_epoch else {}),
        address=lambda name, port: f"{child_name(pipeline.name, name)}.{pipeline.namespace}.svc:{PORTS[port]}",
        listen=lambda _name, port: ("0.0.0.0", PORTS[port]),  # noqa: S104 (a pod's own address, behind its Service)
        watched=True,
    )


def has_own_kafka(pipeline: HealthPipeline, platform: Platform) -> bool:
    """Whether Strimzi runs a Kafka for it; on a development cluster another one stands in."""
    return pipeline.spec.kafka.mode == "strimzi" and not platform.stand_ins.kafka


def stands_in_for_aws(pipeline: HealthPipeline, platform: Platform) -> bool:
    """Whether the lake of the pipeline is on what stands in for AWS."""
    return bool(platform.stand_ins.aws) and not pipeline.spec.lake.endpoint


def logged_in(component: Component, pipeline: HealthPipeline, platform: Platform) -> Component:
    """The component with a login of its own, where Kafka is the pipeline's: Strimzi makes a user for each."""
    if not has_own_kafka(pipeline, platform) or not isinstance(component.settings, KafkaSettings):
        return component
    user = child_name(pipeline.name, component.name)
    settings = dataclasses.replace(component.settings, sasl_username=user)
    password = {"HEALTH_SASL_PASSWORD": SecretRef(user, "password")}
    return dataclasses.replace(component, settings=settings, secrets=component.secrets | password)


def ca_secret(pipeline: HealthPipeline, platform: Platform) -> SecretRef | None:
    """The certificates that the brokers are checked by, where they are not the usual ones."""
    if has_own_kafka(pipeline, platform):
        return SecretRef(f"{cluster_name(pipeline)}-cluster-ca-cert", "ca.crt")
    external = pipeline.spec.kafka.external
    return external.ca_ref if external and pipeline.spec.kafka.mode == "external" else None


def cluster_name(pipeline: HealthPipeline) -> str:
    """Of the pipeline's own Kafka."""
    return child_name(pipeline.name, "kafka")


def _kafka(pipeline: HealthPipeline, platform: Platform) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if pipeline.spec.kafka.mode == "external" and pipeline.spec.kafka.external:
        given = external_kafka(pipeline.spec.kafka.external)
    elif platform.stand_ins.kafka:
        given = {"bootstrap_servers": platform.stand_ins.kafka}
    else:
        given = {
            "bootstrap_servers": f"{cluster_name(pipeline)}-kafka-bootstrap.{pipeline.namespace}.svc:9093",
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-512",
        }
    return given | ({"ca_file": f"{CA_FOLDER}/ca.crt"} if ca_secret(pipeline, platform) else {})


def _lake(pipeline: HealthPipeline, platform: Platform) -> dict[str, Any]:
    endpoint = platform.stand_ins.aws
    given = {}
    if endpoint and not pipeline.spec.lake.endpoint:
        given["lake_endpoint"] = endpoint
    if endpoint and not pipeline.spec.catalog.endpoint:
        given["glue_endpoint"] = endpoint
    return given
