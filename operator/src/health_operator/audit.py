"""What was decided about a pipeline and on whose word, as numbered entries; pure.

Events go after an hour and leave out what is not new. An entry is a line of JSON in the log, and is put on record with
the state that it speaks of, in one write. From there the pipeline's watcher takes it to the topic ``NAME.audit``, for
which the latest entries are kept. Who the client in ``approved_by`` was is in the API server's own audit log, under the
time that is told.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from health_operator.naming import APPROVED
from health_operator.state import State

Live = dict[str, Any]
Entry = dict[str, Any]

# The watcher is back long before there are more; and a ConfigMap holds a mebibyte at most.
MOST_ENTRIES, MOST_CHARACTERS = 50, 100_000


def recorded(state: State, entry: Entry, at: str) -> State:
    """The state with the next entry; the oldest go where there are too many."""
    number = state.audited + 1
    kept = [*state.audit, {"sequence": number, "at": at, **entry}][-MOST_ENTRIES:]
    while len(kept) > 1 and sum(len(line(each)) for each in kept) > MOST_CHARACTERS:
        kept = kept[1:]
    return dataclasses.replace(state, audit=tuple(kept), audited=number)


def line(entry: Entry) -> str:
    """As it stands in the log."""
    return json.dumps(entry, separators=(",", ":"))


def spec_applied(live: Live, before: State, after: State, plan: dict[str, Any] | None) -> Entry:
    """Another spec is the one that is kept up. ``plan`` as in status.plan; None of a pipeline's first spec."""
    told = {
        "generation": after.applied.generation if after.applied else None,
        "previous_generation": before.applied.generation if before.applied else None,
        "impact": plan["impact"] if plan else None,
        "edits": [edit["path"] for edit in plan["edits"]] if plan else [],
        "checkpoint_epoch": after.checkpoint_epoch,
    }
    if plan and "approval" in plan:  # it needed one, and is applied
        manager, at = _writer(live, APPROVED)
        told |= {"approved_by": manager, "approved_at": at}
    return _entry(live, "SpecApplied", told)


def rolled_back(live: Live, message: str) -> Entry:
    """The annotation that asks for the last stable spec was obeyed, or not: the message says."""
    return _entry(live, "Rollback", {"message": message})


def record_lost(live: Live, message: str) -> Entry:
    """What was on record was gone; entries that nobody had taken away yet are gone with it, and their numbers."""
    return _entry(live, "RecordLost", {"message": message})


def _entry(live: Live, what: str, told: Entry) -> Entry:
    metadata = live["metadata"]
    which = {"namespace": metadata["namespace"], "pipeline": metadata["name"], "uid": metadata["uid"]}
    return {"audit": what, **which, **told}


def _writer(live: Live, annotation: str) -> tuple[str, str]:
    """(client, time) of whoever wrote an annotation last; empty where the API server does not say."""
    for entry in live["metadata"].get("managedFields") or []:
        annotations = entry.get("fieldsV1", {}).get("f:metadata", {}).get("f:annotations", {})
        if f"f:{annotation}" in annotations:
            return str(entry.get("manager", "")), str(entry.get("time", ""))
    return "", ""
