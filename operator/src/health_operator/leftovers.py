"""What a pipeline has in AWS and wants no more: who remembers it, and when it is removed. Pure.

It is put on record before anything can be made, and taken off once the Job that removes it is done. So whatever is
edited, killed or suspended in between, nothing is left behind that nobody knows of.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from health_pipeline import HealthPipeline
from health_pipeline.catalogue import keeps_in_aws

from health_operator.kinds import DEPLOYMENTS, JOBS
from health_operator.naming import COMPONENT_LABEL, child_name
from health_operator.plan import Key
from health_operator.state import State
from health_operator.workloads import State as Doing
from health_operator.workloads import job_state

KEEPER, REMOVAL = "catalog", "catalog-removal"


def remembered(pipeline: HealthPipeline, children: Mapping[Key, dict[str, Any]], state: State) -> State:
    """The state, with whether something of the pipeline is in AWS."""
    if keeps_in_aws(pipeline.spec.catalog):
        return dataclasses.replace(state, in_aws=True)
    jobs = [live for key, live in children.items() if key[0] is JOBS and _component(live) == REMOVAL]
    is_done = bool(jobs) and all(job_state(live)[0] is Doing.DONE for live in jobs)
    return dataclasses.replace(state, in_aws=False) if is_done else state


def to_remove(pipeline: HealthPipeline, children: Mapping[Key, dict[str, Any]], state: State) -> bool:
    """Whether the removal is to run now: not before its keeper is gone, who would only make it all anew."""
    keeper = (DEPLOYMENTS, child_name(pipeline.name, KEEPER))
    return state.in_aws and not keeps_in_aws(pipeline.spec.catalog) and keeper not in children


def _component(live: Mapping[str, Any]) -> str:
    labels = live["metadata"].get("labels") or {}
    return str(labels.get(COMPONENT_LABEL, ""))
