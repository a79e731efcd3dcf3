"""What must run for a pipeline, each component described once; pure.

A renderer (healthctl, the operator) gives the ``Bindings``: what only it knows, such as addresses. It gets back a list
of components in the order of the data path, and turns each into a process or into Kubernetes objects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from health_events import VEHICLES, VITALS, by_name

from health_pipeline import settings as told
from health_pipeline.alerting import alert_rules, service_areas
from health_pipeline.catalogue import crawling, follow_crawls, keeps_in_aws, managing, on_new_folder, projected_days
from health_pipeline.kafka import kafka_secrets, landed_tables, pipeline_topics, sources_of
from health_pipeline.settings_glue import EtlSettings, LoadJob
from health_pipeline.spec import HealthPipeline, SecretRef, Simulate, Source
from health_pipeline.spec_warehouse import Warehouse
from health_pipeline.transforms import glue_job, is_glue, running
from health_pipeline.warehouses import load_job, loading

HTTP_PORT, METRICS_PORT = 8080, 9464
CATALOG_MODULE, ETL_MODULE = "health_catalog.crawlers", "health_catalog.etl"
_LINGER_S = 5.0  # the watcher asks every two seconds
_MOST_COPIES = 3  # of a record, however many brokers there are


class Priority(IntEnum):
    """Who goes first when there is not enough CPU: niceness on a laptop, requests on Kubernetes.

    Alerts and dispatch must not wait for landing: with all in one class, each landing batch stalls the alerts.
    """

    REALTIME = 0
    BACKGROUND = 15
    BATCH = 19


@dataclass(frozen=True)
class Bindings:
    """What only the renderer knows.

    ``kafka``, ``lake`` and ``spark`` hold keyword arguments of KafkaSettings, LakeSettings (beyond bucket and database)
    and SparkSettings;
    ``address(component, port)`` gives the host:port at which others reach a component, ``listen(component, port)`` the
    (host, port) that it binds. ``watched``: a component of the pipeline's own watches the others and sends canaries.
    ``open_console``: a watched pipeline has a console also where its spec asks for none.
    """

    kafka: dict[str, Any]
    lake: dict[str, Any]
    address: Callable[[str, str], str]
    listen: Callable[[str, str], tuple[str, int]]
    spark: dict[str, Any] = field(default_factory=dict)
    transform_loops: bool = False
    watched: bool = False
    open_console: bool = False


@dataclass(frozen=True)
class Component:
    """One thing that runs: ``python -m module`` with ``settings`` in its environment.

    ``secrets`` maps a variable to the Secret key that it comes from. ``needs`` names components that it is of no use
    without (an order to start in; every component also waits by itself). ``ports`` maps a name to the usual number.
    """

    name: str
    stage: str
    module: str
    settings: told.Settings
    needs: tuple[str, ...] = ()
    secrets: dict[str, SecretRef] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=lambda: {"metrics": METRICS_PORT})
    priority: Priority = Priority.REALTIME
    replicas: int = 1
    spark: bool = False
    schedule: str = ""

    @property
    def env(self) -> dict[str, str]:
        """Its environment variables, secrets left out."""
        return self.settings.to_env()


def components(pipeline: HealthPipeline, bindings: Bindings) -> list[Component]:
    """Everything that must run, in the order of the data path; nothing when the pipeline is suspended."""
    if pipeline.spec.suspend:
        return []
    sources = sources_of(pipeline)
    simulated = [source for source in sources if source.simulate]
    found = [_simulator(pipeline, simulated, bindings)] if simulated else []
    found += [_producer(pipeline, source, bindings) for source in sources]
    found.append(_landing(pipeline, bindings))
    names = {source.name for source in pipeline.spec.sources}
    if VITALS.name in names:
        found.append(_alerts(pipeline, bindings))
    if {VITALS.name, VEHICLES.name} <= names:
        found.append(_dispatch(pipeline, bindings))
    found.append(_transform(pipeline, bindings))
    if keeps_in_aws(pipeline.spec.catalog):
        found.append(_catalog(pipeline, bindings))
    if pipeline.spec.warehouse and not load_job(pipeline.spec.warehouse):
        found.append(_warehouse(pipeline, pipeline.spec.warehouse, bindings))
    if bindings.watched:
        found.append(_lag(pipeline, found, bindings))
        if pipeline.spec.console or bindings.open_console:
            found.append(_console(pipeline, found, bindings))
    return found


def topics_settings(pipeline: HealthPipeline, bindings: Bindings) -> told.TopicsSettings:
    """What the job that makes the pipeline's topics is told; a suspended pipeline keeps its topics."""
    kafka = pipeline.spec.kafka
    external = kafka.external if kafka.mode == "external" else None
    return told.TopicsSettings(
        pipeline=pipeline.name,
        **bindings.kafka,
        topics=pipeline_topics(pipeline),
        replication=external.replication_factor if external else min(_MOST_COPIES, kafka.strimzi.replicas),
    )


def _common(pipeline: HealthPipeline, bindings: Bindings, component: str) -> dict[str, Any]:
    host, port = bindings.listen(component, "metrics")
    return {"pipeline": pipeline.name, "metrics_host": host, "metrics_port": port}


def _lake(pipeline: HealthPipeline, bindings: Bindings) -> dict[str, Any]:
    lake = pipeline.spec.lake
    given = {"lake": lake.bucket, "lake_endpoint": lake.endpoint, "region": lake.region}
    given |= {"glue_endpoint": pipeline.spec.catalog.endpoint, "database": pipeline.database}
    return given | bindings.lake


def _simulator(pipeline: HealthPipeline, sources: list[Source], bindings: Bindings) -> Component:
    host, port = bindings.listen("simulator", "http")
    settings = told.SimulatorSettings(
        **_common(pipeline, bindings, "simulator"),
        **bindings.kafka,
        host=host,
        port=port,
        sources=tuple(_simulated(source.name, source.simulate) for source in sources if source.simulate),
        areas=service_areas(pipeline.spec),
    )
    ports = {"http": HTTP_PORT, "metrics": METRICS_PORT}
    return Component("simulator", "simulator", "health_simulator", settings, ports=ports,
                     secrets=kafka_secrets(pipeline))  # fmt: skip


def _simulated(name: str, simulate: Simulate) -> told.SimulatedSource:
    return told.SimulatedSource(
        name=name,
        entities=simulate.entities,
        events_per_second=simulate.events_per_second,
        seed=simulate.seed,
        duration_s=simulate.duration.seconds if simulate.duration else 0,
        malformed=simulate.faults.malformed,
        out_of_range=simulate.faults.out_of_range,
        duplicated=simulate.faults.duplicated,
        late=simulate.faults.late,
        http_errors=simulate.faults.http_errors,
    )


def _producer(pipeline: HealthPipeline, source: Source, bindings: Bindings) -> Component:
    name = f"producer-{source.name}"
    endpoint = source.endpoint
    secrets = kafka_secrets(pipeline)
    if endpoint is None:
        how: dict[str, Any] = {"url": f"http://{bindings.address('simulator', 'http')}/v1/{source.name}"}
    else:
        how = {"url": endpoint.url, "mode": endpoint.mode, "poll_interval_s": endpoint.poll_interval.seconds}
        if endpoint.secret_ref:
            secrets["HEALTH_TOKEN"] = endpoint.secret_ref
    event, pseudonyms = by_name(source.name), pipeline.spec.privacy.pseudonyms
    if pseudonyms and any(field.personal for field in event.fields):
        secrets["HEALTH_PSEUDONYM_KEY"] = pseudonyms.key_ref
        how["pseudonym_key_id"] = pseudonyms.key_id
    settings = told.ProducerSettings(**_common(pipeline, bindings, name), **bindings.kafka, source=event.name, **how)
    needs = () if endpoint else ("simulator",)
    return Component(name, "producer", "health_producer", settings, needs=needs, secrets=secrets)


def _landing(pipeline: HealthPipeline, bindings: Bindings) -> Component:
    settings = told.LandingSettings(
        **_common(pipeline, bindings, "landing"),
        **bindings.kafka,
        **_lake(pipeline, bindings),
        tables=landed_tables(pipeline),
        trigger_interval_s=pipeline.spec.lake.trigger_interval.seconds,
        on_new_folder=on_new_folder(pipeline.spec.catalog),
        projected_days=projected_days(pipeline.spec.catalog),
        **bindings.spark,
    )
    return Component("landing", "streaming", "health_streaming.jobs.landing", settings, spark=True,
                     priority=Priority.BACKGROUND, secrets=kafka_secrets(pipeline))  # fmt: skip


def _alerts(pipeline: HealthPipeline, bindings: Bindings) -> Component:
    (vitals,) = [source for source in pipeline.spec.sources if source.name == VITALS.name]
    wanted = pipeline.spec.alerting
    settings = told.AlertsSettings(
        **_common(pipeline, bindings, "alerts"),
        **bindings.kafka,
        **_lake(pipeline, bindings),
        rules=alert_rules(pipeline.spec),
        areas=service_areas(pipeline.spec),
        latency=wanted.latency,
        trigger_interval_s=wanted.trigger_interval.seconds if wanted.latency == "microbatch" else 0,
        partitions=vitals.partitions,
        **bindings.spark,
    )
    return Component("alerts", "streaming", "health_streaming.jobs.alerts", settings, spark=True,
                     secrets=kafka_secrets(pipeline))  # fmt: skip


def _dispatch(pipeline: HealthPipeline, bindings: Bindings) -> Component:
    wanted = pipeline.spec.dispatch
    settings = told.DispatchSettings(
        **_common(pipeline, bindings, "dispatch"),
        **bindings.kafka,
        radius_km=wanted.radius_km,
        position_ttl_s=wanted.position_ttl.seconds,
        patient_cooldown_s=wanted.patient_cooldown.seconds,
        retry_for_s=wanted.retry_for.seconds,
        ack_timeout_s=wanted.ack_timeout.seconds,
        alert_ttl_s=wanted.alert_ttl.seconds,
        areas=service_areas(pipeline.spec),
    )
    return Component("dispatch", "dispatch", "health_dispatch", settings, secrets=kafka_secrets(pipeline))


def etl_settings(pipeline: HealthPipeline, bindings: Bindings) -> EtlSettings:
    """What whoever keeps, or removes, the Glue jobs of transform and load is told."""
    common, lake = _common(pipeline, bindings, "transform"), _lake(pipeline, bindings)
    job, load = glue_job(pipeline.spec.transform, pipeline.spec.catalog), _load(pipeline, bindings)
    return EtlSettings(**common, **lake, tables=landed_tables(pipeline), **job, load=load)


def _load(pipeline: HealthPipeline, bindings: Bindings) -> LoadJob | None:
    wanted = pipeline.spec.warehouse
    job = load_job(wanted)
    return LoadJob(**_loading(pipeline, wanted, bindings), **running(job)) if wanted and job else None


def _transform(pipeline: HealthPipeline, bindings: Bindings) -> Component:
    if is_glue(pipeline.spec.transform):
        keeper = etl_settings(pipeline, bindings)
        return Component("transform", "transform", ETL_MODULE, keeper, needs=("landing",), priority=Priority.BATCH)
    schedule = pipeline.spec.transform.schedule
    settings = told.TransformSettings(
        **_common(pipeline, bindings, "transform"),
        **_lake(pipeline, bindings),
        tables=landed_tables(pipeline),
        schedule=schedule if bindings.transform_loops else "",
        linger_s=_LINGER_S if bindings.watched and not bindings.transform_loops else 0,
        **bindings.spark,
    )
    return Component("transform", "transform", "health_streaming.jobs.transform", settings, spark=True,
                     needs=("landing",), priority=Priority.BATCH, schedule=schedule)  # fmt: skip


def catalog_settings(pipeline: HealthPipeline, bindings: Bindings) -> told.CatalogSettings:
    """What whoever keeps, or removes, things of the catalogue in AWS is told."""
    common, lake = _common(pipeline, bindings, "catalog"), _lake(pipeline, bindings)
    follows = bool(follow_crawls(pipeline.spec.catalog))
    return told.CatalogSettings(
        **common,
        **lake,
        tables=landed_tables(pipeline),
        **crawling(pipeline.spec.catalog),
        loads=follows and load_job(pipeline.spec.warehouse) is not None,
        **managing(pipeline.spec.catalog),
    )


def _catalog(pipeline: HealthPipeline, bindings: Bindings) -> Component:
    settings = catalog_settings(pipeline, bindings)
    return Component("catalog", "catalog", CATALOG_MODULE, settings, priority=Priority.BATCH)


def _warehouse(pipeline: HealthPipeline, wanted: Warehouse, bindings: Bindings) -> Component:
    settings = told.WarehouseSettings(**_loading(pipeline, wanted, bindings), interval_s=wanted.interval.seconds)
    return Component("warehouse", "warehouse", "health_catalog.warehouse", settings, needs=("transform",),
                     priority=Priority.BATCH)  # fmt: skip


def _loading(pipeline: HealthPipeline, wanted: Warehouse, bindings: Bindings) -> dict[str, Any]:
    """Keyword arguments of WarehouseSettings, whoever loads."""
    common, lake = _common(pipeline, bindings, "warehouse"), _lake(pipeline, bindings)
    return {**common, **lake, "engine": wanted.engine, **loading(wanted, pipeline.database)}


def _lag(pipeline: HealthPipeline, watched: list[Component], bindings: Bindings) -> Component:
    host, port = bindings.listen("lag", "http")
    settings = told.LagSettings(
        **_common(pipeline, bindings, "lag"),
        **bindings.kafka,
        host=host,
        port=port,
        targets=_targets(watched, bindings),
        passing=tuple(_target(each, bindings) for each in watched if not _lasts(each, bindings)),
        rules=alert_rules(pipeline.spec),
        realtime_alerts=pipeline.spec.alerting.latency == "realtime",
        **_canary(pipeline),
    )
    return Component("lag", "lag", "health_lag", settings, ports={"http": HTTP_PORT, "metrics": METRICS_PORT},
                     priority=Priority.BACKGROUND, secrets=kafka_secrets(pipeline))  # fmt: skip


def _targets(watched: list[Component], bindings: Bindings) -> tuple[told.MetricsTarget, ...]:
    return tuple(_target(each, bindings) for each in watched if _lasts(each, bindings))


def _target(component: Component, bindings: Bindings) -> told.MetricsTarget:
    url = f"http://{bindings.address(component.name, 'metrics')}/metrics"
    return told.MetricsTarget(component=component.name, url=url)


def _lasts(component: Component, bindings: Bindings) -> bool:
    """What runs for a moment at a time answers nobody for most of it."""
    return bindings.transform_loops or not component.schedule


def _console(pipeline: HealthPipeline, watched: list[Component], bindings: Bindings) -> Component:
    host, port = bindings.listen("console", "http")
    wanted, slo = pipeline.spec.console, pipeline.spec.monitoring.slo
    secrets, proxy = kafka_secrets(pipeline), wanted.proxy if wanted else None
    if wanted:
        secrets["HEALTH_TOKEN"] = wanted.token_ref
        if wanted.patients_token_ref:
            secrets["HEALTH_PATIENTS_TOKEN"] = wanted.patients_token_ref
    if proxy:
        secrets["HEALTH_PROXY_TOKEN"] = proxy.token_ref
    has_city = any(source.simulate for source in pipeline.spec.sources)
    settings = told.ConsoleSettings(
        **_common(pipeline, bindings, "console"),
        **bindings.kafka,
        host=host,
        port=port,
        targets=_targets(watched, bindings),
        slo_url=f"http://{bindings.address('lag', 'http')}/slo",
        streets_url=f"http://{bindings.address('simulator', 'http')}/streets.geojson" if has_city else "",
        areas=service_areas(pipeline.spec),
        most_alert_latency_ms=float(slo.alert_latency_p99),
        most_lag_s=float(slo.lag_seconds),
        most_freshness_s=float(slo.freshness_seconds),
        groups_header=proxy.groups_header if proxy else "",
        patients_group=proxy.patients_group if proxy else "",
    )
    ports = {"http": HTTP_PORT, "metrics": METRICS_PORT}
    return Component("console", "console", "health_console", settings, ports=ports, priority=Priority.BACKGROUND,
                     secrets=secrets)  # fmt: skip


def _canary(pipeline: HealthPipeline) -> dict[str, Any]:
    """A canary goes the way of vitals, so without them there is none. It is somewhere in the first area, about."""
    if VITALS.name not in {source.name for source in pipeline.spec.sources}:
        return {}
    corners = pipeline.spec.dispatch.areas[0].polygon if pipeline.spec.dispatch.areas else ((0.0, 0.0),)
    longitude, latitude = (sum(values) / len(corners) for values in zip(*corners, strict=True))
    return {
        "canary_interval_s": pipeline.spec.monitoring.canary_interval.seconds,
        "canary_latitude": latitude,
        "canary_longitude": longitude,
    }
