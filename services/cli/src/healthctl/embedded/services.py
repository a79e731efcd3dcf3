"""A layout's components and infrastructure as services for the supervisor: commands, environments, readiness."""

from __future__ import annotations

import http.client
import os
import sys
from collections.abc import Callable, Mapping

from health_catalog import CatalogError, ensure_bucket
from health_pipeline import Component

from healthctl.embedded import kafka, lake
from healthctl.embedded.kafka import KafkaFiles
from healthctl.embedded.layout import AWS, KAFKA, Layout, secrets_of, start_after
from healthctl.embedded.ports import LOOPBACK, PortBook
from healthctl.embedded.process import Command
from healthctl.embedded.state import StateDir
from healthctl.embedded.supervisor import Service, StopRank
from healthctl.embedded.topics import ensure_topics
from healthctl.errors import HealthctlError

_FEEDS = ("simulator", "producer")


def kafka_files(book: PortBook, state: StateDir) -> KafkaFiles:
    """Where the pipeline's own broker keeps its things and listens."""
    return KafkaFiles(state.kafka, state.log(KAFKA), book.port(KAFKA, "kafka"), book.port(KAFKA, "controller"))


def infrastructure(layout: Layout, book: PortBook, state: StateDir, progress: Callable[[str], None]) -> list[Service]:
    """What the pipeline stands on and brings along; empty when it uses what is there."""
    services = []
    if layout.embeds_aws:
        port = book.port(AWS, "http")
        services.append(
            Service(
                lake.command(port, state.log(AWS)),
                lambda: lake.is_ready(port) and _has_bucket(layout),
                stop_rank=StopRank.INFRASTRUCTURE,
                required=True,
            )
        )
    if layout.embeds_kafka:
        files = kafka_files(book, state)
        services.append(
            Service(
                kafka.prepare(files, progress),
                lambda: kafka.is_ready(files) and _has_topics(layout),
                stop_rank=StopRank.INFRASTRUCTURE,
                required=True,
            )
        )
    return services


def component_service(component: Component, layout: Layout, book: PortBook, state: StateDir) -> Service:
    """A component of the pipeline."""
    port = book.port(component.name, "metrics")
    command = Command(
        name=component.name,
        arguments=(sys.executable, "-m", component.module),
        log=state.log(component.name),
        env=environment(component, state, os.environ),
        niceness=int(component.priority),
        folder=state.work(component.name),
    )
    return Service(
        command,
        lambda: answers(port, "/readyz"),
        after=start_after(component, layout),
        stop_rank=StopRank.FEED if component.stage in _FEEDS else StopRank.WORK,
    )


def environment(component: Component, state: StateDir, ours: Mapping[str, str]) -> dict[str, str]:
    """Ours, without what is for others (any HEALTH_*, which may hold secrets), with what the component is told."""
    kept = {name: value for name, value in ours.items() if not name.startswith("HEALTH_")}
    if component.spark:
        kept |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_DIRS": str(state.work(component.name) / "spark")}
    return kept | {"PYTHONUNBUFFERED": "1"} | component.env | secrets_of(component, ours)


def answers(port: int, path: str) -> bool:
    """Whether something on the port answers a GET with 200."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _has_bucket(layout: Layout) -> bool:
    """Made at each start of the endpoint, since it forgets everything."""
    if not layout.embeds_lake:
        return True
    try:
        ensure_bucket(layout.lake)
    except CatalogError as error:
        raise HealthctlError(str(error)) from error
    return True


def _has_topics(layout: Layout) -> bool:
    ensure_topics(layout.kafka.client_config(), layout.topics, layout.replication)
    return True
