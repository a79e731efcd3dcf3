"""Alerts and reports that mean harm, past the producer's checks: whoever wrote them, dispatch keeps its promises."""

from __future__ import annotations

import pytest
from health_dispatch.records import from_record, to_record
from health_events import DISPATCHES, decode, encode

from tests.unit.health_dispatch.test_dispatch_policy import LIMITS, NOW, a_report, a_state, an_alert, outcomes, run

A_CENTURY = 3_155_760_000_000
TRICKS = [
    "'; DROP TABLE vehicles; --", "../../x", "a\x00b", "line\nbreak", "\x1b[2J", "<script>", "%s%n", "{0}", "é" * 64,
]  # fmt: skip


@pytest.mark.parametrize("trick", TRICKS)
def test_ids_are_carried_as_they_came_and_mean_nothing(trick: str) -> None:
    (decision,) = run(a_state(a_report(trick)), an_alert(trick, trick))
    assert (decision.outcome, decision.vehicle_id) == ("dispatched", trick)
    written = decode(encode(to_record(decision, LIMITS.radius_km)), DISPATCHES)
    assert (written["entity_id"], written["vehicle_id"], written["alert_id"]) == (trick, trick, trick)
    assert from_record(written).alert == decision.alert


@pytest.mark.parametrize("trick", TRICKS)
def test_names_that_hold_another_are_another(trick: str) -> None:
    """A vehicle is sent once, whatever those beside it are called."""
    state = a_state(a_report("v"), a_report(f"v{trick}", latitude=51.505))
    decisions = run(state, an_alert("a", "p"), an_alert("b", f"p{trick}"))
    assert {(one.outcome, one.vehicle_id) for one in decisions} == {("dispatched", "v"), ("dispatched", f"v{trick}")}


def test_an_alert_that_is_replayed_sends_nobody() -> None:
    state = a_state(a_report("v"), a_report("w"))
    alert = an_alert("a")
    assert outcomes(run(state, alert)) == [("dispatched", "a", "v")]
    assert run(state, alert, now=NOW + 1000) == [], "it is decided already"
    renamed = an_alert("a-again")
    assert outcomes(run(state, renamed, now=NOW + 2000)) == [("suppressed", "a-again", None)], "the patient is helped"
    assert outcomes(run(state, an_alert("old", "q", observed_at=NOW - LIMITS.alert_ttl - 1))) == [
        ("suppressed", "old", None)
    ]


def test_an_alert_of_the_future_waits_no_longer_than_any_other() -> None:
    state = a_state()
    (waiting,) = run(state, an_alert("a", observed_at=NOW + A_CENTURY))
    assert (waiting.outcome, waiting.retry_until) == ("unassigned", NOW + LIMITS.retry_for)
    (given_up,) = run(state, now=NOW + LIMITS.retry_for)
    assert (given_up.outcome, given_up.retry_until) == ("unassigned", None)


def test_a_flood_of_alerts_for_one_patient_sends_one_vehicle() -> None:
    state = a_state(*(a_report(f"v{number:03}") for number in range(100)))
    decisions = run(state, *(an_alert(f"a{number:03}") for number in range(500)))
    assert [one.outcome for one in decisions].count("dispatched") == 1
