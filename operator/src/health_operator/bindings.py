"""What only Kubernetes knows of a pipeline's components: addresses, who they are to Kafka and AWS, what stands in."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from health_pipeline import Bindings, Component, HealthPipeline, components
from health_pipeline.components import HTTP_PORT, METRICS_PORT
from health_pipeline.kafka import external_kafka
from health_pipeline.settings import KafkaSettings, LakeSettings
from health_pipeline.spec import External, SecretRef

from health_operator.naming import child_name
from health_operator.settings import Platform

PORTS = {"http": HTTP_PORT, "metrics": METRICS_PORT}
ANY_ADDRESS = "0.0.0.0"  # noqa: S104 (a pod's Service comes in by the pod's own address)

# The brokers' certificates are checked by what is in this folder of a pod.
CA_FOLDER, CA_FILE = "/etc/health/kafka-ca", "ca.crt"
STRIMZI_PORT, STRIMZI_MECHANISM = 9093, "SCRAM-SHA-512"
SASL_PASSWORD = "HEALTH_SASL_PASSWORD"  # noqa: S105 (the name of a variable)

# What stands in for AWS asks for credentials and checks none; the pods must not look for real ones.
_STAND_IN_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "stand-in",
    "AWS_SECRET_ACCESS_KEY": "stand-in",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@dataclass(frozen=True)
class Credentials:
    """AWS's own variables for a pod: plain ones, and those that come from a Secret."""

    env: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, SecretRef] = field(default_factory=dict)


def kubernetes_components(pipeline: HealthPipeline, platform: Platform, checkpoint_epoch: str = "") -> list[Component]:
    """All components of a pipeline, each told where it is and who it is; also when the pipeline is suspended."""
    active = dataclasses.replace(pipeline, spec=dataclasses.replace(pipeline.spec, suspend=False))
    made = components(active, kubernetes_bindings(pipeline, platform))
    return [_personal(component, pipeline, platform, checkpoint_epoch) for component in made]


def kubernetes_bindings(pipeline: HealthPipeline, platform: Platform) -> Bindings:
    """The bindings of a pipeline. What differs from component to component is in ``kubernetes_components``."""
    spec, stand_in = pipeline.spec, platform.stand_ins.aws
    return Bindings(
        kafka=_kafka(pipeline, platform),
        lake={"lake_endpoint": spec.lake.endpoint or stand_in, "glue_endpoint": spec.catalog.endpoint or stand_in},
        address=lambda component, port: (
            f"{child_name(pipeline.name, component)}.{pipeline.namespace}.svc:{PORTS[port]}"
        ),
        listen=lambda _, port: (ANY_ADDRESS, PORTS[port]),
        watched=True,
    )


def runs_strimzi(pipeline: HealthPipeline, platform: Platform) -> bool:
    """Whether the pipeline has a Kafka of its own, by Strimzi."""
    return pipeline.spec.kafka.mode == "strimzi" and not platform.stand_ins.kafka


def kafka_user(pipeline: HealthPipeline, component: str) -> str:
    """A component's name to Strimzi's Kafka, and the name of the Secret with its password."""
    return child_name(pipeline.name, component)


def kafka_ca(pipeline: HealthPipeline, platform: Platform) -> SecretRef | None:
    """The certificates that brokers are checked by; None where the usual ones do, or nothing is encrypted."""
    if runs_strimzi(pipeline, platform):
        return SecretRef(f"{pipeline.name}-cluster-ca-cert", CA_FILE)
    external = _external(pipeline)
    return external.ca_ref if external and external.tls else None


def aws_credentials(pipeline: HealthPipeline, platform: Platform) -> Credentials:
    """For what reads or writes the lake: a Secret's, or the stand-in's, or none, as with a role."""
    lake = pipeline.spec.lake
    if lake.credentials_secret:
        return Credentials(secrets={name: SecretRef(lake.credentials_secret, name) for name in _CREDENTIALS})
    if platform.stand_ins.aws and not (lake.endpoint and pipeline.spec.catalog.endpoint):
        return Credentials(env=_STAND_IN_CREDENTIALS)
    return Credentials()


def _personal(component: Component, pipeline: HealthPipeline, platform: Platform, epoch: str) -> Component:
    settings, secrets = component.settings, component.secrets
    if isinstance(settings, LakeSettings) and component.stage == "streaming":
        settings = dataclasses.replace(settings, checkpoint_epoch=epoch)
    if isinstance(settings, KafkaSettings) and runs_strimzi(pipeline, platform):
        user = kafka_user(pipeline, component.name)
        settings = dataclasses.replace(settings, sasl_username=user)
        secrets = {**secrets, SASL_PASSWORD: SecretRef(user, "password")}
    return dataclasses.replace(component, settings=settings, secrets=secrets)


def _kafka(pipeline: HealthPipeline, platform: Platform) -> dict[str, Any]:
    ca = {"ca_file": f"{CA_FOLDER}/{CA_FILE}"} if kafka_ca(pipeline, platform) else {}
    if runs_strimzi(pipeline, platform):
        servers = f"{pipeline.name}-kafka-bootstrap.{pipeline.namespace}.svc:{STRIMZI_PORT}"
        login = {"security_protocol": "SASL_SSL", "sasl_mechanism": STRIMZI_MECHANISM}
        return {"bootstrap_servers": servers, **login, **ca}
    external = _external(pipeline)
    if external is None:
        return {"bootstrap_servers": platform.stand_ins.kafka}
    return {**external_kafka(external), **ca}


def _external(pipeline: HealthPipeline) -> External | None:
    kafka = pipeline.spec.kafka
    return kafka.external if kafka.mode == "external" else None
