"""A Kafka of the pipeline's own, run by Strimzi: the cluster, its nodes and its topics.

They outlive the pipeline where ``spec.deletionPolicy`` is keep, as is the default: then nothing owns them. A pipeline
of the same name takes them over again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from health_pipeline import pipeline_topics

from health_operator.bindings import STRIMZI_PORT, runs_strimzi
from health_operator.containment import quantity
from health_operator.kinds import KAFKA_TOPICS, Kind
from health_operator.manifests.context import Context, Manifest
from health_operator.manifests.scheduling import of_strimzi

API_VERSION = "kafka.strimzi.io/v1"
COMPONENT = "kafka"
# Controllers decide by majority, and Strimzi does not change how many there are. So the first nodes are both controller
# and broker, and those beyond them are brokers only.
_MOST_CONTROLLERS = 3
_MOST_COPIES = 3
# Longest name of a pod, which is the first part of its DNS name, and what a pod's number takes of it.
_LONGEST, _NUMBER = 63, len("-99")
_CPU = "500m"


def kafka(context: Context) -> list[Manifest]:
    """Cluster, nodes and topics, in the order to make them; nothing where Strimzi runs no Kafka for the pipeline."""
    if not runs_strimzi(context.pipeline, context.platform):
        return []
    asked = context.pipeline.spec.kafka.strimzi.replicas
    pools = [_pool(context, "node", ["controller", "broker"], min(asked, _MOST_CONTROLLERS))]
    if asked > _MOST_CONTROLLERS:
        pools.append(_pool(context, "broker", ["broker"], asked - _MOST_CONTROLLERS))
    return [*pools, _cluster(context), *_topics(context)]


def partitions_of(children: Mapping[tuple[Kind, str], Manifest]) -> dict[str, int]:
    """How many partitions the topics that are there have been asked for, by their names."""
    topics = [item["spec"] for (kind, _), item in children.items() if kind == KAFKA_TOPICS]
    return {spec["topicName"]: spec["partitions"] for spec in topics if {"topicName", "partitions"} <= set(spec)}


def cluster_label(context: Context) -> dict[str, str]:
    """By which Strimzi knows what belongs to the cluster."""
    return {"strimzi.io/cluster": context.pipeline.name}


def pool_name(pipeline: str, role: str) -> str:
    """``london-node``; or without the pipeline's whole name, where that and the cluster's are too long for a pod's."""
    name = f"{pipeline}-{role}"
    if len(pipeline) + 1 + len(name) + _NUMBER <= _LONGEST:
        return name
    return f"{role}-{hashlib.blake2b(pipeline.encode(), digest_size=4).hexdigest()}"


def _cluster(context: Context) -> Manifest:
    asked = context.pipeline.spec.kafka.strimzi
    spec: Manifest = {
        "listeners": [
            {
                "name": "tls",
                "port": STRIMZI_PORT,
                "type": "internal",
                "tls": True,
                "authentication": {"type": "scram-sha-512"},
            }
        ],
        "authorization": {"type": "simple"},
        "config": _config(asked.replicas),
        "metricsConfig": {"type": "strimziMetricsReporter"},
    }
    if asked.rack_topology_key:
        spec["rack"] = {"topologyKey": asked.rack_topology_key}
    secured = {"securityContext": _security()}
    operators = {
        "topicOperator": {"resources": _operator_resources()},
        "userOperator": {"resources": _operator_resources()},
        "template": {"topicOperatorContainer": secured, "userOperatorContainer": secured, **_pod(context)},
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "Kafka",
        "metadata": context.metadata(context.pipeline.name, COMPONENT, owned=_goes(context)),
        "spec": {"kafka": spec, "entityOperator": operators},
    }


def _config(replicas: int) -> dict[str, int | bool]:
    """A record is safe with all copies but one, so that a broker can be away; a lone broker keeps the only copy."""
    copies = min(replicas, _MOST_COPIES)
    safe = max(1, copies - 1)
    return {
        "default.replication.factor": copies,
        "min.insync.replicas": safe,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": safe,
        "auto.create.topics.enable": False,  # a mistyped name must not become a topic
    }


def _pool(context: Context, role: str, roles: list[str], replicas: int) -> Manifest:
    asked = context.pipeline.spec.kafka.strimzi
    volume: Manifest = {
        "id": 0,
        "type": "persistent-claim",
        "size": asked.storage.size,
        "deleteClaim": context.pipeline.spec.deletion_policy == "delete",
        "kraftMetadata": "shared",
    }
    if asked.storage.storage_class:
        volume["class"] = asked.storage.storage_class
    heap = f"{max(64, _mebibytes(asked.memory) // 2)}m"
    secured = {"securityContext": _security()}
    return {
        "apiVersion": API_VERSION,
        "kind": "KafkaNodePool",
        "metadata": context.metadata(
            pool_name(context.pipeline.name, role),
            COMPONENT,
            owned=_goes(context),
            labels_too=cluster_label(context),
        ),
        "spec": {
            "replicas": replicas,
            "roles": roles,
            "storage": {"type": "jbod", "volumes": [volume]},
            "resources": {"requests": {"cpu": _CPU, "memory": asked.memory}, "limits": {"memory": asked.memory}},
            "jvmOptions": {"-Xms": heap, "-Xmx": heap},
            "template": {"kafkaContainer": secured, "initContainer": secured, **_pod(context)},
        },
    }


def _topics(context: Context) -> list[Manifest]:
    copies = min(context.pipeline.spec.kafka.strimzi.replicas, _MOST_COPIES)
    return [
        {
            "apiVersion": API_VERSION,
            "kind": "KafkaTopic",
            # Kafka's own name is a good one for Kubernetes. With hyphens only, two pipelines could mean the same.
            "metadata": context.metadata(
                topic.name, COMPONENT, owned=_goes(context), labels_too=cluster_label(context)
            ),
            "spec": {
                "topicName": topic.name,
                "partitions": topic.partitions if topic.grows else context.partitions.get(topic.name, topic.partitions),
                "replicas": copies,
                "config": dict(topic.config),
            },
        }
        for topic in pipeline_topics(context.pipeline)
    ]


def _goes(context: Context) -> bool:
    """Whether it goes with the pipeline."""
    return context.pipeline.spec.deletion_policy == "delete"


def _pod(context: Context) -> Manifest:
    asked = of_strimzi(context)
    return {"pod": asked} if asked else {}


def _security() -> Manifest:
    """Pod Security ``restricted``. Of the container alone: a pod's own would replace Strimzi's, and with it the group
    that its volumes can be written by."""
    return {
        "allowPrivilegeEscalation": False,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _operator_resources() -> Manifest:
    return {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}}


def _mebibytes(text: str) -> int:
    number = quantity(text)
    if number is None:
        raise ValueError(f"not a quantity: {text}")  # the reader lets none through
    return int(number) // 2**20
