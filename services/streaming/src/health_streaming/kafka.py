"""Kafka as Spark is told of it, waiting for its topics, and telling it how far a query is."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from health_pipeline.settings import KafkaSettings
from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

_LOG = logging.getLogger(__name__)

_RETRY_S = 2.0
_ASK_TIMEOUT_MS = 5000
_LOGIN_MODULES = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}


def client_options(settings: KafkaSettings) -> dict[str, str]:
    """How to reach the brokers, by the names of the Java client."""
    options = {"bootstrap.servers": settings.bootstrap_servers, "security.protocol": settings.security_protocol}
    if settings.sasl_mechanism:
        module = _LOGIN_MODULES[settings.sasl_mechanism]
        user, password = _quoted(settings.sasl_username), _quoted(settings.sasl_password)
        options["sasl.mechanism"] = settings.sasl_mechanism
        options["sasl.jaas.config"] = f"{module} required username={user} password={password};"
    if settings.ca_file:
        options |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": settings.ca_file}
    return options


def spark_options(settings: KafkaSettings) -> dict[str, str]:
    """The same as options of Spark's Kafka source and sink."""
    return {f"kafka.{key}": value for key, value in client_options(settings).items()}


def source_options(settings: KafkaSettings) -> dict[str, str]:
    """Options of a source that begins with the oldest record, and that fails rather than skip one."""
    return {**spark_options(settings), "startingOffsets": "earliest", "failOnDataLoss": "true"}


def wait_for_topics(
    spark: SparkSession, settings: KafkaSettings, names: Collection[str], stop: threading.Event
) -> bool:
    """Wait until all these topics exist; one log line for each new obstacle. False when told to stop before that."""
    told = ""
    while not stop.is_set():
        obstacle = _obstacle(spark, settings, names)
        if not obstacle:
            return True
        if obstacle != told:
            _LOG.warning("waiting for Kafka at %s: %s", settings.bootstrap_servers, obstacle)
            told = obstacle
        stop.wait(_RETRY_S)
    return False


def topic_ids(spark: SparkSession, settings: KafkaSettings, names: Collection[str]) -> dict[str, str]:
    """The id that each of these topics got when it was made; all the same from a broker before Kafka 2.8.

    Py4JJavaError when one is not there.
    """
    jvm: Any = spark.sparkContext._jvm
    asked = jvm.java.util.ArrayList()
    for name in names:
        asked.add(name)
    with _admin(jvm, settings) as admin:
        found = admin.describeTopics(asked).allTopicNames().get()
        return {name: found.get(name).topicId().toString() for name in names}


def _obstacle(spark: SparkSession, settings: KafkaSettings, names: Collection[str]) -> str:
    """What is in the way, in words; empty when nothing is."""
    try:
        with _admin(spark.sparkContext._jvm, settings) as admin:
            present = set(admin.listTopics().names().get())
    except Py4JJavaError as error:
        return str(error.java_exception.getMessage())
    missing = sorted(set(names) - present)
    return f"no topic {', '.join(missing)}" if missing else ""


class GroupOffsets:
    """Commits offsets in the name of consumer groups that nobody is a member of, as a query's is.

    Its client is kept for as long as the session lives. A call takes no longer than the client is given for it.
    """

    def __init__(self, spark: SparkSession, settings: KafkaSettings) -> None:
        self._jvm: Any = spark.sparkContext._jvm
        self._settings = settings
        self._client: Any = None

    def commit(self, group: str, offsets: Mapping[str, Mapping[str, int]]) -> None:
        """The next offset to be read, by topic and partition. Py4JJavaError when Kafka does not take them all."""
        if self._client is None:
            self._client = _new_admin(self._jvm, self._settings)
        clients = self._jvm.org.apache.kafka
        told = self._jvm.java.util.HashMap()
        for topic, partitions in offsets.items():
            for partition, offset in partitions.items():
                place = clients.common.TopicPartition(topic, int(partition))
                told.put(place, clients.clients.consumer.OffsetAndMetadata(offset))
        milliseconds = self._jvm.java.util.concurrent.TimeUnit.MILLISECONDS
        self._client.alterConsumerGroupOffsets(group, told).all().get(2 * _ASK_TIMEOUT_MS, milliseconds)


@contextmanager
def _admin(jvm: Any, settings: KafkaSettings) -> Iterator[Any]:
    admin = _new_admin(jvm, settings)
    try:
        yield admin
    finally:
        admin.close(jvm.java.time.Duration.ofSeconds(1))


def _new_admin(jvm: Any, settings: KafkaSettings) -> Any:
    """Spark's own Kafka client, so that this process needs no second one."""
    properties = jvm.java.util.Properties()
    for key, value in client_options(settings).items():
        properties.setProperty(key, value)
    properties.setProperty("default.api.timeout.ms", str(_ASK_TIMEOUT_MS))
    properties.setProperty("request.timeout.ms", str(_ASK_TIMEOUT_MS))
    return jvm.org.apache.kafka.clients.admin.AdminClient.create(properties)


def _quoted(text: str) -> str:
    """A value in JAAS syntax."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
