"""Which spec the children are made from. Pure: the pipeline and what is on record in, a verdict out.

A new spec is read, its edits are classified, and only then does it become the applied one. One that cannot be read, or
that would make a stream begin anew without its user's approval, changes nothing: the applied one goes on being kept up.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from health_pipeline import HealthPipeline, SpecError, read_pipeline
from health_pipeline.edits import Edit, Impact, classify, worst

from health_operator.model import Event
from health_operator.naming import APPROVED, GROUP, PAUSED, PLURAL, ROLLBACK
from health_operator.reasons import Note, Reason
from health_operator.state import Snapshot, State

Live = dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """``pipeline`` is what shall run, None when nothing ever could be; ``state`` what is then on record.

    ``accepted`` (with its reason and message) is the condition; ``plan`` goes to status.plan. ``rollback`` is a patch
    of the pipeline that must be made first, after which all is judged again.
    """

    pipeline: HealthPipeline | None
    state: State
    accepted: bool
    reason: Reason
    message: str
    plan: dict[str, Any] | None = None
    events: tuple[Event, ...] = ()
    rollback: dict[str, Any] | None = None


def judge(live: Live, state: State) -> Verdict:
    """The verdict on a pipeline that is neither paused nor being deleted."""
    if (live["metadata"].get("annotations") or {}).get(ROLLBACK):
        return _roll_back(live, state)
    generation = int(live["metadata"]["generation"])
    try:
        wanted = read(live, live.get("spec"))
    except SpecError as error:
        problems = "; ".join(error.problems)
        return _refused(live, state, Reason.INVALID_SPEC, Event(Note.SPEC_REFUSED, problems, is_warning=True))
    snapshot = Snapshot(generation, live["spec"])
    if state.applied is None and not state.lost:
        event = Event(Note.SPEC_APPLIED, f"generation {generation} is applied")
        return _accepted(wanted, dataclasses.replace(state, applied=snapshot), None, (event,))
    if state.applied is not None and state.applied.spec == live["spec"]:
        return _accepted(wanted, dataclasses.replace(state, applied=snapshot), None, ())
    edits = _edits(live, state, wanted)
    impact = worst(edits)
    plan = _plan(live, edits, impact)
    if impact is Impact.NEW_CHECKPOINT and not _is_approved(live):
        event = Event(Note.APPROVAL_NEEDED, _needs_approval(live, edits), is_warning=True)
        return _refused(live, state, Reason.STATE_LOST if state.lost else Reason.APPROVAL_NEEDED, event, plan)
    epoch = str(generation) if impact is Impact.NEW_CHECKPOINT else state.checkpoint_epoch
    applied = dataclasses.replace(state, applied=snapshot, checkpoint_epoch=epoch, restarts={}, lost="")
    event = Event(Note.SPEC_APPLIED, f"generation {generation} is applied: {impact.title}; {_list(edits)}")
    return _accepted(wanted, applied, plan, (event,))


def paused(live: Live, state: State) -> Verdict:
    """The verdict on a pipeline that its user has paused: what is applied stays as it is, seen but not touched."""
    applied = state.applied
    is_current = applied is not None and applied.spec == live.get("spec")
    message = f"paused by the annotation {PAUSED}" + ("" if is_current else "; the latest spec waits")
    return Verdict(_applied(live, state), state, is_current, Reason.PAUSED, message)


def is_paused(live: Live) -> bool:
    """The user asks that nothing be changed."""
    return (live["metadata"].get("annotations") or {}).get(PAUSED) == "true"


def read(live: Live, spec: Any) -> HealthPipeline:
    """A spec under the pipeline's own name; SpecError with all that is wrong."""
    metadata = {"name": live["metadata"]["name"], "namespace": live["metadata"]["namespace"]}
    document = {"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": metadata, "spec": spec}
    return read_pipeline(document, on_cluster=True)


def approval(live: Live) -> str:
    """The command that approves the pipeline's latest edit."""
    metadata = live["metadata"]
    resource = f"{PLURAL}.{GROUP}/{metadata['name']}"
    return f"kubectl annotate --overwrite -n {metadata['namespace']} {resource} {APPROVED}={metadata['generation']}"


def _roll_back(live: Live, state: State) -> Verdict:
    """The user asks for the last stable spec. The annotation goes whatever comes of it: it is an order, not a state."""
    metadata = live["metadata"]
    change: dict[str, Any] = {"metadata": {"annotations": {ROLLBACK: None}}}
    asked = metadata["annotations"][ROLLBACK]
    if asked != "last-stable" or state.stable is None:
        none = state.lost or "no generation was Ready yet"
        why = none if asked == "last-stable" else f"{ROLLBACK} can be last-stable only"
        event = Event(Note.ROLLBACK_REFUSED, f"nothing is rolled back: {why}", is_warning=True)
    elif state.stable.spec == live.get("spec"):
        event = Event(Note.ROLLED_BACK, f"the spec is that of generation {state.stable.generation} already")
    else:
        change["metadata"]["resourceVersion"] = metadata["resourceVersion"]
        change["spec"] = replacement(live.get("spec") or {}, state.stable.spec)
        event = Event(Note.ROLLED_BACK, f"the spec of generation {state.stable.generation} is put back")
    return Verdict(None, state, True, Reason.ACCEPTED, "", events=(event,), rollback=change)


def replacement(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """A merge patch that makes ``new`` of ``old``: what is only in ``old`` becomes null."""
    change: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(old.get(key), dict):
            if inner := replacement(old[key], value):
                change[key] = inner
        elif key not in old or old[key] != value:
            change[key] = value
    return change


def _accepted(wanted: HealthPipeline, state: State, plan: dict[str, Any] | None, events: tuple[Event, ...]) -> Verdict:
    generation = state.applied.generation if state.applied else 0
    message = f"generation {generation} is applied"
    return Verdict(wanted, state, True, Reason.ACCEPTED, message, plan, events)


def _refused(live: Live, state: State, reason: Reason, event: Event, plan: dict[str, Any] | None = None) -> Verdict:
    kept = _applied(live, state)
    return Verdict(kept, state, False, reason, event.message + _what_runs(kept, state), plan, (event,))


def _what_runs(kept: HealthPipeline | None, state: State) -> str:
    """What becomes of it while an edit is refused."""
    if state.lost:
        return "; what runs is left as it is"
    if state.applied is None:
        return ""
    is_kept = "is kept up" if kept else "can no longer be read, so what runs is left as it is"
    return f"; generation {state.applied.generation} {is_kept}"


def _applied(live: Live, state: State) -> HealthPipeline | None:
    try:
        return read(live, state.applied.spec) if state.applied else None
    except SpecError:  # written for an older operator, which read it
        return None


def _edits(live: Live, state: State, wanted: HealthPipeline) -> tuple[Edit, ...]:
    """Where there is nothing to compare with, the worst must be assumed."""
    applied = state.applied
    if applied is None:
        return _unknown(state.lost)
    try:
        return classify(read(live, applied.spec), wanted)
    except SpecError:  # as above
        return _unknown(f"generation {applied.generation} can no longer be read")


def _unknown(why: str) -> tuple[Edit, ...]:
    what = f"{why}, so nobody knows what this changes"
    return (Edit(path="spec", impact=Impact.NEW_CHECKPOINT, components=(), what=what),)


def _is_approved(live: Live) -> bool:
    annotations = live["metadata"].get("annotations") or {}
    return bool(annotations.get(APPROVED) == str(live["metadata"]["generation"]))


def _plan(live: Live, edits: tuple[Edit, ...], impact: Impact) -> dict[str, Any]:
    plan = {
        "generation": int(live["metadata"]["generation"]),
        "impact": impact.title,
        "edits": [
            {"path": edit.path, "impact": edit.impact.title, "components": list(edit.components), "what": edit.what}
            for edit in edits
        ],
    }
    return {**plan, "approval": approval(live)} if impact is Impact.NEW_CHECKPOINT else plan


def _needs_approval(live: Live, edits: tuple[Edit, ...]) -> str:
    begin = [edit for edit in edits if edit.impact is Impact.NEW_CHECKPOINT]
    return f"streams would lose their place: {_list(begin)}. To go ahead: {approval(live)}"


def _list(edits: tuple[Edit, ...] | list[Edit]) -> str:
    return "; ".join(f"{edit.path}: {edit.what}" for edit in edits)
