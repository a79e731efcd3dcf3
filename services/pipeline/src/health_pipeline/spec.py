"""The HealthPipeline resource as frozen dataclasses: the one place that says what a spec can hold.

Fields are snake_case here and camelCase in YAML. ``spec(doc, ...)`` gives a field its documentation and bounds; the
reader enforces them and the CustomResourceDefinition is made from them (``schema``). What concerns several fields at
once is in ``rules``. A bound must mean the same to both: patterns are of the syntax that Python and RE2 share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from health_pipeline.quantities import Duration
from health_pipeline.spec_autoscaling import Autoscaling
from health_pipeline.spec_catalog import Catalog
from health_pipeline.spec_fields import CPU, JVM_MEMORY, MEMORY, OBJECT_NAME, PORT, ROLE_ARN, URL
from health_pipeline.spec_fields import LONGEST_TEXT as LONGEST_TEXT
from health_pipeline.spec_fields import SecretRef as SecretRef
from health_pipeline.spec_fields import camel as camel
from health_pipeline.spec_fields import spec as spec
from health_pipeline.spec_scheduling import Scheduling
from health_pipeline.spec_security import Privacy, Security
from health_pipeline.spec_transform import Transform
from health_pipeline.spec_warehouse import Warehouse

API_VERSION = "health-streaming.com/v1alpha1"
KIND = "HealthPipeline"
DEFAULT_NAMESPACE = "default"

SourceName = Literal["vitals", "vehicles", "gps", "cameras", "weather", "emergencies"]
Stage = Literal[
    "simulator", "topics", "producer", "landing", "alerts", "dispatch", "transform", "catalog", "warehouse", "lag",
    "console",
]  # fmt: skip


@dataclass(frozen=True)
class Endpoint:
    """A source's HTTP API."""

    url: str = spec("Where the feed is, without query", pattern=URL)
    mode: Literal["stream", "poll"] = spec("A live NDJSON stream, or pages asked for at an interval", "stream")
    poll_interval: Duration = spec("How often to ask, when polling", Duration(5000), minimum=100)
    secret_ref: SecretRef | None = spec("The bearer token, when the API wants one", None)


@dataclass(frozen=True)
class Faults:
    """The bad days of a simulated source: each a fraction of the records or, for httpErrors, of the requests."""

    malformed: float = spec("Records that break the contract or are not JSON", 0.0, minimum=0, maximum=1)
    out_of_range: float = spec("Records with a value that cannot be", 0.0, minimum=0, maximum=1)
    duplicated: float = spec("Records sent again under the same event id", 0.0, minimum=0, maximum=1)
    late: float = spec("Records that come up to an hour after they were observed", 0.0, minimum=0, maximum=1)
    http_errors: float = spec("Requests that are answered with an error", 0.0, minimum=0, maximum=0.9)


@dataclass(frozen=True)
class Simulate:
    """Serve the source from the simulator instead of a real API."""

    entities: int = spec("How many patients, vehicles, cameras, ...", 100, minimum=1, maximum=1_000_000)
    events_per_second: float = spec("Over all entities", 10.0, minimum=0.01, maximum=50_000)
    seed: int = spec("Same seed, same data", 1, minimum=0, maximum=2**31 - 1)
    duration: Duration | None = spec("Stop after this much data; without it, never", None, minimum=1000)
    faults: Faults = spec("What goes wrong", Faults)


@dataclass(frozen=True)
class Source:
    """One feed. Exactly one of endpoint and simulate."""

    name: SourceName = spec("Which of the six feeds")
    endpoint: Endpoint | None = spec("A real API", None)
    simulate: Simulate | None = spec("The simulator", None)
    partitions: int = spec("Partitions of its topic; can grow, never shrink", 2, minimum=1, maximum=1000)
    retention: Duration = spec("How long Kafka keeps its events", Duration.parse("7d"), minimum=60_000)


@dataclass(frozen=True)
class Storage:
    """A broker's volume."""

    size: str = spec("Of each broker's volume", "50Gi", pattern=MEMORY)
    storage_class: str | None = spec("The cluster's default when absent", None)


@dataclass(frozen=True)
class Strimzi:
    """A Kafka of the pipeline's own, run by Strimzi (on a laptop: by healthctl)."""

    replicas: int = spec("Brokers, and the topics' replication factor up to 3", 3, minimum=1, maximum=100)
    storage: Storage = spec("What each broker keeps its log on", Storage)
    memory: str = spec("Of each broker; half of it is its heap", "2Gi", pattern=MEMORY)
    rack_topology_key: str | None = spec("Node label that tells racks apart, such as topology.kubernetes.io/zone", None)


@dataclass(frozen=True)
class Authentication:
    """How to log in to a Kafka that is not ours."""

    username: str = spec("User name or API key", minimum=1)
    password_ref: SecretRef = spec("Password or API secret")
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = spec("SASL mechanism", "SCRAM-SHA-512")


@dataclass(frozen=True)
class External:
    """Any Kafka there is: Confluent Cloud, MSK, ..."""

    bootstrap_servers: str = spec("host:port, comma separated", pattern=rf"[-.\w]+:{PORT}(,[-.\w]+:{PORT})*")
    tls: bool = spec("Encrypt", True)
    ca_ref: SecretRef | None = spec("CA certificates (PEM) that the brokers are checked by; the usual ones when absent",
                                    None)  # fmt: skip
    authentication: Authentication | None = spec("SASL; none when absent", None)
    replication_factor: int = spec("Of the topics that are made", 3, minimum=1, maximum=10)


@dataclass(frozen=True)
class Kafka:
    """The Kafka that the events travel through."""

    mode: Literal["strimzi", "external"] = spec("Run one, or use one that is there", "strimzi")
    strimzi: Strimzi = spec("With mode strimzi", Strimzi)
    external: External | None = spec("With mode external", None)


@dataclass(frozen=True)
class Lake:
    """Where the data is kept: raw/, transformed/ and checkpoints/ under the bucket."""

    bucket: str = spec(
        "s3://bucket or s3://bucket/prefix", pattern=r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w./-]+)?"
    )
    endpoint: str = spec("Of the S3 API; AWS when empty (on a laptop: one of healthctl's own)", "",
                         pattern=rf"({URL})?")  # fmt: skip
    region: str = spec(
        "AWS region of the bucket and of all that is beside it; fixed once the pipeline is there", "us-east-1",
        pattern=r"[-a-z0-9]+", maximum=32,
    )  # fmt: skip
    credentials_secret: str | None = spec(
        "Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; better none, and a roleArn for each component", None,
        pattern=OBJECT_NAME, maximum=253
    )  # fmt: skip
    trigger_interval: Duration = spec("How often a landing batch starts", Duration(10_000), minimum=1000)


@dataclass(frozen=True)
class Rule:
    """A bound on a vital sign. At least one of atOrBelow and atOrAbove."""

    metric: Literal["heartRate", "spo2"] = spec("Which sign")
    at_or_below: float | None = spec("Alert at this value and under it", None, minimum=0, maximum=300)
    at_or_above: float | None = spec("Alert at this value and over it", None, minimum=0, maximum=300)
    severity: Literal["warning", "critical"] = spec("How urgent", "critical")


def news2_rules() -> tuple[Rule, ...]:
    """Values that score 3 by themselves in NEWS2 (Royal College of Physicians, 2017), SpO2 scale 1: urgent."""
    return (Rule("heartRate", 40, 131), Rule("spo2", 91))


@dataclass(frozen=True)
class Alerting:
    """What is abnormal, and how fast it must be known."""

    latency: Literal["realtime", "microbatch"] = spec("Milliseconds, or about a second on fewer cores", "realtime")
    trigger_interval: Duration = spec(
        "With microbatch: how often a batch starts, which writes to the lake; 0s: one after the other", Duration(1000),
        minimum=0
    )  # fmt: skip
    rules: tuple[Rule, ...] = spec("NEWS2 single-parameter score 3 when absent", news2_rules, minimum=1, maximum=64)


@dataclass(frozen=True)
class Area:
    """A service area: vehicles that belong to it serve the patients inside it."""

    name: str = spec("Unique in the pipeline", pattern=r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", maximum=63)
    polygon: tuple[tuple[float, float], ...] = spec("[longitude, latitude] of each corner, in order; closes itself",
                                                    minimum=3, maximum=256)  # fmt: skip


@dataclass(frozen=True)
class Dispatch:
    """Who is sent."""

    radius_km: float = spec("How far a vehicle may be from the patient", 10.0, minimum=0.1, maximum=200)
    policy: Literal["nearestIdle"] = spec("How one is chosen", "nearestIdle")
    position_ttl: Duration = spec("A position older than this is not trusted", Duration(30_000), minimum=1000)
    patient_cooldown: Duration = spec("No second vehicle for a patient within this", Duration(300_000), minimum=0)
    retry_for: Duration = spec("How long an unassigned alert is tried again", Duration(300_000), minimum=0)
    ack_timeout: Duration = spec("A vehicle that does not take the order within this is released", Duration(60_000),
                                 minimum=1000)  # fmt: skip
    alert_ttl: Duration = spec("An alert older than this is history, not a call for help", Duration(600_000),
                               minimum=1000)  # fmt: skip
    areas: tuple[Area, ...] = spec("One for everything when absent", (), maximum=64, key="name")


@dataclass(frozen=True)
class Driver:
    """The driver of each Spark application."""

    cores: int = spec("Threads", 1, minimum=1, maximum=64)
    core_request: str | None = spec(
        "CPU that is reserved, as many as cores when absent; landing has half, transform a quarter", None, pattern=CPU
    )
    memory: str = spec("Heap", "1g", pattern=JVM_MEMORY)


@dataclass(frozen=True)
class Executor:
    """The executors of each Spark application."""

    instances: int = spec("How many; alerts always have one", 1, minimum=1, maximum=1000)
    cores: int = spec("Task slots of each; alerts get one for each partition of vitals at least", 2, minimum=1,
                      maximum=64)  # fmt: skip
    core_request: str | None = spec(
        "CPU that is reserved, as many as cores when absent; landing has half, transform a quarter", None, pattern=CPU
    )
    memory: str = spec("Heap", "1g", pattern=JVM_MEMORY)


@dataclass(frozen=True)
class Spark:
    """Spark applications on Kubernetes; on a laptop each is one process."""

    image: str | None = spec("Instead of the operator's own", None)
    driver: Driver = spec("Where a query is planned", Driver)
    executor: Executor = spec("Where it runs", Executor)


@dataclass(frozen=True)
class ComponentSpec:
    """What one stage is given on Kubernetes, each of its parts alike."""

    name: Stage = spec("Which stage")
    cpu: str | None = spec("CPU that is reserved (Spark: see spark)", None, pattern=CPU)
    memory: str | None = spec("Memory, reserved and its limit (Spark: see spark)", None, pattern=MEMORY)
    role_arn: str | None = spec("IAM role that its service account stands for (EKS: IRSA)", None,
                                pattern=ROLE_ARN)  # fmt: skip


@dataclass(frozen=True)
class Slo:
    """What the pipeline is held to; condition SLOMet says whether it is."""

    alert_latency_p99: Duration = spec("From a reading to its alert", Duration(250), minimum=1)
    lag_seconds: int = spec("How far any stage may be behind", 30, minimum=1, maximum=86_400)
    freshness_seconds: int = spec("How old the newest row of a source's table may be", 60, minimum=1, maximum=604_800)


@dataclass(frozen=True)
class Monitoring:
    """How the pipeline is watched."""

    pod_monitors: bool = spec("Make PodMonitors; needs the Prometheus operator", False)
    dashboards: bool = spec("Make a ConfigMap with a Grafana dashboard of its own", False)
    canary_interval: Duration = spec("How often a made-up reading proves the path; 0s: never", Duration(10_000),
                                     minimum=0)  # fmt: skip
    slo: Slo = spec("What it is held to", Slo)


@dataclass(frozen=True)
class ConsoleProxy:
    """A proxy that has people log in (OIDC), shows a token that it alone has and tells their groups in a header."""

    token_ref: SecretRef = spec("The proxy's own token; groups are heeded only from whoever shows it")
    patients_group: str = spec("Its members see patients' ids", pattern=r"[!-+.-~-]+", maximum=128)  # no comma
    groups_header: str = spec("The groups, comma separated", "X-Forwarded-Groups", pattern=r"[A-Za-z][-A-Za-z0-9]*",
                              maximum=64)  # fmt: skip


@dataclass(frozen=True)
class Console:
    """The live map and the pipeline's health, for people with a browser. Tokens have 16 characters at least."""

    token_ref: SecretRef = spec("Token that opens the console; patients' ids stay hidden")
    patients_token_ref: SecretRef | None = spec("Token that shows patients' ids as well", None)
    proxy: ConsoleProxy | None = spec("Who logs people in; each has the token to show when absent", None)


@dataclass(frozen=True)
class HealthPipelineSpec:
    """What the user wants."""

    sources: tuple[Source, ...] = spec("One to six feeds, each once", minimum=1, maximum=6, key="name")
    lake: Lake = spec("Where the data is kept")
    kafka: Kafka = spec("What the events travel through", Kafka)
    alerting: Alerting = spec("What is abnormal", Alerting)
    dispatch: Dispatch = spec("Who is sent", Dispatch)
    transform: Transform = spec("Raw zone to transformed zone", Transform)
    catalog: Catalog = spec("The Glue Data Catalog", Catalog)
    warehouse: Warehouse | None = spec("Load the transformed zone; none when absent", None)
    spark: Spark = spec("Spark applications on Kubernetes", Spark)
    components: tuple[ComponentSpec, ...] = spec(
        "Resources and roles by stage, on Kubernetes", (), maximum=10, key="name"
    )
    autoscaling: Autoscaling | None = spec("How many there may be as the load changes, on Kubernetes", None)
    scheduling: Scheduling = spec("Where its pods run, on Kubernetes", Scheduling)
    monitoring: Monitoring = spec("How it is watched", Monitoring)
    console: Console | None = spec("Serve the console; on a laptop it is always there, on the loopback interface", None)
    security: Security = spec("Who may reach whom, on Kubernetes", Security)
    privacy: Privacy = spec("What becomes of who the patients are", Privacy)
    deletion_policy: Literal["keep", "delete"] = spec(
        "What becomes of Kafka's topics when the pipeline is deleted; the lake is always kept", "keep"
    )
    suspend: bool = spec("Run nothing, keep everything", False)


@dataclass(frozen=True)
class HealthPipeline:
    """The resource: a name and a spec."""

    name: str
    spec: HealthPipelineSpec
    namespace: str = DEFAULT_NAMESPACE

    @property
    def database(self) -> str:
        """Prefix of the Glue databases; Glue allows no hyphen that SQL would not need quotes for."""
        return self.spec.catalog.database or self.name.replace("-", "_")
