"""What a pipeline has in Kafka, and how it gets there, by its spec alone; pure."""

from __future__ import annotations

from typing import Any, get_args

from health_events import ALERTS, DEAD_LETTERS, DISPATCHES, Topic, by_name, topics

from health_pipeline.spec import External, HealthPipeline, SecretRef, Source, SourceName

# Of alerts and of dispatches, from the start and for ever: it cannot follow the areas, for a topic that grows puts its
# keys into other partitions (health_events.topics). 12 are shared out evenly by 2, 3, 4, 6 and 12 instances; an owner
# takes all alerts that are there into one transaction, so one instance is enough for most. Each costs its owner a
# transactional producer (measured: 0.7 MB and six threads that sleep), and nobody else anything while it is empty:
# Real-time Mode has a task for each partition that it reads, which is vitals', and landing one for each that has
# something new.
DECIDING_PARTITIONS = 12


def pipeline_topics(pipeline: HealthPipeline) -> tuple[Topic, ...]:
    """The topics of a pipeline: those of its sources, and those that every pipeline has."""
    partitions = {str(source.name): source.partitions for source in pipeline.spec.sources}
    partitions |= dict.fromkeys((ALERTS.name, DISPATCHES.name), DECIDING_PARTITIONS)
    retention = {str(source.name): int(source.retention) for source in pipeline.spec.sources}
    return topics(pipeline.name, [by_name(table) for table in landed_tables(pipeline)], partitions, retention)


def landed_tables(pipeline: HealthPipeline) -> tuple[str, ...]:
    """The topics that land, by the names of their tables."""
    own = (ALERTS.name, DISPATCHES.name, DEAD_LETTERS.name)
    return (*(source.name for source in sources_of(pipeline)), *own)


def sources_of(pipeline: HealthPipeline) -> list[Source]:
    """In the catalogue's order, not the list's: to put the list in another order must not restart anything."""
    order = get_args(SourceName)
    return sorted(pipeline.spec.sources, key=lambda source: order.index(source.name))


def external_kafka(external: External) -> dict[str, Any]:
    """How to reach a Kafka that is there, as keyword arguments of KafkaSettings; its password is a secret."""
    login = external.authentication
    layer = "SSL" if external.tls else "PLAINTEXT"
    kafka = {"bootstrap_servers": external.bootstrap_servers, "security_protocol": f"SASL_{layer}" if login else layer}
    if login:
        kafka |= {"sasl_mechanism": login.mechanism, "sasl_username": login.username}
    return kafka


def kafka_secrets(pipeline: HealthPipeline) -> dict[str, SecretRef]:
    """The secrets of whatever talks to Kafka: variable and the Secret key that it comes from."""
    external = pipeline.spec.kafka.external if pipeline.spec.kafka.mode == "external" else None
    if external is None or external.authentication is None:
        return {}
    return {"HEALTH_SASL_PASSWORD": external.authentication.password_ref}
