"""The conditions of the path's stages, from how their workloads are doing and from what is measured. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from health_pipeline import HealthPipeline

from health_operator.conditions import Condition
from health_operator.kinds import DEPLOYMENTS, KAFKAS, PROMETHEUS, SPARK, STRIMZI
from health_operator.model import Measures
from health_operator.reasons import ConditionType, Reason
from health_operator.workloads import State, Workload

# A source without an event for this long is not a slow source: the slowest simulated one sends one in 100 s.
_SILENCE_SECONDS = 120
# What is kept up by a process, and what to call it when that does not succeed.
_KEEPERS = (("catalog", Reason.CATALOG_NOT_KEPT), ("warehouse", Reason.WAREHOUSE_NOT_READY),
            ("transform", Reason.TRANSFORM_NOT_KEPT))  # fmt: skip
# As many as can be read in one message.
_SHOWN = 5


def stages(
    pipeline: HealthPipeline, found: Sequence[Workload], missing: Sequence[str], measures: Measures
) -> list[Condition]:
    """KafkaReady to SLOMet; ``missing`` names operators that are needed and not installed."""
    return [
        _kafka(found, missing),
        _sources(found),
        _streaming(found, missing, measures),
        _catalog(found, missing, measures),
        data_flowing(measures),
        slo_met(pipeline, measures),
    ]


def all_alike(holds: bool | None, reason: Reason, message: str) -> list[Condition]:
    """The same for every stage."""
    between = [kind for kind in ConditionType if kind not in (ConditionType.ACCEPTED, ConditionType.READY)]
    return [Condition(kind, holds, reason, message) for kind in between]


def _kafka(found: Sequence[Workload], missing: Sequence[str]) -> Condition:
    kind = ConditionType.KAFKA_READY
    if STRIMZI in missing:
        message = "spec.kafka.mode is strimzi and the cluster has no Strimzi (kafka.strimzi.io/v1)"
        return Condition(kind, False, Reason.STRIMZI_MISSING, message)
    brokers = [work for work in found if work.kind is KAFKAS]
    if waiting := _unwell(brokers):
        return Condition(kind, False, Reason.KAFKA_STARTING, _list(waiting))
    topics = [work for work in found if work.component == "topics" or work.kind.plural == "kafkatopics"]
    if waiting := _unwell(topics):
        is_failing = any(work.state is State.FAILING for work in waiting)
        return Condition(kind, False, Reason.TOPICS_FAILED if is_failing else Reason.TOPICS_PENDING, _list(waiting))
    return Condition(kind, True, Reason.KAFKA_RUNNING if brokers else Reason.TOPICS_MADE, f"{len(topics)} ready")


def _sources(found: Sequence[Workload]) -> Condition:
    kind = ConditionType.SOURCES_READY
    sources = [work for work in found if work.component == "simulator" or work.component.startswith("producer")]
    if waiting := _unwell(sources):
        is_failing = any(work.state is State.FAILING for work in waiting)
        return Condition(kind, False, Reason.SOURCES_FAILING if is_failing else Reason.SOURCES_STARTING, _list(waiting))
    return Condition(kind, True, Reason.SOURCES_RUNNING, f"{len(sources)} running")


def _streaming(found: Sequence[Workload], missing: Sequence[str], measures: Measures) -> Condition:
    kind = ConditionType.STREAMING_READY
    if SPARK in missing:
        message = "the cluster has no Spark operator (sparkoperator.k8s.io/v1beta2)"
        return Condition(kind, False, Reason.SPARK_OPERATOR_MISSING, message)
    streams = [work for work in found if work.component in ("landing", "alerts", "dispatch")]
    if waiting := _unwell(streams):
        is_failing = any(work.state is State.FAILING for work in waiting)
        return Condition(kind, False, Reason.STREAM_FAILED if is_failing else Reason.STREAMS_STARTING, _list(waiting))
    # A driver can be RUNNING and its query long dead; only its own metrics tell.
    if silent := [work.component for work in streams if work.component in measures.silent]:
        message = f"running, but their metrics do not answer: {', '.join(silent)}"
        return Condition(kind, False, Reason.STREAM_SILENT, message)
    return Condition(kind, True, Reason.STREAMS_RUNNING, f"{len(streams)} running")


def _catalog(found: Sequence[Workload], missing: Sequence[str], measures: Measures) -> Condition:
    kind = ConditionType.CATALOG_READY
    if SPARK in missing:
        return Condition(kind, False, Reason.SPARK_OPERATOR_MISSING, "the transform is run by the Spark operator")
    transforms = [work for work in found if work.component == "transform"]
    return _badly_kept(found, measures) or _transform(transforms)


def _badly_kept(found: Sequence[Workload], measures: Measures) -> Condition | None:
    """The first that a process should keep up and does not."""
    for component, reason in _KEEPERS:
        keepers = [work for work in found if work.component == component and work.kind is DEPLOYMENTS]
        if unwell := [work for work in _unwell(keepers) if work.state is not State.WAITING]:
            why = measures.troubles.get(component)  # its pod is not ready for as long as it is in trouble
            message = _list(unwell) + (f"; {why}" if why else "")
            return Condition(ConditionType.CATALOG_READY, False, reason, message)
    return None


def _transform(found: Sequence[Workload]) -> Condition:
    kind, states = ConditionType.CATALOG_READY, {work.state for work in found}
    if not found:
        return Condition(kind, True, Reason.NOT_NEEDED, "nothing of it runs on this cluster")
    if all(work.is_well and work.kind is DEPLOYMENTS for work in found):
        return Condition(kind, True, Reason.TRANSFORM_KEPT, "AWS Glue runs the job")
    if unwell := _unwell(found):
        reasons = {State.MISSING: Reason.NOT_APPLIED, State.WAITING: Reason.TRANSFORM_WAITS}
        reason = next((reason for state, reason in reasons.items() if state in states), Reason.TRANSFORM_FAILED)
        return Condition(kind, False, reason, _list(unwell))
    has_run = states == {State.DONE}
    return Condition(kind, True, Reason.TRANSFORM_SUCCEEDED if has_run else Reason.TRANSFORM_NOT_DUE, _list(found))


def data_flowing(measures: Measures) -> Condition:
    """Events arrive in Kafka and in the tables; or the canary comes through, which proves the path where none come."""
    kind = ConditionType.DATA_FLOWING
    if measures.problem:
        return Condition(kind, None, Reason.MEASURES_UNREACHABLE, measures.problem)
    rate, canary = measures.figures.get("eventsPerSecond"), measures.figures.get("canaryAgeSeconds")
    if rate and "freshnessSeconds" not in measures.figures:
        return Condition(kind, False, Reason.NOTHING_LANDED, "events arrive in Kafka, no row has reached its table yet")
    if rate:
        return Condition(kind, True, Reason.EVENTS_ARRIVING, "events arrive, and rows in the tables")
    if canary is not None and canary <= _SILENCE_SECONDS:
        return Condition(kind, True, Reason.EVENTS_ARRIVING, "no events, but the canary comes through")
    if rate is None and canary is None:
        return Condition(kind, None, Reason.NOT_MEASURED, "nothing was measured yet")
    return Condition(kind, False, Reason.NO_EVENTS, f"no event now, no canary within {_SILENCE_SECONDS} s")


def slo_met(pipeline: HealthPipeline, measures: Measures) -> Condition:
    """Whether what is measured is within spec.monitoring.slo. A figure that is not measured is not missed."""
    kind = ConditionType.SLO_MET
    if measures.problem:
        return Condition(kind, None, Reason.MEASURES_UNREACHABLE, measures.problem)
    missed = []
    measured = 0
    for figure, target, unit in _targets(pipeline):
        value = measures.figures.get(figure)
        if value is not None:
            measured += 1
            if value > target:
                missed.append(f"{figure} {value:g} {unit}, target {target:g}")
    if missed:
        return Condition(kind, False, Reason.TARGETS_MISSED, "; ".join(missed))
    if not measured:
        return Condition(kind, None, Reason.NOT_MEASURED, "nothing was measured yet")
    return Condition(kind, True, Reason.WITHIN_TARGETS, f"{measured} figures within their targets")


def _targets(pipeline: HealthPipeline) -> list[tuple[str, float, str]]:
    slo: Any = pipeline.spec.monitoring.slo
    return [
        ("alertLatencyP99Ms", float(slo.alert_latency_p99), "ms"),
        ("lagSeconds", float(slo.lag_seconds), "s"),
        ("freshnessSeconds", float(slo.freshness_seconds), "s"),
    ]


def prometheus_missing(missing: Sequence[str]) -> bool:
    """PodMonitors are wanted and nobody would read them: worth a word, not worth a stop."""
    return PROMETHEUS in missing


def _unwell(found: Sequence[Workload]) -> list[Workload]:
    return [work for work in found if not work.is_well]


def _list(found: Sequence[Workload]) -> str:
    shown = [f"{work.kind.kind} {work.name}: {work.why or work.state.value}" for work in found[:_SHOWN]]
    return "; ".join(shown) + (f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")
