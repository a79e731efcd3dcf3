"""Which spec the children are made from, for every way in which an edit can come."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from health_operator.gate import Verdict, approval, is_paused, judge, paused, replacement
from health_operator.naming import APPROVED, PAUSED, ROLLBACK
from health_operator.reasons import Note, Reason
from health_operator.state import Restarts, Snapshot, State
from hypothesis import given
from hypothesis import strategies as st

_JSON = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)
_OBJECTS = st.dictionaries(st.text(max_size=3), _JSON, max_size=4)
ANOTHER_KAFKA = {"kafka": {"mode": "external", "external": {"bootstrapServers": "other:9092", "tls": False}}}


def live(generation: int = 1, annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    sources = [{"name": name, "simulate": {"entities": 10}} for name in ("vitals", "vehicles")]
    return {
        "apiVersion": "health-streaming.com/v1alpha1",
        "kind": "HealthPipeline",
        "metadata": {
            "name": "london", "namespace": "ns", "uid": "u", "generation": generation, "resourceVersion": "1",
            "annotations": annotations or {},
        },
        "spec": {"sources": sources, "lake": {"bucket": "s3://london-lake"}, **spec},
    }  # fmt: skip


def applied(generation: int = 1, **spec: Any) -> State:
    return State(applied=Snapshot(generation, live(**spec)["spec"]), restarts={"landing": Restarts(2, 1.0)})


def runs(verdict: Verdict) -> float:
    assert verdict.pipeline is not None
    return verdict.pipeline.spec.dispatch.radius_km


def test_the_first_spec_is_applied() -> None:
    verdict = judge(live(), State())
    assert verdict.accepted
    assert verdict.state.applied == Snapshot(1, live()["spec"])
    assert [event.note for event in verdict.events] == [Note.SPEC_APPLIED]


def test_nothing_new_is_nothing_to_tell() -> None:
    verdict = judge(live(), applied())
    assert (verdict.accepted, verdict.state, verdict.events, verdict.plan) == (True, applied(), (), None)


def test_a_generation_that_says_the_same_is_no_edit() -> None:
    verdict = judge(live(generation=4), applied())
    assert verdict.state.applied == Snapshot(4, live()["spec"])
    assert verdict.plan is None


def test_an_edit_becomes_the_applied_spec_and_begins_the_count_of_restarts_anew() -> None:
    verdict = judge(live(2, dispatch={"radiusKm": 25}), applied())
    assert runs(verdict) == 25
    assert verdict.plan is not None
    assert verdict.plan["impact"] == "Rolling"
    assert verdict.state.restarts == {}
    assert "spec.dispatch.radiusKm" in verdict.events[0].message


def test_a_spec_that_cannot_be_read_leaves_the_applied_one_at_work() -> None:
    verdict = judge(live(2, dispatch={"radiusKm": -1, "colour": "red"}), applied(dispatch={"radiusKm": 7}))
    assert (verdict.accepted, verdict.reason) == (False, Reason.INVALID_SPEC)
    assert runs(verdict) == 7
    assert "spec.dispatch.radiusKm" in verdict.message
    assert "spec.dispatch.colour" in verdict.message
    assert verdict.state == applied(dispatch={"radiusKm": 7})


def test_without_an_applied_spec_an_unreadable_one_runs_nothing() -> None:
    verdict = judge(live(dispatch={"radiusKm": -1}), State())
    assert verdict.pipeline is None
    assert not verdict.accepted


def test_an_edit_that_loses_a_streams_place_is_held() -> None:
    verdict = judge(live(2, **ANOTHER_KAFKA), applied())
    assert (verdict.accepted, verdict.reason) == (False, Reason.APPROVAL_NEEDED)
    assert verdict.pipeline is not None
    assert verdict.pipeline.spec.kafka.mode == "strimzi"
    assert verdict.state == applied()
    assert verdict.plan is not None
    assert verdict.plan["approval"] == approval(live(2))
    assert verdict.events[0].is_warning


@pytest.mark.parametrize("value", ["1", "", "3", "true"])
def test_an_approval_of_another_generation_is_none(value: str) -> None:
    assert judge(live(2, {APPROVED: value}, **ANOTHER_KAFKA), applied()).reason is Reason.APPROVAL_NEEDED


def test_an_approved_edit_begins_anew_under_its_generation_and_stays_there() -> None:
    verdict = judge(live(2, {APPROVED: "2"}, **ANOTHER_KAFKA), applied())
    assert verdict.accepted
    assert verdict.state.checkpoint_epoch == "2"
    later = judge(live(3, {APPROVED: "2"}, **ANOTHER_KAFKA, dispatch={"radiusKm": 3}), verdict.state)
    assert later.state.checkpoint_epoch == "2"


def test_an_edit_that_is_taken_back_needs_no_approval() -> None:
    held = judge(live(2, **ANOTHER_KAFKA), applied())
    assert judge(live(3), held.state).accepted


def test_what_an_older_operator_applied_and_nobody_reads_any_more_is_not_guessed_at() -> None:
    state = State(applied=Snapshot(1, {"sources": "a hundred"}))
    assert judge(live(2), state).reason is Reason.APPROVAL_NEEDED
    assert judge(live(2, {APPROVED: "2"}), state).accepted


@pytest.mark.parametrize("spec", [live(2)["spec"], {"sources": "two hundred"}])
def test_what_nobody_reads_any_more_is_not_said_to_be_kept_up(spec: object) -> None:
    verdict = judge({**live(2), "spec": spec}, State(applied=Snapshot(1, {"sources": "a hundred"})))
    assert (verdict.accepted, verdict.pipeline) == (False, None)
    assert verdict.message.endswith("; generation 1 can no longer be read, so what runs is left as it is")


def test_a_paused_pipeline_is_seen_but_not_touched() -> None:
    assert is_paused(live(annotations={PAUSED: "true"}))
    assert not is_paused(live(annotations={PAUSED: "false"}))
    same, edited = paused(live(), applied()), paused(live(2, dispatch={"radiusKm": 3}), applied())
    assert (same.accepted, edited.accepted) == (True, False)
    assert runs(edited) == 10
    assert edited.state == applied()


def test_a_rollback_puts_the_stable_spec_back_and_takes_the_order_away() -> None:
    state = State(stable=Snapshot(3, {"a": 1, "b": {"c": 2}}))
    asked = {**live(5, {ROLLBACK: "last-stable"}), "spec": {"b": {"c": 3, "d": 4}, "e": 5}}
    change = judge(asked, state).rollback
    assert change is not None
    assert change["metadata"] == {"annotations": {ROLLBACK: None}, "resourceVersion": "1"}
    assert change["spec"] == {"a": 1, "b": {"c": 2, "d": None}, "e": None}


@pytest.mark.parametrize(
    ("asked", "state"), [("last-stable", State()), ("yesterday", State(stable=Snapshot(1, live()["spec"])))]
)
def test_a_rollback_that_cannot_be_is_told_once(asked: str, state: State) -> None:
    verdict = judge(live(annotations={ROLLBACK: asked}), state)
    assert verdict.rollback == {"metadata": {"annotations": {ROLLBACK: None}}}
    assert [event.note for event in verdict.events] == [Note.ROLLBACK_REFUSED]


@given(_OBJECTS, _OBJECTS)
def test_a_replacement_makes_the_new_of_the_old(old: dict[str, Any], new: dict[str, Any]) -> None:
    merged = merge(copy.deepcopy(old), replacement(old, new))
    assert merged == new
    assert replacement(new, new) == {}


def merge(target: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """RFC 7386."""
    for key, value in change.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            before = target.get(key)
            target[key] = merge(before if isinstance(before, dict) else {}, value)
        else:
            target[key] = value
    return target
