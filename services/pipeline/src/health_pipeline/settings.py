"""What each component is told, as one frozen dataclass each; it travels in environment variables.

``components`` writes them with ``to_env`` and the component reads them with ``from_env``, so the two cannot drift. A
field ``radius_km`` is the variable ``HEALTH_RADIUS_KM``; whatever is not plain text is JSON. Fields marked ``secret``
are never written by ``to_env``: they reach the component from a Secret (on a laptop: healthctl's own environment).
"""

from __future__ import annotations

import dataclasses
import json
import os
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from health_events import Topic

PREFIX = "HEALTH_"
_SECRET = {"secret": True}

T = TypeVar("T")


class SettingsError(ValueError):
    """A variable is missing or cannot be read; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of all settings: the pipeline's name, and where to serve /metrics and /readyz."""

    pipeline: str
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0

    def to_env(self) -> dict[str, str]:
        """The variables that say this, secrets left out."""
        shown = [item for item in dataclasses.fields(self) if not item.metadata.get("secret")]
        return {_variable(item.name): _to_text(getattr(self, item.name)) for item in shown}

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """The settings in ``environ``; SettingsError naming the variable when one is missing or unreadable."""
        return read_env(cls, environ)


@dataclass(frozen=True, kw_only=True)
class KafkaSettings(Settings):
    """How to reach Kafka. ``sasl_password`` is a secret."""

    bootstrap_servers: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = ""
    sasl_username: str = ""
    sasl_password: str = field(default="", metadata=_SECRET, repr=False)
    ca_file: str = ""

    def client_config(self) -> dict[str, str]:
        """The same as configuration of librdkafka."""
        config = {"bootstrap.servers": self.bootstrap_servers, "security.protocol": self.security_protocol}
        if self.sasl_mechanism:
            config["sasl.mechanism"] = self.sasl_mechanism
            config["sasl.username"] = self.sasl_username
            config["sasl.password"] = self.sasl_password
        if self.ca_file:
            config["ssl.ca.location"] = self.ca_file
        return config


@dataclass(frozen=True, kw_only=True)
class TopicsSettings(KafkaSettings):
    """The topics to make, and how long to try while Kafka is not up yet. ``replication`` is that of new topics."""

    topics: tuple[Topic, ...]
    replication: int = 1
    timeout_s: float = 300


@dataclass(frozen=True, kw_only=True)
class LakeSettings(Settings):
    """Where the lake and its catalogue are. Empty endpoints mean AWS. Credentials come by the usual AWS chain."""

    lake: str  # s3://bucket[/prefix]
    lake_endpoint: str = ""
    region: str = "us-east-1"
    glue_endpoint: str = ""
    database: str
    checkpoint_epoch: str = ""  # another one makes the streams begin anew, as they must with another Kafka

    def table_uri(self, zone: str, table: str) -> str:
        """``s3://bucket/raw/vitals``, without a slash at the end. ``zone`` is raw or transformed."""
        return f"{self.lake}/{zone}/{table}"

    def checkpoint_uri(self, query: str) -> str:
        """Where a streaming query keeps its place; outside of every table's prefix."""
        return "/".join(filter(None, (self.lake, "checkpoints", self.checkpoint_epoch, query)))

    def state_uri(self, job: str) -> str:
        """Where a job keeps its place in the lake itself, which no epoch changes."""
        return f"{self.lake}/checkpoints/{job}"

    def glue_database(self, zone: str) -> str:
        """Glue database of a zone: ``london_health_raw``."""
        return f"{self.database}_{zone}"


@dataclass(frozen=True, kw_only=True)
class SparkSettings(LakeSettings):
    """A Spark application. Where both are empty, spark-submit has said it all (as on Kubernetes)."""

    spark_master: str = ""  # local[3]
    spark_jars: str = ""  # a folder of jars beyond PySpark's own: Kafka, S3A


@dataclass(frozen=True, kw_only=True)
class SimulatedSource:
    """One feed of the simulator; fractions as in spec.Faults. ``duration_s`` 0 means without end."""

    name: str
    entities: int
    events_per_second: float
    seed: int
    duration_s: float = 0
    malformed: float = 0
    out_of_range: float = 0
    duplicated: float = 0
    late: float = 0
    http_errors: float = 0


@dataclass(frozen=True, kw_only=True)
class SimulatorSettings(KafkaSettings):
    """The simulator; its vehicles belong to ``areas`` and follow the dispatches topic. ``token``, when set, is asked of
    every client."""

    host: str = "127.0.0.1"
    port: int
    sources: tuple[SimulatedSource, ...]
    areas: tuple[ServiceArea, ...] = ()
    token: str = field(default="", metadata=_SECRET, repr=False)


@dataclass(frozen=True, kw_only=True)
class ProducerSettings(KafkaSettings):
    """One source to its topic. ``token`` is the API's bearer token, a secret.

    With ``pseudonym_key_id`` patients get other names by ``pseudonym_key``, a secret that must be there then.
    """

    source: str
    url: str
    mode: str = "stream"
    poll_interval_s: float = 5
    pseudonym_key_id: str = ""
    token: str = field(default="", metadata=_SECRET, repr=False)
    pseudonym_key: str = field(default="", metadata=_SECRET, repr=False)


@dataclass(frozen=True, kw_only=True)
class LandingSettings(KafkaSettings, SparkSettings):
    """All topics to the raw zone. ``tables`` are event names.

    ``on_new_folder``: ``register`` it in the catalogue, leave a ``request`` for a crawl, or ``nothing``. For the last
    ``projected_days`` Athena works out the partitions by itself.
    """

    tables: tuple[str, ...]
    trigger_interval_s: float = 10
    on_new_folder: str = "register"
    projected_days: int = 0


@dataclass(frozen=True, kw_only=True)
class CatalogSettings(LakeSettings):
    """What is kept in AWS for the catalogue: crawlers over the raw ``tables``, where there is a ``role_arn`` for them.

    ``crawl_schedule`` is Glue's ``cron(...)``, after which the Glue jobs ``then`` run one by one; where the pipeline
    ``loads`` by a job, that comes behind its transform. ``on_new_files`` is ``commits``, ``events`` or empty;
    ``recrawl`` is newFolders or everything. ``workgroup``: Athena's, where it is to be kept; its results go to the lake
    where ``result_location`` is empty.
    """

    tables: tuple[str, ...] = ()
    role_arn: str = ""
    crawl_schedule: str = ""
    on_new_files: str = ""
    recrawl: str = "newFolders"
    then: tuple[str, ...] = ()
    loads: bool = False
    crawl_deadline_s: float = 3600
    workgroup: str = ""
    result_location: str = ""
    result_encryption: str = "SSE_S3"
    result_kms_key: str = ""
    scan_limit_bytes: int = 10_000_000_000


@dataclass(frozen=True, kw_only=True)
class AlertRule:
    """A bound on a field of vitals, inclusive."""

    metric: str
    at_or_below: float | None = None
    at_or_above: float | None = None
    severity: str = "critical"


@dataclass(frozen=True, kw_only=True)
class ServiceArea:
    """A service area; corners are [longitude, latitude]."""

    name: str
    polygon: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True)
class AlertsSettings(KafkaSettings, SparkSettings):
    """Vitals to alerts. ``latency`` is realtime or microbatch, which alone has a trigger interval (0: none)."""

    rules: tuple[AlertRule, ...]
    areas: tuple[ServiceArea, ...] = ()
    latency: str = "realtime"
    trigger_interval_s: float = 0
    partitions: int = 2


@dataclass(frozen=True, kw_only=True)
class TransformSettings(SparkSettings):
    """Raw zone to transformed zone. ``schedule`` is for the long-running form on a laptop; empty: once, then exit.

    After a single run it answers for ``linger_s`` more, so that who asks every few seconds hears what was done.
    """

    tables: tuple[str, ...]
    schedule: str = ""
    linger_s: float = 0


@dataclass(frozen=True, kw_only=True)
class WarehouseSettings(LakeSettings):
    """The transformed zone to a warehouse, looked at every ``interval_s``. ``engine`` is redshift or duckdb.

    ``duckdb_path`` is from the working directory; of ``workgroup`` and ``cluster`` one is empty, and without a
    ``secret_arn`` one logs in as one's own role. ``spectrum_schema``: how external schemas begin, empty: none.
    """

    engine: str
    interval_s: float = 60
    duckdb_path: str = ""
    workgroup: str = ""
    cluster: str = ""
    secret_arn: str = ""
    warehouse_database: str = ""
    warehouse_schema: str = ""
    copy_role_arn: str = ""
    spectrum_schema: str = ""


@dataclass(frozen=True, kw_only=True)
class DispatchSettings(KafkaSettings):
    """Alerts and vehicle reports to dispatches. Times in seconds, distances in kilometres."""

    radius_km: float
    position_ttl_s: float
    patient_cooldown_s: float
    retry_for_s: float
    ack_timeout_s: float
    alert_ttl_s: float
    areas: tuple[ServiceArea, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MetricsTarget:
    """Where a component's metrics are: ``http://host:port/metrics``."""

    component: str
    url: str


@dataclass(frozen=True, kw_only=True)
class LagSettings(KafkaSettings):
    """The watcher of a pipeline, which serves what it sees on ``host:port``.

    It asks ``targets``, and ``passing``: what runs for a moment at a time, and need not answer.
    A canary every ``canary_interval_s`` (0: none) at that position, in degrees, breaks one of ``rules``. With
    ``realtime_alerts`` alerts cannot say themselves how far they are behind.
    What is in ``audit_file``, a list of JSON, goes to the topic of the pipeline's audit; empty: nothing does.
    """

    host: str = "127.0.0.1"
    port: int
    targets: tuple[MetricsTarget, ...]
    passing: tuple[MetricsTarget, ...] = ()
    rules: tuple[AlertRule, ...] = ()
    canary_interval_s: float = 0
    canary_latitude: float = 0
    canary_longitude: float = 0
    realtime_alerts: bool = False
    audit_file: str = ""


@dataclass(frozen=True, kw_only=True)
class ConsoleSettings(KafkaSettings):
    """The console on ``host:port``; it asks ``targets`` and the watcher at ``slo_url`` how they do.

    ``token`` opens it and ``patients_token`` shows patients' ids as well. A proxy has ``proxy_token`` to itself: only
    with that one ``patients_group`` in the header ``groups_header`` shows them. Without a token it is open to whoever
    reaches it, which can only be by the loopback interface. ``streets_url``: GeoJSON of the streets, empty: none.
    ``most_*`` is what the pipeline is held to.
    """

    host: str = "127.0.0.1"
    port: int
    targets: tuple[MetricsTarget, ...] = ()
    slo_url: str = ""
    streets_url: str = ""
    areas: tuple[ServiceArea, ...] = ()
    most_alert_latency_ms: float = 250
    most_lag_s: float = 30
    most_freshness_s: float = 60
    groups_header: str = ""
    patients_group: str = ""
    token: str = field(default="", metadata=_SECRET, repr=False)
    patients_token: str = field(default="", metadata=_SECRET, repr=False)
    proxy_token: str = field(default="", metadata=_SECRET, repr=False)


def read_env(kind: type[T], environ: Mapping[str, str], prefix: str = PREFIX) -> T:
    """A dataclass from variables that begin with ``prefix``; SettingsError naming the one that cannot be read."""
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for item in dataclasses.fields(typing.cast(Any, kind)):
        variable = _variable(item.name, prefix)
        if variable in environ:
            values[item.name] = _from_text(environ[variable], hints[item.name], variable)
        elif item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
            raise SettingsError(f"{variable} is not set")
    return kind(**values)


def _variable(name: str, prefix: str = PREFIX) -> str:
    return prefix + name.upper()


def _to_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=dataclasses.asdict)


def _from_text(text: str, kind: Any, variable: str) -> Any:
    if kind is str:
        return text
    try:
        return _build(json.loads(text), kind)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"{variable} cannot be read: {error}") from error


def _build(value: Any, kind: Any) -> Any:
    """``value``, parsed JSON, as ``kind`` (a type annotation); TypeError or ValueError when it is something else."""
    if isinstance(kind, types.UnionType):  # X | None
        return None if value is None else _build(value, typing.get_args(kind)[0])
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return typing.cast(type, kind)(**{key: _build(item, hints.get(key)) for key, item in _an(dict, value).items()})
    if typing.get_origin(kind) is tuple:
        return tuple(_build(item, typing.get_args(kind)[0]) for item in _an(list, value))
    if typing.get_origin(kind) is dict:
        return {key: _build(item, typing.get_args(kind)[1]) for key, item in _an(dict, value).items()}
    if kind is float and type(value) is int:
        return float(value)
    return value if kind is None else _an(kind, value)  # a member that no field has is refused by the dataclass


def _an(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is not of type {kind.__name__}")
    return value
