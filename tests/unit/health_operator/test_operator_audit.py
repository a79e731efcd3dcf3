"""The lines that say what was decided about a pipeline, and on whose word."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from health_operator.audit import MOST_CHARACTERS, MOST_ENTRIES, line, record_lost, recorded, rolled_back, spec_applied
from health_operator.gate import judge
from health_operator.naming import APPROVED
from health_operator.state import State, config_map
from hypothesis import given
from hypothesis import strategies as st

SPEC = {"sources": [{"name": "gps", "simulate": {}}], "lake": {"bucket": "s3://london-lake"}}
ELSEWHERE = SPEC | {"kafka": {"mode": "external", "external": {"bootstrapServers": "other:9092"}}}
WRITER = {
    "manager": "kubectl-annotate", "time": "2026-11-28T12:00:00Z",
    "fieldsV1": {"f:metadata": {"f:annotations": {".": {}, f"f:{APPROVED}": {}}}},
}  # fmt: skip


def live(generation: int, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    named = {"name": "london", "namespace": "health", "uid": "u-1", "generation": generation, **metadata}
    return {"apiVersion": "health-streaming.com/v1alpha1", "kind": "HealthPipeline", "metadata": named, "spec": spec}


def applied(before: State, pipeline: dict[str, Any]) -> tuple[State, dict[str, Any]]:
    verdict = judge(pipeline, before)
    told = line(spec_applied(pipeline, before, verdict.state, verdict.plan))
    assert "\n" not in told
    return verdict.state, json.loads(told)


def test_a_first_spec_an_edit_and_an_approval() -> None:
    which = {"audit": "SpecApplied", "namespace": "health", "pipeline": "london", "uid": "u-1"}
    first, told = applied(State(), live(1, SPEC))
    assert told == which | {"generation": 1, "previous_generation": None, "impact": None, "edits": [],
                            "checkpoint_epoch": first.checkpoint_epoch}  # fmt: skip
    second, told = applied(first, live(2, SPEC | {"dispatch": {"radiusKm": 3}}))
    assert told.items() >= {"generation": 2, "previous_generation": 1, "edits": ["spec.dispatch.radiusKm"]}.items()
    assert "approved_by" not in told

    refused = judge(live(3, ELSEWHERE), second)
    assert refused.state == second, "nothing is applied, so nothing is told"
    approved = live(3, ELSEWHERE, annotations={APPROVED: "3"}, managedFields=[{"manager": "helm"}, WRITER])
    third, told = applied(second, approved)
    assert third.applied is not None
    assert told["impact"] == "NewCheckpoint"
    assert (told["approved_by"], told["approved_at"]) == ("kubectl-annotate", "2026-11-28T12:00:00Z")


def test_a_word_of_nobody_known_is_told_as_such() -> None:
    state, _ = applied(State(), live(1, SPEC))
    _, told = applied(dataclasses.replace(state), live(2, ELSEWHERE, annotations={APPROVED: "2"}))
    assert (told["approved_by"], told["approved_at"]) == ("", "")


def test_a_rollback_says_what_came_of_it() -> None:
    told = json.loads(line(rolled_back(live(4, SPEC), 'nothing is rolled back:\n"why"')))
    assert told.items() >= {"audit": "Rollback", "pipeline": "london"}.items()


@given(st.lists(st.integers(0, 30_000), max_size=120))
def test_the_latest_entries_are_on_record_numbered_without_a_gap(lengths: list[int]) -> None:
    state = State()
    for number, length in enumerate(lengths, 1):
        state = recorded(state, record_lost(live(1, SPEC), length * "x"), f"T{number}")
        numbers = [entry["sequence"] for entry in state.audit]
        assert numbers == list(range(numbers[0], number + 1))
        assert len(numbers) <= MOST_ENTRIES
        assert sum(len(line(entry)) for entry in state.audit) <= MOST_CHARACTERS
    assert state.audited == len(lengths)
    written = config_map("london", "health", {}, state)["data"]
    assert State.from_data(written) == state
    assert json.loads(written["audit"]) == list(state.audit)
