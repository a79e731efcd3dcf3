"""What was decided about a pipeline and on whose word, as one line of JSON each; pure.

Events go after an hour and leave out what is not new; a log is kept as long as its owner wants. Who the client in
``approved_by`` was is in the API server's own audit log, under the time that is told.
"""

from __future__ import annotations

import json
from typing import Any

from health_operator.naming import APPROVED
from health_operator.state import State

Live = dict[str, Any]


def spec_applied(live: Live, before: State, after: State, plan: dict[str, Any] | None) -> str:
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
    return _line(live, "SpecApplied", told)


def rolled_back(live: Live, message: str) -> str:
    """The annotation that asks for the last stable spec was obeyed, or not: the message says."""
    return _line(live, "Rollback", {"message": message})


def _line(live: Live, what: str, told: dict[str, Any]) -> str:
    metadata = live["metadata"]
    which = {"namespace": metadata["namespace"], "pipeline": metadata["name"], "uid": metadata["uid"]}
    return json.dumps({"audit": what, **which, **told}, separators=(",", ":"))


def _writer(live: Live, annotation: str) -> tuple[str, str]:
    """(client, time) of whoever wrote an annotation last; empty where the API server does not say."""
    for entry in live["metadata"].get("managedFields") or []:
        annotations = entry.get("fieldsV1", {}).get("f:metadata", {}).get("f:annotations", {})
        if f"f:{annotation}" in annotations:
            return str(entry.get("manager", "")), str(entry.get("time", ""))
    return "", ""
