"""A pipeline's own Kafka, by Strimzi."""

from __future__ import annotations

from typing import Any

import pytest
from health_operator.kinds import KAFKA_TOPICS
from health_operator.manifests import Manifest, Owner, desired
from health_operator.manifests.kafka import partitions_of, pool_name
from health_operator.settings import Platform
from health_pipeline import pipeline_topics

from tests.unit.health_operator.manifests.examples import env_of, example, kinds, one, pipeline_of

STRIMZI = ("Kafka", "KafkaNodePool", "KafkaTopic", "KafkaUser")


def with_brokers(replicas: int, **more: Any) -> list[Manifest]:
    return example("strimzi", kafka={"strimzi": {"replicas": replicas, **more}})


@pytest.mark.parametrize("name", ["quickstart", "everything"])
def test_there_is_none_where_another_kafka_is_used(name: str) -> None:
    manifests = example(name)
    assert not [manifest for manifest in manifests if manifest["kind"] in STRIMZI]
    assert kinds(manifests, "Job")


def test_strimzi_makes_the_topics_and_no_job() -> None:
    manifests = example("strimzi")
    assert not kinds(manifests, "Job")
    topics = kinds(manifests, "KafkaTopic").values()
    made = {(each["spec"]["topicName"], each["spec"]["partitions"]) for each in topics}
    assert made == {(topic.name, topic.partitions) for topic in pipeline_topics(pipeline_of("strimzi"))}


def test_alerts_keep_the_partitions_that_they_have_and_others_grow() -> None:
    """More would put an area into another partition, and fewer are refused by Kafka."""
    live = kinds(example("strimzi"), "KafkaTopic")
    for topic in live.values():
        topic["spec"]["partitions"] = 1
    there = partitions_of({(KAFKA_TOPICS, name): topic for name, topic in live.items()})
    assert there["paris.alerts"] == 1
    made = desired(pipeline_of("strimzi"), Platform(), Owner("v1", "HealthPipeline", "paris", "uid"), partitions=there)
    wanted = {each["spec"]["topicName"]: each["spec"]["partitions"] for each in kinds(made, "KafkaTopic").values()}
    expected = {topic.name: topic.partitions for topic in pipeline_topics(pipeline_of("strimzi"))}
    assert wanted == {**expected, "paris.alerts": 1}


@pytest.mark.parametrize(
    ("replicas", "nodes", "copies", "safe"),
    [(1, [1], 1, 1), (2, [2], 2, 1), (3, [3], 3, 2), (7, [3, 4], 3, 2)],
)
def test_as_many_copies_as_brokers_up_to_three_and_one_may_be_away(
    replicas: int, nodes: list[int], copies: int, safe: int
) -> None:
    manifests = with_brokers(replicas)
    pools = list(kinds(manifests, "KafkaNodePool").values())
    assert [pool["spec"]["replicas"] for pool in pools] == nodes
    assert [pool["spec"]["roles"] for pool in pools] == [["controller", "broker"], ["broker"]][: len(nodes)]
    config = one(manifests, "Kafka", "paris")["spec"]["kafka"]["config"]
    assert (config["default.replication.factor"], config["min.insync.replicas"]) == (copies, safe)
    assert (config["transaction.state.log.replication.factor"], config["transaction.state.log.min.isr"]) == (
        copies,
        safe,
    )
    assert {topic["spec"]["replicas"] for topic in kinds(manifests, "KafkaTopic").values()} == {copies}


@pytest.mark.parametrize(("policy", "goes"), [("keep", False), ("delete", True)])
def test_kafka_goes_with_the_pipeline_only_when_that_is_wanted(policy: str, goes: bool) -> None:
    manifests = example("strimzi", deletionPolicy=policy)
    for kind in ("Kafka", "KafkaNodePool", "KafkaTopic"):
        assert {("ownerReferences" in each["metadata"]) for each in kinds(manifests, kind).values()} == {goes}
    for pool in kinds(manifests, "KafkaNodePool").values():
        assert pool["spec"]["storage"]["volumes"][0]["deleteClaim"] is goes
    assert all("ownerReferences" in each["metadata"] for each in kinds(manifests, "KafkaUser").values())


def test_half_of_a_brokers_memory_is_its_heap() -> None:
    (pool,) = kinds(with_brokers(1, memory="1.5Gi"), "KafkaNodePool").values()
    assert pool["spec"]["jvmOptions"] == {"-Xms": "768m", "-Xmx": "768m"}
    assert pool["spec"]["resources"]["limits"] == {"memory": "1.5Gi"}


def test_every_client_is_a_user_of_its_own_over_an_encrypted_listener() -> None:
    manifests = example("strimzi")
    users = kinds(manifests, "KafkaUser")
    (listener,) = one(manifests, "Kafka", "paris")["spec"]["kafka"]["listeners"]
    assert listener["tls"]
    clients = [each["spec"]["template"]["spec"] for each in kinds(manifests, "Deployment").values()]
    clients += [each["spec"]["driver"]["template"]["spec"] for each in kinds(manifests, "SparkApplication").values()]
    seen = set()
    for pod in clients:
        env = env_of(pod["containers"][0])
        user = env["HEALTH_SASL_USERNAME"]
        assert env["HEALTH_SASL_PASSWORD"] == {"secretKeyRef": {"name": user, "key": "password"}}
        assert env["HEALTH_BOOTSTRAP_SERVERS"] == f"paris-kafka-bootstrap.health.svc:{listener['port']}"
        assert (env["HEALTH_SECURITY_PROTOCOL"], env["HEALTH_SASL_MECHANISM"]) == ("SASL_SSL", "SCRAM-SHA-512")
        (ca,) = [volume["secret"] for volume in pod["volumes"] if "secret" in volume]
        assert ca["secretName"] == "paris-cluster-ca-cert"
        seen.add(user)
    assert seen == users.keys()


def test_only_who_must_may_write() -> None:
    writers: dict[str, set[str]] = {}
    for name, user in kinds(example("strimzi"), "KafkaUser").items():
        for acl in user["spec"]["authorization"]["acls"]:
            if acl["resource"]["type"] == "topic" and "Write" in acl["operations"]:
                assert acl["resource"]["patternType"] == "literal"
                writers.setdefault(acl["resource"]["name"].removeprefix("paris."), set()).add(
                    name.removeprefix("paris-")
                )
    assert writers == {
        "vitals": {"producer-vitals", "lag"},
        "vehicles": {"producer-vehicles"},
        "dead-letters": {"producer-vitals", "producer-vehicles"},
        "cursors-vitals": {"producer-vitals"},
        "cursors-vehicles": {"producer-vehicles"},
        "alerts": {"alerts"},
        "dispatches": {"dispatch"},
        "audit": {"lag"},
    }


def test_pools_are_named_after_their_pipeline_as_far_as_a_pods_name_lets_them() -> None:
    assert pool_name("london", "node") == "london-node"
    long, other = "a" * 40, "a" * 39 + "b"
    assert len(f"{long}-{pool_name(long, 'broker')}-99") <= 63
    assert pool_name(long, "broker") != pool_name(other, "broker")
