"""The rights that components get in their pipeline's own Kafka, on a real broker that grants nothing else.

Every component runs as the user that its KafkaUser would make. Nothing that it asks may be denied, and every right that
it has must be used: so it has what it needs and no more.
"""

from __future__ import annotations

import dataclasses
import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from health_events import CURSORS_TOPIC, topic_name
from health_operator.bindings import SASL_PASSWORD, kubernetes_components
from health_operator.manifests import Owner, desired
from health_operator.settings import Platform
from health_pipeline import Component, HealthPipeline, pipeline_topics, read_pipeline
from health_pipeline.settings import (
    ConsoleSettings,
    KafkaSettings,
    LagSettings,
    LakeSettings,
    ProducerSettings,
    SimulatorSettings,
)
from healthctl.embedded.kafka import KafkaFiles, prepare, wait_for
from healthctl.embedded.ports import LOOPBACK, PortBook
from healthctl.embedded.process import Command, Process, last_lines
from healthctl.embedded.topics import ensure_topics
from healthctl.embedded.waiting import wait_until

PATIENCE_S = 240
PASSWORD = "not-a-secret"  # noqa: S105
_LISTENERS = """
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,USERS:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
listeners=PLAINTEXT://{host}:{open},USERS://{host}:{users},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{open},USERS://{host}:{users}
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.users.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
"""
# What the authorizer says of each request, once it is asked to.
_TELL_ALL = "-Dorg.slf4j.simpleLogger.log.kafka.authorizer.logger=debug"
_DECISION = re.compile(
    r"Principal = User:(\S+) is (Allowed|Denied) operation = (\w+) .*? on resource = (\w+):LITERAL:(\S+) for request"
)
_KINDS = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP, "transactionalId": ResourceType.TRANSACTIONAL_ID}
_PATTERNS = {"literal": ResourcePatternType.LITERAL, "prefix": ResourcePatternType.PREFIXED}


@dataclass(frozen=True)
class Right:
    """One operation that a user may do with a resource, or with all that begin with its name."""

    user: str
    operation: str
    kind: str
    name: str
    is_prefix: bool

    def binding(self) -> AclBinding:
        """The same for a broker."""
        pattern = _PATTERNS["prefix" if self.is_prefix else "literal"]
        operation = AclOperation[self.operation.upper()]
        return AclBinding(_KINDS[self.kind], self.name, pattern, f"User:{self.user}", "*", operation,
                          AclPermissionType.ALLOW)  # fmt: skip

    def covers(self, decision: tuple[str, ...]) -> bool:
        """Whether an allowed request was allowed by this right itself, not by what it implies."""
        user, _, operation, kind, name = decision
        same = (user, operation, kind.lower()) == (self.user, self.operation.upper(), self.kind.lower())
        return same and (name.startswith(self.name) if self.is_prefix else name == self.name)


@dataclass(frozen=True)
class Broker:
    """A broker with a listener for the users, which asks who they are, and one for the test, which does not."""

    open: str
    users: str
    log: Path

    def decisions(self) -> set[tuple[str, ...]]:
        """(user, Allowed or Denied, operation, kind, name) of every request of a user's so far."""
        return {match.groups() for match in _DECISION.finditer(self.log.read_text()) if match[1] != "ANONYMOUS"}


@pytest.fixture
def strict_broker(tmp_path: Path) -> Iterator[Broker]:
    book = PortBook()
    ports = {name: book.port("kafka", name) for name in ("open", "users", "controller")}
    files = KafkaFiles(tmp_path / "kafka", tmp_path / "kafka.log", ports["open"], ports["controller"])
    command = prepare(files)
    with (files.data / "server.properties").open("a") as properties:
        properties.write(_LISTENERS.format(host=LOOPBACK, **ports))
    arguments = list(command.arguments)
    arguments.insert(arguments.index("-cp"), _TELL_ALL)
    process = Process(dataclasses.replace(command, arguments=tuple(arguments)))
    try:
        wait_for(process.ended, files)
        yield Broker(files.bootstrap, f"{LOOPBACK}:{ports['users']}", files.log)
    finally:
        process.stop()


@pytest.fixture(params=["realtime", "microbatch"])
def pipeline(pipeline_names: Iterator[str], request: pytest.FixtureRequest) -> HealthPipeline:
    name = next(pipeline_names)
    faults = {"malformed": 0.2}
    sources = [
        {"name": name, "partitions": 1, "simulate": {"entities": 40, "eventsPerSecond": 10, "faults": faults}}
        for name in ("vitals", "vehicles")
    ]
    spec = {
        "sources": sources,
        "lake": {"bucket": f"s3://{name}", "triggerInterval": "2s"},
        "kafka": {"strimzi": {"replicas": 1}},
        "alerting": {"rules": [{"metric": "heartRate", "atOrAbove": 60}], "latency": request.param},
        "monitoring": {"canaryInterval": "1s"},
        "console": {"tokenRef": {"name": "console", "key": "token"}},
    }
    head = {"apiVersion": "health-streaming.com/v1alpha1", "kind": "HealthPipeline", "metadata": {"name": name}}
    return read_pipeline({**head, "spec": spec})


@pytest.mark.timeout(600)
def test_every_component_may_do_what_it_does_and_no_more(
    strict_broker: Broker, pipeline: HealthPipeline, aws_endpoint: str, spark_jars: Path, tmp_path: Path
) -> None:
    rights = grant(strict_broker, pipeline)
    old_place(strict_broker, pipeline)
    ports = PortBook()
    audit = tmp_path / "audit.json"
    audit.write_text('[{"sequence": 1, "uid": "u-1", "audit": "SpecApplied"}]')
    local = Local(strict_broker.users, aws_endpoint, str(spark_jars), ports, str(audit))
    parts = [part for part in kubernetes_components(pipeline, Platform()) if isinstance(part.settings, KafkaSettings)]

    def unused() -> set[Right]:
        decisions = strict_broker.decisions()
        return {right for right in rights if not any(right.covers(each) for each in decisions)}

    with ExitStack() as stack:
        processes = [stack.enter_context(running(local.component(part), tmp_path)) for part in parts]
        producers = [part for part in parts if part.stage == "producer"]
        assert wait_until(lambda: not unused() & writing_places(rights), PATIENCE_S, 2), told(processes)
        for process in processes:  # a producer reads its place when it starts, once it has one
            if process.command.name.startswith("producer"):
                process.stop()
        processes += [stack.enter_context(running(local.component(part), tmp_path)) for part in producers]
        assert wait_until(lambda: not unused(), PATIENCE_S, 2), f"{unused()}\n{told(processes)}"
    assert not {each for each in strict_broker.decisions() if each[1] == "Denied"}


def old_place(broker: Broker, pipeline: HealthPipeline) -> None:
    """Somebody's place in the topic that all sources once had together, so that there is something to read."""
    producer = Producer({"bootstrap.servers": broker.open})
    producer.produce(topic_name(pipeline.name, CURSORS_TOPIC), key="another", value=b'{"cursor": "7"}')
    assert producer.flush(30) == 0


def writing_places(rights: set[Right]) -> set[Right]:
    """The rights of producers to write their place."""
    return {right for right in rights if right.operation == "Write" and ".cursors-" in right.name}


def told(processes: list[Process]) -> str:
    """The last lines of each."""
    return "\n".join(line for each in processes for line in (each.command.name, *last_lines(each.command.log, 8)))


def grant(broker: Broker, pipeline: HealthPipeline) -> set[Right]:
    """Make the topics and, from their manifests, the users with their rights."""
    ensure_topics({"bootstrap.servers": broker.open}, pipeline_topics(pipeline))
    owner = Owner("health-streaming.com/v1alpha1", "HealthPipeline", pipeline.name, "uid")
    users = [each for each in desired(pipeline, Platform(), owner) if each["kind"] == "KafkaUser"]
    rights = {right for user in users for right in _rights(user)}
    admin = AdminClient({"bootstrap.servers": broker.open})
    scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    logins = [UserScramCredentialUpsertion(user["metadata"]["name"], scram, PASSWORD.encode()) for user in users]
    made = admin.alter_user_scram_credentials(logins) | admin.create_acls([right.binding() for right in rights])
    for future in made.values():
        future.result(timeout=30)
    return rights


def _rights(user: dict[str, Any]) -> Iterator[Right]:
    name = user["metadata"]["name"]
    for acl in user["spec"]["authorization"]["acls"]:
        resource = acl["resource"]
        for operation in acl["operations"]:
            yield Right(name, operation, resource["type"], resource["name"], resource["patternType"] == "prefix")


@dataclass(frozen=True)
class Local:
    """Where on this machine the components find each other, Kafka and AWS."""

    bootstrap: str
    aws: str
    jars: str
    ports: PortBook
    audit: str

    def component(self, component: Component) -> Component:
        """The component as on Kubernetes, but for addresses and encryption."""
        name = component.name
        changes: dict[str, Any] = {
            "metrics_host": LOOPBACK,
            "metrics_port": self.ports.port(name, "metrics"),
            "bootstrap_servers": self.bootstrap,
            "security_protocol": "SASL_PLAINTEXT",
            "ca_file": "",
        }
        settings = component.settings
        if isinstance(settings, SimulatorSettings | LagSettings | ConsoleSettings):
            changes |= {"host": LOOPBACK, "port": self.ports.port(name, "http")}
        if isinstance(settings, LagSettings):
            changes["audit_file"] = self.audit
        if isinstance(settings, ProducerSettings):
            simulator = self.ports.port("simulator", "http")
            changes["url"] = f"http://{LOOPBACK}:{simulator}/v1/{settings.source}"
        if isinstance(settings, LakeSettings):
            changes |= {"lake_endpoint": self.aws, "glue_endpoint": self.aws}
            changes |= {"spark_master": "local[2]", "spark_jars": self.jars}
        return dataclasses.replace(component, settings=dataclasses.replace(settings, **changes))


@contextmanager
def running(component: Component, folder: Path) -> Iterator[Process]:
    """The component's process; its password comes as from its Secret."""
    environ = {**os.environ, **component.env, SASL_PASSWORD: PASSWORD, "HEALTH_TOKEN": "t" * 16}
    command = Command(component.name, (sys.executable, "-m", component.module), folder / f"{component.name}.log",
                      env=environ, folder=folder / component.name)  # fmt: skip
    process = Process(command)
    try:
        yield process
    finally:
        process.stop()
