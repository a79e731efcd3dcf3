"""When a Spark application must be made anew, because nobody else will do it. Pure.

The Spark operator restarts a driver that fails. It leaves alone an application that it has given up (FAILED), one that
ended (a stream never should) and one whose submission hangs. Such a one is deleted, and the next look makes it anew.
There is a pause before each time, doubled up to ten minutes: an outage of Kafka or S3 must not end the stream for good,
so it is the rate that is bounded, not the number. An hour of running well, or an edit, begins the count anew.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from health_operator.kinds import SPARK_APPLICATIONS
from health_operator.plan import Delete, Key
from health_operator.state import Restarts, State
from health_operator.workloads import ENDED, Workload

# A driver image may have to be pulled first, and a busy cluster may have to make room.
STUCK_SECONDS = 900.0
_FIRST_PAUSE, _LONGEST_PAUSE = 30.0, 600.0
_WELL_SECONDS = 3600.0
_WAITING = ("", "NEW", "SUBMITTED", "UNKNOWN", "SUBMISSION_FAILED", "PENDING_RERUN", "INVALIDATING")


@dataclass(frozen=True)
class Renewal:
    """An application to delete, and why."""

    delete: Delete
    why: str


def supervise(
    found: Sequence[Workload], observed: Mapping[Key, dict[str, Any]], state: State, now: float
) -> tuple[tuple[Renewal, ...], State]:
    """What is to be made anew now, and the state with the counts that go with it. ``now`` in seconds since 1970."""
    renewals = []
    counts = dict(state.restarts)
    for work in found:
        live = observed.get((work.kind, work.name))
        if work.kind is not SPARK_APPLICATIONS or live is None or "deletionTimestamp" in live["metadata"]:
            continue
        before = counts.get(work.component)
        why = _why(live, now)
        if why and (before is None or now - before.last >= _pause(before.count)):
            renewals.append(Renewal(Delete(work.kind, work.name, live["metadata"]["uid"]), why))
            counts[work.component] = Restarts((before.count if before else 0) + 1, now)
        elif not why and before is not None and now - before.last >= _WELL_SECONDS:
            del counts[work.component]
    return tuple(renewals), dataclasses.replace(state, restarts=counts)


def _why(live: Mapping[str, Any], now: float) -> str:
    status = live.get("status") or {}
    application = status.get("applicationState") or {}
    state = application.get("state") or ""
    if state in ENDED:
        return f"{state} {application.get('errorMessage', '')}".strip()
    since = status.get("lastSubmissionAttemptTime") or live["metadata"]["creationTimestamp"]
    waited = now - datetime.fromisoformat(since).timestamp()
    if state in _WAITING and waited > STUCK_SECONDS:
        return f"{state or 'not submitted'} for {waited:.0f} s"
    return ""


def _pause(count: int) -> float:
    return float(min(_FIRST_PAUSE * 2 ** (count - 1), _LONGEST_PAUSE))
