"""What a pipeline has in AWS and wants no more: who remembers it, and when it is removed. Pure.

It is put on record before anything can be made, and taken off once the Job that removes it is done. So whatever is
edited, killed or suspended in between, nothing is left behind that nobody knows of.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from health_pipeline import HealthPipeline

from health_operator.keepers import KEEPERS, Keeper
from health_operator.kinds import DEPLOYMENTS, JOBS
from health_operator.naming import COMPONENT_LABEL, child_name
from health_operator.plan import Key
from health_operator.state import State
from health_operator.workloads import State as Doing
from health_operator.workloads import job_state

Children = Mapping[Key, dict[str, Any]]


def remembered(pipeline: HealthPipeline, children: Children, state: State) -> State:
    """The state, with who has something in AWS, and by which role: an edit may take that out of the spec as well."""
    found = dict(state.in_aws)
    for keeper in KEEPERS:
        if keeper.keeps(pipeline):
            found[keeper.stage] = _role(pipeline, keeper.stage)
        elif _is_removed(keeper, children):
            found.pop(keeper.stage, None)
    return dataclasses.replace(state, in_aws=found)


def to_remove(pipeline: HealthPipeline, children: Children, state: State) -> frozenset[str]:
    """The stages whose removal is to run now: not before the keeper is gone, who would only make it all anew."""
    return frozenset(
        keeper.stage
        for keeper in KEEPERS
        if keeper.stage in state.in_aws
        and not keeper.keeps(pipeline)
        and (DEPLOYMENTS, child_name(pipeline.name, keeper.stage)) not in children
    )


def _is_removed(keeper: Keeper, children: Children) -> bool:
    jobs = [live for key, live in children.items() if key[0] is JOBS and _component(live) == keeper.removal]
    return bool(jobs) and all(job_state(live)[0] is Doing.DONE for live in jobs)


def _role(pipeline: HealthPipeline, stage: str) -> str:
    return next((each.role_arn or "" for each in pipeline.spec.components if each.name == stage), "")


def _component(live: Mapping[str, Any]) -> str:
    labels = live["metadata"].get("labels") or {}
    return str(labels.get(COMPONENT_LABEL, ""))
