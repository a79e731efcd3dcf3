"""What becomes of a pipeline whose record is lost: its ConfigMap was deleted, or made into something else. Pure.

The status says which spec was applied and under which epoch of checkpoints. Where the pipeline has that spec still, it
goes on from there. Where it has another, nobody knows what the edit would do, so it waits for its user's word.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from health_operator.model import Event
from health_operator.plan import digest
from health_operator.reasons import Note
from health_operator.state import Snapshot, State

Live = dict[str, Any]

# In the status of a pipeline that was applied. An older operator wrote no appliedSpec.
_OF_WHAT_RUNS = ("appliedSpec", "lastStableSpec", "checkpointEpoch", "components")
# Numbers of audit entries that may have been given since the status was written. That they are missing tells of it.
_LEFT_OUT = 100


def told(state: State) -> dict[str, Any] | None:
    """As status.appliedSpec has it."""
    applied = state.applied
    return {"generation": applied.generation, "digest": digest(applied.spec)} if applied else None


def is_missed(live: Live, state: State) -> bool:
    """There is no record, and something was applied."""
    return bool(state.lost) and any((live.get("status") or {}).get(field) for field in _OF_WHAT_RUNS)


def recovered(live: Live, state: State) -> State:
    """The record, or what can be known without it; ``lost`` stays where that is not what is applied."""
    if not state.lost:
        return state
    status = live.get("status") or {}
    if not is_missed(live, state):
        return dataclasses.replace(state, lost="")
    known = dataclasses.replace(
        state,
        checkpoint_epoch=str(status.get("checkpointEpoch") or state.checkpoint_epoch),
        audited=int(status.get("auditSequence") or 0) + _LEFT_OUT,
    )
    applied = status.get("appliedSpec")
    if not applied:
        return dataclasses.replace(known, lost=f"{state.lost}, and the status does not say which spec is applied")
    generation, spec = int(applied["generation"]), live.get("spec") or {}
    # By its digest as well: an edit that was taken back has another generation. By its generation as well: a newer
    # definition may give fields defaults that nobody wrote.
    if generation != live["metadata"]["generation"] and applied["digest"] != digest(spec):
        lost = f"{state.lost}, and the spec is not that of generation {generation}, which is applied"
        return dataclasses.replace(known, lost=lost)
    snapshot = Snapshot(generation, spec)
    was_stable = (status.get("lastStableSpec") or {}).get("generation") == generation
    return dataclasses.replace(known, applied=snapshot, stable=snapshot if was_stable else known.stable, lost="")


def events(live: Live, before: State, after: State) -> list[Event]:
    """What is told of it. ``before`` as it was observed, ``after`` as it was recovered."""
    if not is_missed(live, before):
        return []
    if after.lost:
        return [Event(Note.STATE_LOST, f"{after.lost}: nothing is changed", True)]
    generation = after.applied.generation if after.applied else 0
    epoch = f"epoch {after.checkpoint_epoch}" if after.checkpoint_epoch else "the first epoch"
    message = (
        f"{before.lost}: it is made again from the status, with generation {generation} and checkpoints of {epoch}"
    )
    return [Event(Note.STATE_LOST, message, True)]
