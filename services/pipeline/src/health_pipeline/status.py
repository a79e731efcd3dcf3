"""What the operator says of a HealthPipeline, as the CustomResourceDefinition has it. Everything may be absent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from health_pipeline.spec import spec

_MOST = 64  # items of a list: far above what there is


class Timestamp(str):
    """A time as RFC 3339 has it: ``2026-01-31T12:00:00Z``."""


@dataclass(frozen=True)
class Condition:
    """One aspect of the pipeline, in the form that all of Kubernetes has."""

    type: str = spec("Which aspect; Ready sums the others up", maximum=316)
    status: Literal["True", "False", "Unknown"] = spec("Whether it holds")
    last_transition_time: Timestamp = spec("Since when")
    reason: str = spec("Why, in one word that programs can compare", minimum=1)
    message: str = spec("Why, for people", maximum=32_768)
    observed_generation: int | None = spec("The generation of the spec that it speaks of", None, minimum=0)


@dataclass(frozen=True)
class ComponentStatus:
    """One thing that runs."""

    name: str = spec("Which one", maximum=253)
    state: str = spec("Such as Ready, Progressing, Failed")
    reason: str | None = spec("Why it is not ready", None, maximum=32_768)


@dataclass(frozen=True)
class SloStatus:
    """What the components' own metrics say."""

    events_per_second: float | None = spec("What the producers publish", None)
    lag_seconds: float | None = spec("How far the slowest stage is behind", None)
    alert_latency_p99_ms: float | None = spec("From a reading to its alert, 99 of 100", None)
    dispatch_latency_p99_ms: float | None = spec("From a reading to its dispatch, 99 of 100", None)
    freshness_seconds: float | None = spec("Age of the newest row of the table that is furthest behind", None)
    last_event_time: Timestamp | None = spec("When the last event came in", None)
    canary_age_seconds: float | None = spec("How long ago the made-up reading came through", None)
    alerts: int | None = spec("Alerts raised", None, minimum=0)
    dispatches: int | None = spec("Vehicles sent", None, minimum=0)


@dataclass(frozen=True)
class EditStatus:
    """One field that an edit changes, and what that does."""

    path: str = spec("The field")
    impact: Literal["None", "Rolling", "StreamingRestart", "NewCheckpoint"] = spec("The worst that it does")
    components: tuple[str, ...] = spec("To what", (), maximum=_MOST)
    what: str = spec("For people", "")


@dataclass(frozen=True)
class PlanStatus:
    """What the last edit does, or would do once it is approved."""

    generation: int = spec("Of the spec that was judged", minimum=0)
    impact: Literal["None", "Rolling", "StreamingRestart", "NewCheckpoint"] = spec("The worst of the edits'")
    edits: tuple[EditStatus, ...] = spec("Field by field", (), maximum=256)
    approval: str | None = spec("What is waited for: how to approve it", None)


@dataclass(frozen=True)
class ScaleStatus:
    """How many there are of a component that is scaled by its lag."""

    name: str = spec("Which one", maximum=253)
    replicas: int = spec("How many are wanted now", minimum=0)
    minimum: int = spec("At least, as the spec and the partitions allow", minimum=0)
    maximum: int = spec("At most, as the spec and the partitions allow", minimum=0)
    last_change: Timestamp = spec("Since when there are so many")
    reason: str = spec("Why", "", maximum=32_768)


@dataclass(frozen=True)
class AppliedSpec:
    """The spec that everything is made from."""

    generation: int = spec("Which one it is", minimum=0)
    digest: str = spec("By which the operator knows it again", maximum=128)


@dataclass(frozen=True)
class StableSpec:
    """A spec that the pipeline was Ready with."""

    config_map: str = spec("Where it is kept", maximum=253)
    generation: int = spec("Which one it was", minimum=0)


@dataclass(frozen=True)
class HealthPipelineStatus:
    """What the operator says of the pipeline."""

    observed_generation: int | None = spec("The generation of the spec that all of this speaks of", None, minimum=0)
    phase: str | None = spec("One word for people; programs look at the conditions", None)
    conditions: tuple[Condition, ...] = spec("What holds and what does not", (), maximum=_MOST, key="type")
    components: tuple[ComponentStatus, ...] = spec("What runs", (), maximum=_MOST, key="name")
    slo: SloStatus | None = spec("What was measured", None)
    autoscaling: tuple[ScaleStatus, ...] = spec("How many there are of what its lag scales", (), maximum=_MOST,
                                                key="name")  # fmt: skip
    plan: PlanStatus | None = spec("The last edit's impact", None)
    applied_spec: AppliedSpec | None = spec("What is kept up", None)
    audit_sequence: int | None = spec("Number of the latest entry of its audit", None, minimum=0)
    last_stable_spec: StableSpec | None = spec("What can be restored", None)
    checkpoint_epoch: str | None = spec("Names the checkpoints that are used; another after a new start", None)
