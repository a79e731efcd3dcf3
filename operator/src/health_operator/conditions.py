"""Conditions as Kubernetes has them: a type, whether it holds, why, and since when. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from health_operator.reasons import ConditionType, Reason

# An event or a condition of Kubernetes takes no more than this; the spec has a list of problems of any length.
_LONGEST = 1024


@dataclass(frozen=True)
class Condition:
    """``holds`` None: nobody knows."""

    type: ConditionType
    holds: bool | None
    reason: Reason
    message: str = ""

    @property
    def status(self) -> str:
        """True, False or Unknown."""
        return {True: "True", False: "False", None: "Unknown"}[self.holds]


def merged(
    before: Iterable[Mapping[str, Any]], now: Iterable[Condition], generation: int, time: str
) -> list[dict[str, Any]]:
    """The list for the status. ``time`` goes into lastTransitionTime only where the condition's status has changed."""
    earlier = {condition.get("type"): condition for condition in before}
    return [_merged(earlier.get(condition.type.value, {}), condition, generation, time) for condition in now]


def flips(before: Iterable[Mapping[str, Any]], now: Iterable[Condition]) -> list[Condition]:
    """Those whose status is another than before."""
    earlier = {condition.get("type"): condition.get("status") for condition in before}
    return [condition for condition in now if earlier.get(condition.type.value) != condition.status]


def reason_of(live: Mapping[str, Any], kind: ConditionType) -> str:
    """Why a condition in an object's status is as it is; empty when it has none."""
    conditions = (live.get("status") or {}).get("conditions") or []
    return next((str(condition["reason"]) for condition in conditions if condition.get("type") == kind), "")


def shortened(text: str) -> str:
    """At most as long as a message may be."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _merged(before: Mapping[str, Any], now: Condition, generation: int, time: str) -> dict[str, Any]:
    has_flipped = before.get("status") != now.status
    return {
        "type": now.type.value,
        "status": now.status,
        "reason": now.reason.value,
        "message": shortened(now.message),
        "lastTransitionTime": time if has_flipped else before.get("lastTransitionTime", time),
        "observedGeneration": generation,
    }
