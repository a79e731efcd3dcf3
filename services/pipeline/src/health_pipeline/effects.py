"""What a change of each field of the spec does: the table that ``edits`` looks things up in; pure.

A test walks all fields, so that none is forgotten, and another compares with ``components``: whoever is told something
else by an edit is named here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from health_events import VEHICLES, VITALS

from health_pipeline.catalogue import follow_crawls, managing, on_new_folder, projected_days
from health_pipeline.spec import HealthPipelineSpec
from health_pipeline.transforms import is_glue
from health_pipeline.warehouses import load_job


class Impact(IntEnum):
    """What an edit costs, the least first."""

    NONE = 0  # nothing that runs is stopped
    ROLLING = 1  # pods are replaced one by one; Kafka keeps what comes in meanwhile
    STREAMING_RESTART = 2  # a stream stops, and goes on from its checkpoint
    NEW_CHECKPOINT = 3  # a stream's place is worth nothing any more: it must begin anew

    @property
    def title(self) -> str:
        """As the status of a pipeline has it: ``NewCheckpoint``."""
        return self.name.title().replace("_", "")


@dataclass(frozen=True)
class Change:
    """A field that two specs differ in. ``generic`` is its path without keys: ``sources[].partitions``."""

    path: str
    generic: str
    old: Any
    new: Any
    before: HealthPipelineSpec
    after: HealthPipelineSpec

    @property
    def key(self) -> str:
        """Of the list's item that it is in, or is: ``vitals``."""
        return self.path.partition("[")[2].partition("]")[0]


@dataclass(frozen=True)
class Effect:
    """What is done to which components; ``producer-*`` stands for all of them."""

    impact: Impact
    components: tuple[str, ...]
    what: str


Effects = tuple[Effect, ...]

_STREAMS = ("landing", "alerts")
_CLIENTS = ("simulator", "producer-*", "dispatch", "lag", "console")  # of Kafka, beside the streams


def effects_of(change: Change) -> Effects:
    """The effects of a change; none when it is no change at all."""
    rule = TABLE[entry(change.generic)]
    return rule(change) if callable(rule) else rule


def entry(generic: str) -> str:
    """The table's entry for a path: its own, or the longest that ends in ``*`` and covers it; KeyError."""
    covering = [name for name in TABLE if name.endswith("*") and generic.startswith(name[:-1])]
    return generic if generic in TABLE else max(covering, key=len, default=generic)


def _nothing(what: str) -> Effects:
    return (Effect(Impact.NONE, (), what),)


def _rolls(*components: str, what: str = "pods are replaced") -> Effect:
    return Effect(Impact.ROLLING, components, what)


def _restarts(*components: str, what: str = "the stream stops and goes on where it was") -> Effect:
    return Effect(Impact.STREAMING_RESTART, components, what)


def _next_run() -> Effect:
    return Effect(Impact.NONE, ("transform",), "the next run has it")


def _topic(what: str) -> Effect:
    return Effect(Impact.NONE, ("topics",), what)


def _begins_anew(what: str) -> Effect:
    return Effect(Impact.NEW_CHECKPOINT, _STREAMS, what)


def _of_source(change: Change) -> Effects:
    """A source comes or goes, and with it what exists only for it."""
    source = change.new or change.old
    vital = source.name == VITALS.name
    rolled = [f"producer-{source.name}", *(["simulator"] if source.simulate else [])]
    rolled += ["dispatch"] if source.name in (VITALS.name, VEHICLES.name) else []
    topic = "it is made" if change.new else "it is kept, with what is in it"
    rolled += ["catalog"]
    return (
        _rolls(*rolled, "lag", "console", what="started" if change.new else "stopped, or told that the source is gone"),
        _restarts("landing", *(["alerts"] if vital else [])),
        _next_run(),
        _topic(topic),
    )


def _of_partitions(change: Change) -> Effects:
    grown = _topic("the topic grows, and those that read or write it notice by themselves")
    return (grown, _restarts("alerts", what="it needs a task for each")) if change.key == VITALS.name else (grown,)


def _of_producer(change: Change) -> Effects:
    return (_rolls(f"producer-{change.key}"),)


def _of_brokers(change: Change) -> Effects:
    old, new = (set(servers.split(",")) for servers in (change.old, change.new))
    if old & new:  # the same Kafka, by other names as well
        return _external(change)
    return _when("external", _OTHER_KAFKA)(change)


def _when(mode: str, effects: Effects) -> Callable[[Change], Effects]:
    """``effects`` if Kafka is of this mode and stays so; a change of the mode is graver, and told at that field."""

    def judge(change: Change) -> Effects:
        modes = {change.before.kafka.mode, change.after.kafka.mode}
        if modes == {mode}:
            return effects
        return _nothing("it goes with the mode" if len(modes) > 1 else f"not used with mode {modes.pop()}")

    return judge


def _of_alert_batches(change: Change) -> Effects:
    modes = {change.before.alerting.latency, change.after.alerting.latency}
    if modes == {"microbatch"}:
        return (_restarts("alerts"),)
    return _nothing("it goes with the latency" if len(modes) > 1 else "not used with latency realtime")


_OTHER_KAFKA = (
    _begins_anew("offsets of one Kafka mean nothing in another"),
    _rolls(*_CLIENTS),
    _topic("they are made there"),
)
_external = _when("external", (_rolls(*_CLIENTS), _restarts(*_STREAMS), _topic("they are looked after as before")))


def _of_suspension(change: Change) -> Effects:
    stream = "it stops and keeps its place" if change.new else "it goes on where it was"
    job = "its job is removed from AWS" if change.new else "its job is made in AWS"
    runs = "no more runs" if change.new else "runs again"
    return (
        _restarts(*_STREAMS, what=stream),
        _rolls(*_CLIENTS, "catalog", "warehouse", what="stopped" if change.new else "started"),
        Effect(Impact.NONE, ("transform",), job if _has_glue(change) else runs),
    )


def _has_glue(change: Change) -> bool:
    """Before or after."""
    return is_glue(change.before.transform) or is_glue(change.after.transform)


def _of_engine(change: Change) -> Effects:
    gone, come = (
        ("the Glue job", "Spark runs") if change.old == "glue" else ("Spark's last run", "the Glue job is made")
    )
    return (
        Effect(Impact.NONE, ("transform",), f"{gone} goes first, then {come}; it goes on where it was"),
        _rolls("lag", "console", what="the job's keeper comes or goes"),
    )


def _of_glue(change: Change) -> Effects:
    both = is_glue(change.before.transform) and is_glue(change.after.transform)
    return (_next_run(),) if both else _nothing("it goes with the engine")


def _of_spark(change: Change) -> Effects:
    """Of all Spark applications; a Glue job has resources of its own."""
    spark_runs = not (is_glue(change.before.transform) and is_glue(change.after.transform))
    return (_restarts(*_STREAMS), *((_next_run(),) if spark_runs else ()))


def _of_executors(change: Change) -> Effects:
    return (_restarts("landing"), *_of_spark(change)[1:])  # alerts always have one


def _of_stage(change: Change) -> Effects:
    """Resources and role of one stage."""
    if change.key == "transform":
        return (_next_run(),)
    if change.key in _STREAMS:
        return (_restarts(change.key),)
    return (_rolls({"producer": "producer-*"}.get(change.key, change.key)),)


def _of_own_resources(change: Change) -> Effects:
    is_spark = change.key in _STREAMS or (change.key == "transform" and not _has_glue(change))
    return _nothing("Spark's are said under spark") if is_spark else _of_stage(change)


def _of_pods(change: Change) -> Effects:
    """Of all of them."""
    modes = {change.before.kafka.mode, change.after.kafka.mode}
    kafka = _rolls("kafka", what="the brokers are replaced one by one")
    topics = _topic("the job that makes them runs again, and changes nothing")
    return (
        *((kafka,) if modes == {"strimzi"} else (topics,)),
        _rolls(*_CLIENTS, "catalog", "warehouse"),
        _restarts(*_STREAMS),
        _rolls("transform", what="its keeper is replaced") if is_glue(change.after.transform) else _next_run(),
    )


def _of_crawler(change: Change) -> Effects:
    """What concerns landing is only how it tells of new folders; the transform, whether its job follows crawls."""
    if "crawler" not in (change.before.catalog.mode, change.after.catalog.mode):
        return _nothing("not used with mode register")
    tells = [on_new_folder(spec.catalog) for spec in (change.before, change.after)]
    moved = (_restarts("landing", what="it tells of new folders in another way"),) if tells[0] != tells[1] else ()
    jobs = [follow_crawls(spec.catalog) for spec in (change.before, change.after)]
    by = "crawls start the Glue jobs that are named, its own schedule any other"
    started = (Effect(Impact.NONE, ("transform",), by),) if _has_glue(change) and jobs[0] != jobs[1] else ()
    return (_rolls("catalog", what="crawlers, queues and triggers are changed in AWS"), *moved, *started)


def _of_athena(change: Change) -> Effects:
    days = [projected_days(spec.catalog) for spec in (change.before, change.after)]
    landing = (
        (_restarts("landing", what="it tells Athena of the partitions in another way"),) if days[0] != days[1] else ()
    )
    managed = [bool(managing(spec.catalog)) for spec in (change.before, change.after)]
    comes = (_rolls("lag", "console", what="the catalogue's keeper comes or goes"),) if managed[0] != managed[1] else ()
    kept = (_rolls("catalog", what="the workgroup is changed in AWS"), *comes) if any(managed) else ()
    return (*_nothing("queries go there from now on"), *kept, *landing)


def _of_mode(change: Change) -> Effects:
    what = "crawlers find the raw zone's tables" if change.new == "crawler" else "crawlers are removed from AWS"
    return (*_of_crawler(change), _rolls("lag", "console", what=what))


def _of_warehouse(change: Change) -> Effects:
    """A component loads, or a Glue job that the transform's keeper keeps; the catalogue's has it in its workflow."""
    specs = (change.before, change.after)
    jobs = [load_job(spec.warehouse) is not None for spec in specs]
    pods = [spec.warehouse is not None and not job for spec, job in zip(specs, jobs, strict=True)]
    found: list[Effect] = []
    if pods[0] != pods[1]:
        found.append(_rolls("warehouse", "lag", "console", what="started or stopped; what is loaded stays"))
    elif any(pods):
        found.append(_rolls("warehouse"))
    if any(jobs):
        found.append(Effect(Impact.NONE, ("transform",), "its keeper makes, changes or removes the load's job in AWS"))
    if jobs[0] != jobs[1] and any(follow_crawls(spec.catalog) for spec in specs):
        found.append(_rolls("catalog", what="the load comes into its workflow or leaves it"))
    return tuple(found)


_KEEPERS = _rolls("catalog", "warehouse")
_OF_SPARK = (_restarts(*_STREAMS), _next_run())
# What an edit brings about at once; afterwards their lag decides.
_MORE_DISPATCH = _rolls("dispatch", what="where there are more or fewer than the bounds allow")
_MORE_LANDING = _restarts("landing", what="where it has more or fewer executors than the bounds allow")
_BROKERS = _when("strimzi", (_rolls("kafka", what="the brokers are replaced one by one"),))

TABLE: Mapping[str, Effects | Callable[[Change], Effects]] = {
    "sources": (),  # an order that means nothing
    "sources[]": _of_source,
    "sources[].endpoint*": _of_producer,
    "sources[].simulate": (_rolls("simulator", "lag", "console"),),  # it may come or go, and both ask whatever there is
    "sources[].simulate.*": (_rolls("simulator"),),
    "sources[].partitions": _of_partitions,
    "sources[].retention": (_topic("the topic keeps its events for that long"),),
    "lake.bucket": (_begins_anew("the checkpoints stay behind in the old bucket"), _next_run(), _KEEPERS),
    "lake.endpoint": (
        _restarts(*_STREAMS, what="it goes on where it was if that is the same store, else it begins anew"),
        _next_run(),
        _KEEPERS,
    ),
    "lake.region": (*_OF_SPARK, _KEEPERS),
    "lake.credentialsSecret": (*_OF_SPARK, _KEEPERS),
    "lake.triggerInterval": (_restarts("landing"),),
    "kafka.mode": _OTHER_KAFKA,
    "kafka.strimzi.replicas": _when("strimzi", (_rolls("kafka", "topics", what="brokers are added or taken away"),)),
    "kafka.strimzi.storage*": _when("strimzi", (_rolls("kafka", what="the brokers' volumes are changed"),)),
    "kafka.strimzi.memory": _BROKERS,
    "kafka.strimzi.rackTopologyKey": _BROKERS,
    "kafka.external": _external,
    "kafka.external.bootstrapServers": _of_brokers,
    "kafka.external.tls": _external,
    "kafka.external.caRef*": _external,
    "kafka.external.authentication*": _external,
    "kafka.external.replicationFactor": _when("external", (_topic("of topics that are made from now on"),)),
    "alerting.latency": (
        _restarts("alerts"),
        _rolls("lag", what="it tells how far behind they are, or leaves it to them"),
    ),
    "alerting.triggerInterval": _of_alert_batches,
    "alerting.rules": (_restarts("alerts"), _rolls("lag", what="its canary breaks one of them")),
    "dispatch.areas*": (
        _rolls("simulator", "dispatch", "lag", "console"),
        _restarts("alerts"),
    ),
    "dispatch.*": (_rolls("dispatch"),),
    "transform.engine": _of_engine,
    "transform.glue*": _of_glue,
    "transform.schedule": (_next_run(),),
    "catalog.database": (_begins_anew("what has landed is in the catalogue under the old name"), _next_run(), _KEEPERS),
    "catalog.mode": _of_mode,
    "catalog.crawler*": _of_crawler,
    "catalog.endpoint": (
        _restarts(*_STREAMS, what="it goes on where it was; another catalogue does not know what has landed before"),
        _next_run(),
        _KEEPERS,
    ),
    "catalog.athena*": _of_athena,
    "warehouse*": _of_warehouse,
    "spark.image": _OF_SPARK,
    "spark.driver.*": _of_spark,
    "spark.executor.instances": _of_executors,
    "spark.executor.*": _of_spark,
    "components": (),  # as with sources
    "components[]*": _of_stage,
    "components[].cpu": _of_own_resources,
    "components[].memory": _of_own_resources,
    "autoscaling": (_MORE_DISPATCH, _MORE_LANDING),
    "autoscaling.dispatch*": (_MORE_DISPATCH,),
    "autoscaling.landing*": (_MORE_LANDING,),
    "autoscaling.*": _nothing("what their lag is held against from now on"),
    "scheduling.nodeSelector": (),  # as with sources
    "scheduling.*": _of_pods,
    "monitoring.podMonitors": _nothing("PodMonitors come or go"),
    "monitoring.dashboards": _nothing("its dashboard comes or goes"),
    "monitoring.canaryInterval": (_rolls("lag"),),
    "monitoring.slo.*": (_rolls("console", what="measured against it from now on"),),
    "console*": (_rolls("console"),),
    "security.networkPolicies": _nothing("policies come or go; connections that are open are not cut"),
    "security.metricsFrom": _nothing("policies are changed"),
    "privacy.pseudonyms*": (
        _rolls(
            "producer-vitals", what="patients and watches are called otherwise from now on, so cool-downs begin anew"
        ),
    ),
    "deletionPolicy": _nothing("it counts when the pipeline is deleted"),
    "suspend": _of_suspension,
}
