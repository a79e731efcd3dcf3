"""A canary: a made-up reading that breaks a rule, so that its alert must come; pure.

It is marked as one: landing keeps it out of the tables, and dispatch sends nobody to it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from health_events import VITALS
from health_pipeline.settings import AlertRule, LagSettings


def abnormal(rules: Iterable[AlertRule]) -> dict[str, float] | None:
    """The vital sign of a reading that breaks one of the rules; None when no possible reading breaks any."""
    for rule in rules:
        field = VITALS.field(rule.metric)
        for bound in (rule.at_or_above, rule.at_or_below):
            if bound is not None and (field.minimum or 0) <= bound <= (field.maximum or bound):
                return {rule.metric: bound}
    return None


def reading(partition: int, settings: LagSettings, sign: dict[str, float], now_ms: int) -> dict[str, Any]:
    """A canary for that partition of vitals, observed now (UTC ms). Each partition has a patient of its own."""
    patient = f"canary-{partition}"
    return {
        "event_id": f"canary-{uuid.uuid4().hex}",
        "source": VITALS.name,
        "entity_id": patient,
        "observed_at": now_ms,
        "latitude": settings.canary_latitude,
        "longitude": settings.canary_longitude,
        "device_id": patient,
        "canary": True,
    } | sign
