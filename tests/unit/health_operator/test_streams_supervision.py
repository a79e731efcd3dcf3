"""Which Spark applications are made anew, and how often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from health_operator.kinds import SPARK_APPLICATIONS
from health_operator.plan import Delete
from health_operator.state import Restarts, State
from health_operator.streams import STUCK_SECONDS, Renewal, supervise
from health_operator.workloads import State as Doing
from health_operator.workloads import Workload

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LANDING = Workload(SPARK_APPLICATIONS, "london-landing", "landing", Doing.FAILING)


def application(state: str, *, minutes_ago: float = 0) -> dict[str, Any]:
    at = (NOW - timedelta(minutes=minutes_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    status = {"applicationState": {"state": state, "errorMessage": "why"}, "lastSubmissionAttemptTime": at}
    return {"metadata": {"uid": "u", "creationTimestamp": at}, "status": status if state else {}}


def looked_at(live: dict[str, Any], state: State, seconds: float = 0) -> tuple[tuple[Renewal, ...], State]:
    return supervise([LANDING], {(SPARK_APPLICATIONS, "london-landing"): live}, state, NOW.timestamp() + seconds)


@pytest.mark.parametrize("state", ["FAILED", "COMPLETED"])
def test_what_has_ended_is_made_anew(state: str) -> None:
    (renewal,), after = looked_at(application(state), State())
    assert renewal.delete == Delete(SPARK_APPLICATIONS, "london-landing", "u")
    assert renewal.why == f"{state} why"
    assert after.restarts == {"landing": Restarts(1, NOW.timestamp())}


@pytest.mark.parametrize("state", ["SUBMITTED", "PENDING_RERUN", ""])
def test_what_hangs_before_it_runs_is_made_anew_after_the_deadline(state: str) -> None:
    fresh, _ = looked_at(application(state, minutes_ago=1), State())
    assert fresh == ()
    stuck, _ = looked_at(application(state, minutes_ago=STUCK_SECONDS / 60 + 1), State())
    assert len(stuck) == 1


@pytest.mark.parametrize("state", ["RUNNING", "SUCCEEDING", "FAILING"])
def test_what_the_spark_operator_looks_after_is_left_to_it(state: str) -> None:
    assert looked_at(application(state, minutes_ago=600), State()) == ((), State())


def test_the_pause_doubles_up_to_ten_minutes_and_never_ends_in_giving_up() -> None:
    state, waits, at = State(), [], 0.0
    last = 0.0
    while len(waits) < 8:
        renewals, state = looked_at(application("FAILED"), state, at)
        if renewals:
            waits.append(at - last)
            last = at
        at += 10
    assert waits == [0, 30, 60, 120, 240, 480, 600, 600]


def test_an_hour_of_running_well_is_a_new_beginning() -> None:
    state = State(restarts={"landing": Restarts(5, NOW.timestamp())})
    assert looked_at(application("RUNNING"), state, 3599)[1] == state
    assert looked_at(application("RUNNING"), state, 3600)[1] == State()


def test_what_is_being_deleted_is_waited_for() -> None:
    live = application("FAILED")
    live["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert looked_at(live, State()) == ((), State())
