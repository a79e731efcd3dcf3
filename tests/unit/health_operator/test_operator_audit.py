"""The lines that say what was decided about a pipeline, and on whose word."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from health_operator.audit import rolled_back, spec_applied
from health_operator.gate import judge
from health_operator.naming import APPROVED
from health_operator.state import State

SPEC = {"sources": [{"name": "gps", "simulate": {}}], "lake": {"bucket": "s3://london-lake"}}
ELSEWHERE = SPEC | {"kafka": {"mode": "external", "external": {"bootstrapServers": "other:9092"}}}
WRITER = {
    "manager": "kubectl-annotate", "time": "2026-11-28T12:00:00Z",
    "fieldsV1": {"f:metadata": {"f:annotations": {".": {}, f"f:{APPROVED}": {}}}},
}  # fmt: skip


def live(generation: int, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    named = {"name": "london", "namespace": "health", "uid": "u-1", "generation": generation, **metadata}
    return {"apiVersion": "health-streaming.com/v1alpha1", "kind": "HealthPipeline", "metadata": named, "spec": spec}


def line(before: State, pipeline: dict[str, Any]) -> tuple[State, dict[str, Any]]:
    verdict = judge(pipeline, before)
    told = spec_applied(pipeline, before, verdict.state, verdict.plan)
    assert "\n" not in told
    return verdict.state, json.loads(told)


def test_a_first_spec_an_edit_and_an_approval() -> None:
    which = {"audit": "SpecApplied", "namespace": "health", "pipeline": "london", "uid": "u-1"}
    first, told = line(State(), live(1, SPEC))
    assert told == which | {"generation": 1, "previous_generation": None, "impact": None, "edits": [],
                            "checkpoint_epoch": first.checkpoint_epoch}  # fmt: skip
    second, told = line(first, live(2, SPEC | {"dispatch": {"radiusKm": 3}}))
    assert told.items() >= {"generation": 2, "previous_generation": 1, "edits": ["spec.dispatch.radiusKm"]}.items()
    assert "approved_by" not in told

    refused = judge(live(3, ELSEWHERE), second)
    assert refused.state == second, "nothing is applied, so nothing is told"
    approved = live(3, ELSEWHERE, annotations={APPROVED: "3"}, managedFields=[{"manager": "helm"}, WRITER])
    third, told = line(second, approved)
    assert third.applied is not None
    assert told["impact"] == "NewCheckpoint"
    assert (told["approved_by"], told["approved_at"]) == ("kubectl-annotate", "2026-11-28T12:00:00Z")


def test_a_word_of_nobody_known_is_told_as_such() -> None:
    state, _ = line(State(), live(1, SPEC))
    _, told = line(dataclasses.replace(state), live(2, ELSEWHERE, annotations={APPROVED: "2"}))
    assert (told["approved_by"], told["approved_at"]) == ("", "")


def test_a_rollback_says_what_came_of_it() -> None:
    told = json.loads(rolled_back(live(4, SPEC), 'nothing is rolled back:\n"why"'))
    assert told.items() >= {"audit": "Rollback", "pipeline": "london"}.items()
