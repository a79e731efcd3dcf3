"""What becomes of a pipeline whose record is lost: it goes on where it was, or waits for its user's word."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from health_operator.gate import approval, judge, paused
from health_operator.model import Measures, Observed
from health_operator.naming import APPROVED, ROLLBACK
from health_operator.reasons import Note, Reason
from health_operator.recovery import events, is_missed, recovered
from health_operator.state import Snapshot, State
from health_operator.status import Known, Phase, status
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.health_operator.test_gate import ANOTHER_KAFKA, live, runs

LOST = State(lost="there is no ConfigMap london-state")
_EDITS: list[dict[str, Any]] = [{}, {"dispatch": {"radiusKm": 3}}, ANOTHER_KAFKA, {"suspend": True}]


def told_of(pipeline: dict[str, Any], state: State) -> dict[str, Any]:
    """The status that the operator writes while it keeps this state."""
    verdict = judge(pipeline, state)
    return status(pipeline, Known(verdict, Observed({}, frozenset(), state, Measures())), "T1")[0]


def running(generation: int = 4, epoch: str = "2", **spec: Any) -> tuple[dict[str, Any], State]:
    """A pipeline as the operator left it, and what was on record of it."""
    pipeline = live(generation, **spec)
    state = State(applied=Snapshot(generation, pipeline["spec"]), checkpoint_epoch=epoch)
    return {**pipeline, "status": told_of(pipeline, state)}, state


def edited(pipeline: dict[str, Any], generation: int, annotations: dict[str, str] | None = None,
           **spec: Any) -> dict[str, Any]:  # fmt: skip
    return {**live(generation, annotations, **spec), "status": pipeline["status"]}


def test_what_was_applied_goes_on_under_its_epoch() -> None:
    pipeline, state = running()
    again = recovered(pipeline, LOST)
    assert again == dataclasses.replace(state, audited=again.audited)
    verdict = judge(pipeline, again)
    assert (verdict.accepted, verdict.state) == (True, again)
    (event,) = events(pipeline, LOST, again)
    assert (event.note, event.is_warning) == (Note.STATE_LOST, True)
    assert "generation 4 and checkpoints of epoch 2" in event.message


def test_what_was_ready_is_what_can_be_put_back() -> None:
    pipeline, _ = running()
    pipeline["status"] |= {"lastStableSpec": {"configMap": "london-state", "generation": 4}}
    assert recovered(pipeline, LOST).stable == Snapshot(4, pipeline["spec"])
    pipeline["status"] |= {"lastStableSpec": {"configMap": "london-state", "generation": 3}}
    assert recovered(pipeline, LOST).stable is None


@pytest.mark.parametrize("epoch", ["", "2"])
@pytest.mark.parametrize("edit", [{"dispatch": {"radiusKm": 3}}, ANOTHER_KAFKA])
def test_an_edit_waits_for_its_users_word_and_the_message_says_how(epoch: str, edit: dict[str, Any]) -> None:
    pipeline = edited(running(epoch=epoch)[0], 5, **edit)
    state = recovered(pipeline, LOST)
    verdict = judge(pipeline, state)
    assert (verdict.accepted, verdict.reason, verdict.pipeline) == (False, Reason.STATE_LOST, None)
    assert approval(pipeline) in verdict.message
    assert "is not that of generation 4" in verdict.message
    assert verdict.plan is not None
    assert verdict.plan["approval"] == approval(pipeline)
    assert [event.note for event in events(pipeline, LOST, state)] == [Note.STATE_LOST]
    assert "the latest spec waits" in paused(pipeline, state).message


def test_what_is_known_stays_told_while_it_waits() -> None:
    pipeline = edited(running()[0], 5, **ANOTHER_KAFKA)
    told = told_of(pipeline, recovered(pipeline, LOST))
    assert told["appliedSpec"] == pipeline["status"]["appliedSpec"]
    assert (told["checkpointEpoch"], told["phase"]) == ("2", Phase.DEGRADED)
    assert "london-state" in told["conditions"][1]["message"]


def test_an_edit_that_is_taken_back_goes_on_where_it_was() -> None:
    pipeline, state = running()
    back = edited(pipeline, 6)
    assert recovered(back, LOST) == dataclasses.replace(state, audited=recovered(back, LOST).audited)
    assert judge(back, recovered(back, LOST)).state.applied == Snapshot(6, back["spec"])


def test_with_its_users_word_streams_begin_anew() -> None:
    pipeline = edited(running()[0], 5, {APPROVED: "5"}, **ANOTHER_KAFKA)
    verdict = judge(pipeline, recovered(pipeline, LOST))
    assert verdict.accepted
    assert (verdict.state.checkpoint_epoch, verdict.state.lost) == ("5", "")
    assert runs(verdict) == 10


def test_no_number_of_the_audit_is_given_twice_and_waiting_uses_none_up() -> None:
    pipeline, state = running()
    pipeline["status"] = told_of(pipeline, dataclasses.replace(state, audited=7))
    assert recovered(pipeline, LOST).audited > 7
    waiting = edited(pipeline, 5, **ANOTHER_KAFKA)
    assert told_of(waiting, recovered(waiting, LOST))["auditSequence"] == 7


def test_a_default_that_a_newer_definition_adds_is_no_edit() -> None:
    pipeline = edited(running()[0], 4, dispatch={"radiusKm": 10})
    assert judge(pipeline, recovered(pipeline, LOST)).state.checkpoint_epoch == "2"


def test_a_pipeline_that_was_never_applied_has_lost_nothing() -> None:
    for begun in (live(), {**live(), "status": {"components": [], "observedGeneration": 1}}):
        assert not is_missed(begun, LOST)
        assert recovered(begun, LOST) == State()
        assert events(begun, LOST, State()) == []


def test_what_an_older_operator_told_is_not_enough_to_go_by() -> None:
    pipeline, _ = running()
    pipeline["status"] = {"checkpointEpoch": "2"}
    verdict = judge(pipeline, recovered(pipeline, LOST))
    assert (verdict.reason, verdict.state.checkpoint_epoch) == (Reason.STATE_LOST, "2")


def test_a_rollback_says_that_what_was_stable_is_lost() -> None:
    pipeline = edited(running()[0], 5, {ROLLBACK: "last-stable"}, **ANOTHER_KAFKA)
    verdict = judge(pipeline, recovered(pipeline, LOST))
    assert "there is no ConfigMap" in verdict.events[0].message


def test_what_is_on_record_is_what_counts() -> None:
    pipeline, _ = running()
    kept = State(applied=Snapshot(1, {"sources": []}), checkpoint_epoch="1")
    assert recovered(pipeline, kept) is kept


_EDITED = st.tuples(st.sampled_from(_EDITS), st.sampled_from(_EDITS)).filter(lambda both: both[0] != both[1])


@given(st.integers(1, 9), st.sampled_from(["", "1"]), _EDITED, st.integers(1, 9), st.none() | st.integers(1, 18))
def test_nothing_goes_on_from_a_checkpoint_that_is_not_its_own(
    generation: int, epoch: str, specs: tuple[dict[str, Any], dict[str, Any]], later: int, approved: int | None
) -> None:
    """Whatever was edited and approved around the loss: it is held, or begins anew with its user's word."""
    before, after = specs
    pipeline, _ = running(generation, epoch, **before)
    annotations = {} if approved is None else {APPROVED: str(approved)}
    now = edited(pipeline, generation + later, annotations, **after)
    verdict = judge(now, recovered(now, LOST))
    assert verdict.accepted == (approved == generation + later)
    if verdict.accepted:
        assert verdict.state.checkpoint_epoch == str(generation + later)
    else:
        assert (verdict.state.applied, verdict.state.checkpoint_epoch) == (None, epoch)
