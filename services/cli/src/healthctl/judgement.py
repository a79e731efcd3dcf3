"""What applying a file to a cluster would do there, for people and for programs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from health_pipeline import HealthPipeline
from health_pipeline.edits import Edit, Impact, classify, worst
from health_pipeline.rules import forbidden
from rich.console import Console
from rich.markup import escape

from healthctl.errors import HealthctlError
from healthctl.kubectl import Deployed
from healthctl.tables import make_table

_MEANING = {
    Impact.NONE: "nothing that runs is stopped",
    Impact.ROLLING: "pods are replaced one by one",
    Impact.STREAMING_RESTART: "streams stop and go on from their checkpoints",
    Impact.NEW_CHECKPOINT: "streams begin anew: the operator does nothing of it until it is approved",
}


@dataclass(frozen=True)
class Judgement:
    """``there`` None: the pipeline would be new, and there is nothing to compare with."""

    name: str
    there: Deployed | None
    edits: tuple[Edit, ...]

    @property
    def changes(self) -> bool:
        """Whether applying the file would change anything."""
        return self.there is None or bool(self.edits)


def judge(wanted: HealthPipeline, there: Deployed | None) -> Judgement:
    """The operator's own judgement; HealthctlError naming what the API server would refuse."""
    if there is None:
        return Judgement(wanted.name, None, ())
    refused = list(forbidden(there.spec.spec, wanted.spec))
    if refused:
        raise HealthctlError("\n  ".join([f"the cluster refuses this edit of {wanted.name}:", *refused]))
    return Judgement(wanted.name, there, classify(there.running, wanted))


def as_json(judgement: Judgement) -> dict[str, Any]:
    """The judgement as a document; edits as in the resource's status.plan."""
    impact, there = worst(judgement.edits), judgement.there
    return {
        "pipeline": judgement.name,
        "namespace": there.namespace if there else None,
        "generation": there.generation if there else None,
        "action": ("edit" if judgement.edits else "none") if there else "create",
        "impact": impact.title,
        "needsApproval": impact is Impact.NEW_CHECKPOINT,
        "edits": [
            {"path": edit.path, "impact": edit.impact.title, "components": list(edit.components), "what": edit.what}
            for edit in judgement.edits
        ],
    }


def show(judgement: Judgement, console: Console) -> None:
    """The judgement for a person."""
    there, edits = judgement.there, judgement.edits
    if there is None:
        console.print(f"[bold]{judgement.name}[/] would be created")
        return
    head = f"[bold]{judgement.name}[/] in {there.namespace}, against generation {there.generation}"
    if not edits:
        console.print(f"{head}: no changes")
        return
    count = len({edit.path for edit in edits})
    impact = worst(edits)
    console.print(f"{head}: {count} field{'s' if count > 1 else ''} changed, {impact.title}: {_MEANING[impact]}")
    table = make_table("field", "impact", "components", "what")
    for edit in edits:
        # A path has brackets, which the console would take for its own.
        table.add_row(escape(edit.path), edit.impact.title, _in_short(edit.components), escape(edit.what))
    console.print(table)


def _in_short(components: tuple[str, ...]) -> str:
    """``producer-*`` instead of several producers."""
    kinds = Counter(name.startswith("producer-") for name in components)
    several = kinds[True] > 1
    return ", ".join(
        dict.fromkeys("producer-*" if several and name.startswith("producer-") else name for name in components)
    )
