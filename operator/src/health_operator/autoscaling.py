"""Which components of a pipeline are scaled by their lag, within what bounds, and what is told of it. Pure.

Only what shares its work out by partitions is made faster by more of it. Dispatch does: each partition of alerts has
one owner, and areas are spread over them. So does landing, whose executors read partitions side by side. A producer
does not: a source is one stream with one cursor, and two would give Kafka every event twice. Nor do alerts: in
Real-time Mode a task waits for each partition, so one executor has a slot for each of them from the start.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from health_events import ALERTS, DISPATCHES, topic_name
from health_pipeline import HealthPipeline, pipeline_topics
from health_pipeline.kafka import DECIDING_PARTITIONS
from health_pipeline.spec_autoscaling import Replicas

from health_operator import scaling
from health_operator.model import Event, Measures
from health_operator.reasons import Note
from health_operator.scaling import Bounds, Scale, Trend
from health_operator.times import rfc3339

# From a change until what is new works: a pod and a rebalance; a Spark application that is submitted anew.
_SETTLE_S = {"dispatch": 90.0, "landing": 240.0}


def bounds(pipeline: HealthPipeline) -> dict[str, Bounds]:
    """Of each component that is scaled, by its name."""
    asked = pipeline.spec.autoscaling
    if asked is None or pipeline.spec.suspend:
        return {}
    wanted = {"dispatch": asked.dispatch, "landing": asked.landing}
    return {
        component: Bounds(
            *_possible(replicas, _useful(pipeline)[component]),
            target_s=asked.target_lag.seconds,
            catch_up_s=asked.catch_up.seconds,
            settle_s=_SETTLE_S[component],
            calm_s=asked.scale_down_delay.seconds,
        )
        for component, replicas in wanted.items()
        if replicas is not None
    }


def scaled(
    pipeline: HealthPipeline,
    scales: Mapping[str, Scale],
    trends: Mapping[str, Trend],
    measures: Measures,
    now: float,
) -> tuple[dict[str, Scale], dict[str, Trend]]:
    """What is on record from now on of each component that is scaled, and its trend. ``now`` in seconds since 1970."""
    new_scales, new_trends = {}, {}
    for component, its in bounds(pipeline).items():
        before = scales.get(component) or scaling.first(its, _as_specified(pipeline, component), now)
        trend, lag = trends.get(component, Trend()), measures.lags.get(component)
        new_scales[component], new_trends[component] = scaling.decide(its, before, trend, lag, now)
    return new_scales, new_trends


def events(before: Mapping[str, Scale], after: Mapping[str, Scale]) -> list[Event]:
    """What is told of changes."""
    return [
        Event(Note.SCALED, f"{component} from {before[component].replicas} to {scale.replicas}: {scale.why}")
        for component, scale in after.items()
        if component in before and before[component].replicas != scale.replicas
    ]


def told(pipeline: HealthPipeline, scales: Mapping[str, Scale]) -> list[dict[str, Any]]:
    """As status.autoscaling has it."""
    return [
        {
            "name": component,
            "replicas": scales[component].replicas,
            "minimum": its.minimum,
            "maximum": its.maximum,
            "lastChange": rfc3339(scales[component].since),
            "reason": scales[component].why,
        }
        for component, its in bounds(pipeline).items()
        if component in scales
    ]


def _useful(pipeline: HealthPipeline) -> dict[str, int]:
    """More than so many would have nothing to do."""
    # What is compacted are producers' places, which nobody lands.
    landed = [topic for topic in pipeline_topics(pipeline) if topic.config.get("cleanup.policy") != "compact"]
    areas = max(1, len(pipeline.spec.dispatch.areas))
    decided = {topic_name(pipeline.name, event) for event in (ALERTS, DISPATCHES)}
    filled = sum(min(topic.partitions, areas) if topic.name in decided else topic.partitions for topic in landed)
    # Two areas may be in neighbouring partitions, so it can take more owners than there are areas to part them.
    owners = 1 if areas == 1 else DECIDING_PARTITIONS
    return {"dispatch": owners, "landing": math.ceil(filled / pipeline.spec.spark.executor.cores)}


def _possible(asked: Replicas, useful: int) -> tuple[int, int]:
    maximum = min(asked.maximum, useful)
    return min(asked.minimum, maximum), maximum


def _as_specified(pipeline: HealthPipeline, component: str) -> int:
    return pipeline.spec.spark.executor.instances if component == "landing" else 1
