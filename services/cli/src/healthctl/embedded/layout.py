"""What a pipeline gives on one machine: its components with what each is told, its topics, what is embedded; pure."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from health_events import Topic
from health_pipeline import Bindings, Component, HealthPipeline, Priority, components, topics_settings
from health_pipeline.kafka import external_kafka
from health_pipeline.settings import AlertsSettings, KafkaSettings, LakeSettings, SparkSettings
from health_pipeline.spec import SecretRef
from health_pipeline.transforms import is_glue

from healthctl.embedded.ports import LOOPBACK
from healthctl.errors import HealthctlError, InputError

# The names of what is no component of the pipeline and runs on a laptop all the same.
KAFKA, AWS = "kafka", "aws"

PortOf = Callable[[str, str], int]


@dataclass(frozen=True)
class Layout:
    """Everything that a run needs to know. ``replication`` is that of new topics."""

    pipeline: HealthPipeline
    components: list[Component]
    topics: tuple[Topic, ...]
    replication: int
    kafka: KafkaSettings
    lake: LakeSettings
    embeds_kafka: bool
    embeds_aws: bool

    @property
    def embeds_lake(self) -> bool:
        """Whether the lake is in the embedded endpoint, so in memory.

        The embedded Kafka's data outlives a run exactly when the lake does: checkpoints, and the offsets in the names
        of files, are about this Kafka's data, and the one without the other would be wrong.
        """
        return self.embeds_aws and not self.pipeline.spec.lake.endpoint


def require_runnable(pipeline: HealthPipeline) -> None:
    """InputError for what only a cluster runs: nobody would remove a Glue job once this machine is off."""
    if is_glue(pipeline.spec.transform):
        raise InputError("spec.transform.engine: glue runs on AWS only, kept by a cluster; use spark here")


def lay_out(
    pipeline: HealthPipeline, port_of: PortOf, *, on_aws: bool = False, watched: bool = False, spark_jars: str = ""
) -> Layout:
    """The layout of a pipeline. ``port_of(component, port)`` says where each listens.

    With ``on_aws`` an endpoint that the spec leaves empty is AWS's own, otherwise one of ours. A ``watched`` one has
    its watcher and the console, which is open to whoever is on this machine unless the spec names a token. InputError
    for what no endpoint of ours can do.
    """
    spec = pipeline.spec
    embeds_kafka = spec.kafka.mode == "strimzi"
    embeds_aws = not on_aws and not (spec.lake.endpoint and spec.catalog.endpoint)
    if embeds_aws and spec.catalog.mode == "crawler":
        raise InputError("catalog.mode is crawler, and only AWS has crawlers: use --aws here, or mode register")
    own = f"http://{LOOPBACK}:{port_of(AWS, 'http')}" if embeds_aws else ""
    lake: dict[str, Any] = {"lake_endpoint": spec.lake.endpoint or own, "glue_endpoint": spec.catalog.endpoint or own}
    kafka: dict[str, Any] = {"bootstrap_servers": f"{LOOPBACK}:{port_of(KAFKA, 'kafka')}"}
    if spec.kafka.external is not None and not embeds_kafka:
        kafka = external_kafka(spec.kafka.external)
    bindings = Bindings(
        kafka=kafka,
        lake=lake,
        address=lambda component, port: f"{LOOPBACK}:{port_of(component, port)}",
        listen=lambda component, port: (LOOPBACK, port_of(component, port)),
        spark={"spark_jars": spark_jars},
        transform_loops=True,
        watched=watched,
        open_console=watched,
    )
    made = topics_settings(pipeline, bindings)
    told: dict[str, Any] = {"lake": spec.lake.bucket, "region": spec.lake.region, "database": pipeline.database}
    return Layout(
        pipeline=pipeline,
        components=[with_task_slots(component) for component in components(pipeline, bindings)],
        topics=made.topics,
        replication=1 if embeds_kafka else made.replication,  # a laptop has one broker
        kafka=KafkaSettings(pipeline=pipeline.name, **kafka),
        lake=LakeSettings(pipeline=pipeline.name, **told, **lake),
        embeds_kafka=embeds_kafka,
        embeds_aws=embeds_aws,
    )


def secrets_of(component: Component, environ: Mapping[str, str]) -> dict[str, str]:
    """The component's secrets, from our own environment; HealthctlError naming the variable when one is not set.

    The Secret ``vitals-api`` with the key ``token`` is the variable HEALTH_SECRET_VITALS_API_TOKEN.
    """
    found = {}
    for variable, reference in component.secrets.items():
        source = secret_variable(reference)
        if source not in environ:
            wanted = f"the secret {reference.name}, key {reference.key}"
            raise HealthctlError(f"{component.name} needs {wanted}: set {source} in the environment")
        found[variable] = environ[source]
    return found


def secret_variable(reference: SecretRef) -> str:
    """Where a laptop keeps what Kubernetes keeps in a Secret."""
    return "HEALTH_SECRET_" + re.sub(r"[^A-Z0-9]", "_", f"{reference.name}_{reference.key}".upper())


def start_after(component: Component, layout: Layout) -> tuple[str, ...]:
    """What must be ready before this starts. The path starts from its end, so that nothing queues up before it.

    Sources wait for what is urgent (alerts, dispatch) and not for landing: Kafka keeps what is not landed yet. Landing
    and transform wait for it as well: a user waits for the first alert, and its start can use all the cores there are.
    """
    after = set(component.needs)
    is_source = component.stage in ("simulator", "producer")
    if is_source or component.priority > Priority.REALTIME:
        after |= {each.name for each in layout.components if _is_urgent(each)}
    if is_source and layout.embeds_kafka:
        after.add(KAFKA)
    return tuple(sorted(after))


def _is_urgent(component: Component) -> bool:
    return component.stage in ("streaming", "dispatch") and component.priority == Priority.REALTIME


def with_task_slots(component: Component) -> Component:
    """The component with a Spark of its own in one process, if it is one of Spark's, and task slots enough for it."""
    settings = component.settings
    if not isinstance(settings, SparkSettings):
        return component
    slots = 2
    if isinstance(settings, AlertsSettings) and settings.latency == "realtime":
        slots = settings.partitions + 1  # real-time mode holds one for each partition, for as long as a batch lasts
    return dataclasses.replace(component, settings=dataclasses.replace(settings, spark_master=f"local[{slots}]"))
