"""A pipeline's components as services of a compose file; pure."""

from __future__ import annotations

import dataclasses
from typing import Any

from health_pipeline import Bindings, Component, HealthPipeline, Priority, components, topics_settings
from health_pipeline.components import HTTP_PORT, METRICS_PORT
from health_pipeline.settings import KafkaSettings, LakeSettings, Settings
from healthctl.embedded.layout import with_task_slots

Service = dict[str, Any]

KAFKA, AWS, TOPICS, QUERY = "kafka", "aws", "topics", "query"
USER = "10001:10001"
_PORTS = {"http": HTTP_PORT, "metrics": METRICS_PORT}
_ANY = "0.0.0.0"  # noqa: S104 (a container's own address; what the machine shows of it is on loopback)
# What stands in for AWS wants credentials and checks none.
_STAND_IN = {"AWS_ACCESS_KEY_ID": "stand-in", "AWS_SECRET_ACCESS_KEY": "stand-in", "AWS_EC2_METADATA_DISABLED": "true"}
# Who goes first when there is not enough CPU; Docker's own word for an even share is 1024.
_SHARES = {Priority.REALTIME: 1024, Priority.BACKGROUND: 256, Priority.BATCH: 128}
# On the machine's loopback interface: component -> port there.
_SHOWN = {"simulator": 8080, "lag": 8081}
_ANSWERS = "import sys,urllib.request; urllib.request.urlopen(sys.argv[1], timeout=3)"
_LISTENS = "import socket,sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])), 3)"
_ASKS = (
    "import sys; from health_catalog.sql import LocalSql; from health_pipeline.settings import LakeSettings; "
    "print(LocalSql(LakeSettings.from_env()).query(sys.argv[1]).to_pandas().to_string(index=False))"
)


def compose(pipeline: HealthPipeline) -> dict[str, Any]:
    """The file. ValueError for a pipeline that needs secrets or a Kafka of somebody else's."""
    bindings = Bindings(
        kafka={"bootstrap_servers": f"{KAFKA}:9092"},
        lake={"lake_endpoint": f"http://{AWS}:5000", "glue_endpoint": f"http://{AWS}:5000"},
        address=lambda component, port: f"{component}:{_PORTS[port]}",
        listen=lambda _, port: (_ANY, _PORTS[port]),
        transform_loops=True,
        watched=True,
    )
    parts = [with_task_slots(part) for part in components(pipeline, bindings)]
    if pipeline.spec.kafka.external or any(part.secrets for part in parts):
        raise ValueError("a compose file of ours is for a pipeline with simulated sources and a Kafka of its own")
    made = dataclasses.replace(topics_settings(pipeline, bindings), replication=1)  # there is one broker
    services = {KAFKA: _kafka(), AWS: _aws(), TOPICS: _topics(made)}
    services |= {part.name: _component(part) for part in parts}
    services[QUERY] = _query(next(part.settings for part in parts if isinstance(part.settings, LakeSettings)))
    return {"name": pipeline.name, "services": services, "volumes": {"kafka-data": {}}}


def _kafka() -> Service:
    return {
        **_container("dev-kafka"),
        "environment": {"ADVERTISED_HOST": KAFKA},
        "volumes": ["kafka-data:/var/lib/kafka"],
        "healthcheck": _check(_LISTENS, "9092"),
    }


def _aws() -> Service:
    return {
        **_container("dev-aws"),
        "ports": ["127.0.0.1:5000:5000"],
        "healthcheck": _check(_ANSWERS, "http://127.0.0.1:5000/moto-api/"),
    }


def _topics(settings: Settings) -> Service:
    return {
        **_container("producer"),
        "command": ["python", "-m", "health_producer.topics"],
        "environment": _environment(settings),
        "depends_on": {KAFKA: {"condition": "service_healthy"}},
        "restart": "on-failure",
    }


def _component(part: Component) -> Service:
    found = {
        **_container("spark" if part.spark else part.stage),
        "environment": _environment(part.settings),
        "depends_on": _needs(part),
        "healthcheck": _check(_ANSWERS, f"http://127.0.0.1:{METRICS_PORT}/readyz"),
        "cpu_shares": _SHARES[part.priority],
        "stop_grace_period": "30s",
    }
    if part.spark:
        found["command"] = ["python", "/opt/health/run.py", part.module]
    if part.name in _SHOWN:
        found["ports"] = [f"127.0.0.1:{_SHOWN[part.name]}:{HTTP_PORT}"]
    return found


def _query(settings: LakeSettings) -> Service:
    """``docker compose run --rm query "SELECT ..."``; never started with the rest."""
    told = LakeSettings(**{field.name: getattr(settings, field.name) for field in dataclasses.fields(LakeSettings)})
    return {
        **_container("spark"),
        "profiles": ["tools"],
        "entrypoint": ["/usr/bin/tini", "--", "/opt/health/bin/python", "-c", _ASKS],
        "environment": _environment(told),
        "restart": "no",
    }


def _container(image: str) -> Service:
    """As nobody, without rights, on a file system that is read only."""
    return {
        "image": f"${{REGISTRY:-localhost}}/health-{image}:${{TAG:-dev}}",
        "user": USER,
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        # Kafka and Spark unpack their native codecs there, and Docker would not let them be loaded.
        "tmpfs": ["/tmp:mode=1777,exec"],  # noqa: S108 (the container's own)
        "restart": "unless-stopped",
    }


def _environment(settings: Settings) -> dict[str, str]:
    env = settings.to_env() | (_STAND_IN if isinstance(settings, LakeSettings) else {})
    return {name: value.replace("$", "$$") for name, value in env.items()}  # compose has variables of its own


def _needs(part: Component) -> dict[str, dict[str, str]]:
    needs = {name: {"condition": "service_started"} for name in part.needs}  # every component waits by itself too
    if isinstance(part.settings, KafkaSettings):
        needs[TOPICS] = {"condition": "service_completed_successfully"}
    if isinstance(part.settings, LakeSettings):
        needs[AWS] = {"condition": "service_healthy"}
    return needs


def _check(program: str, argument: str) -> dict[str, Any]:
    test = ["CMD", "python3", "-c", program, argument]
    return {"test": test, "interval": "10s", "timeout": "5s", "retries": 6, "start_period": "120s"}
