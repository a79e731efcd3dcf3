"""Spark and Glue never transform one lake at the same time: who waits for whom, when the engine changes. Pure.

Both write the same tables from the same state in the lake. So the one that comes waits until the other is gone whole:
a Glue job until it is removed from AWS, with its run; a schedule of Spark's until the driver of its last run has ended.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from health_pipeline import HealthPipeline
from health_pipeline.transforms import is_glue

from health_operator.keepers import KEEPERS
from health_operator.kinds import DEPLOYMENTS, SCHEDULED_SPARK_APPLICATIONS, SPARK_APPLICATIONS
from health_operator.naming import COMPONENT_LABEL, child_name
from health_operator.plan import Delete, Key
from health_operator.state import State
from health_operator.workloads import State as Doing
from health_operator.workloads import Workload

TRANSFORM = "transform"
Children = Mapping[Key, dict[str, Any]]
_OF_SPARK = (SCHEDULED_SPARK_APPLICATIONS, SPARK_APPLICATIONS)


def waiting(pipeline: HealthPipeline, children: Children, state: State) -> tuple[Workload, ...]:
    """The transform, while something must be gone before it may be made."""
    why = "" if pipeline.spec.suspend else _in_the_way(pipeline, children, state)
    kind = DEPLOYMENTS if is_glue(pipeline.spec.transform) else SCHEDULED_SPARK_APPLICATIONS
    name = child_name(pipeline.name, TRANSFORM)
    return (Workload(kind, name, TRANSFORM, Doing.WAITING, why),) if why else ()


def _in_the_way(pipeline: HealthPipeline, children: Children, state: State) -> str:
    if not is_glue(pipeline.spec.transform):
        keeper = (DEPLOYMENTS, child_name(pipeline.name, TRANSFORM))
        return "it waits until the Glue job is removed" if TRANSFORM in state.in_aws or keeper in children else ""
    # Spark's operator copies our labels onto the runs of a schedule, so these are among the children.
    spark = [
        f"{kind.kind} {name}"
        for (kind, name), live in children.items()
        if kind in _OF_SPARK and (live["metadata"].get("labels") or {}).get(COMPONENT_LABEL) == TRANSFORM
    ]
    return f"it waits until the last of Spark is gone: {', '.join(sorted(spark))}" if spark else ""


def whole(pipeline: str, deletes: Iterable[Delete]) -> tuple[Delete, ...]:
    """The deletes, those of which nothing may be left marked so: what others wait for must not go on as a pod."""
    keepers = {(DEPLOYMENTS, child_name(pipeline, keeper.stage)) for keeper in KEEPERS}
    return tuple(_whole(each) if (each.kind, each.name) in keepers else _stopped(each) for each in deletes)


def _whole(delete: Delete) -> Delete:
    return dataclasses.replace(delete, whole=True)


def _stopped(delete: Delete) -> Delete:
    """Spark's operator (2.5) begins runs of a schedule that is being deleted, and none of one that is suspended."""
    if delete.kind is not SCHEDULED_SPARK_APPLICATIONS:
        return delete
    return dataclasses.replace(delete, whole=True, quiet={"spec": {"suspend": True}})
