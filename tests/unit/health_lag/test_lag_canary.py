"""Canaries break a rule, keep the contract, and are told from what is real."""

from __future__ import annotations

import json
from typing import Any

import pytest
from health_events import VITALS, decode, encode
from health_lag.canaries import Canary
from health_lag.canary import abnormal, reading
from health_lag.outcomes import Outcomes
from health_pipeline.settings import AlertRule, LagSettings
from hypothesis import given
from hypothesis import strategies as st

SETTINGS = LagSettings(
    pipeline="p", bootstrap_servers="k:1", port=0, targets=(), canary_latitude=51.5, canary_longitude=-0.1
)
NOW_MS = 1_790_000_000_000

bounds = st.none() | st.floats(0, 300)
rules = st.lists(
    st.builds(AlertRule, metric=st.sampled_from(["heart_rate", "spo2"]), at_or_below=bounds, at_or_above=bounds),
    max_size=4,
)


def breaks(rule: AlertRule, sign: dict[str, float]) -> bool:
    value = sign.get(rule.metric)
    if value is None:
        return False
    is_low = rule.at_or_below is not None and value <= rule.at_or_below
    return is_low or (rule.at_or_above is not None and value >= rule.at_or_above)


@given(rules, st.integers(0, 10**6))
def test_a_canary_breaks_a_rule_and_keeps_the_contract(given_rules: list[AlertRule], number: int) -> None:
    sign = abnormal(given_rules)
    if sign is None:
        possible = {"heart_rate": 300, "spo2": 100}
        assert all(rule.at_or_below is None for rule in given_rules if (rule.at_or_below or 0) <= possible[rule.metric])
        return
    assert any(breaks(rule, sign) for rule in given_rules)
    record = decode(encode(reading(number, SETTINGS, sign, NOW_MS)), VITALS)
    assert record["canary"] is True
    assert (record["observed_at"], record["latitude"], record["longitude"]) == (NOW_MS, 51.5, -0.1)


def test_canaries_are_many_readings_of_a_patient_for_each_partition() -> None:
    made = [reading(number % 12, SETTINGS, {"spo2": 91}, NOW_MS) for number in range(1000)]
    assert len({each["event_id"] for each in made}) == 1000
    assert len({each["entity_id"] for each in made}) == 12


def test_a_rule_that_no_reading_can_break_gives_no_canary() -> None:
    assert abnormal([AlertRule(metric="spo2", at_or_above=150)]) is None
    assert abnormal([AlertRule(metric="spo2", at_or_above=150), AlertRule(metric="heart_rate", at_or_below=40)]) == {
        "heart_rate": 40
    }


def alert(vital: str, **more: Any) -> bytes:
    return json.dumps({"event_id": f"a-{vital}", "vital_event_id": vital, **more}).encode()


def test_alerts_are_counted_without_canaries_and_a_canary_comes_through_once() -> None:
    outcomes = Outcomes()
    outcomes.canaries.sent("c1", NOW_MS)
    outcomes.canaries.sent("c2", NOW_MS + 1000)
    assert outcomes.alert(alert("v1"), NOW_MS) is None
    assert outcomes.alert(alert("v2", canary=None, entity_id="canary-lover"), NOW_MS) is None
    assert outcomes.alert(alert("c2", canary=True), NOW_MS + 1009) == Canary(NOW_MS + 1000, 9)
    assert outcomes.alert(alert("c2", canary=True), NOW_MS + 9000) is None  # sent again after a restart
    assert outcomes.alert(alert("c1", canary=True), NOW_MS + 5000) == Canary(NOW_MS, 5000)
    assert outcomes.alert(alert("canary-7", canary=True), NOW_MS) is None  # the alerts job's own, when it starts
    assert outcomes.alerts == 2
    assert outcomes.canaries.newest == Canary(NOW_MS + 1000, 9)  # the newest, though another came later


@pytest.mark.parametrize(
    "payload", [b"", b"canary", b'["canary"]', b'{"canary": 1}', b"\xff canary", b"[" * 10_000 + b"canary"]
)
def test_whatever_lies_in_the_topic_of_alerts_is_an_alert(payload: bytes) -> None:
    outcomes = Outcomes()
    assert outcomes.alert(payload, NOW_MS) is None
    assert outcomes.alerts == 1


def test_dispatches_are_those_that_sent_a_vehicle() -> None:
    outcomes = Outcomes()
    for outcome in ("dispatched", "suppressed", "unassigned", "released", "dispatched"):
        outcomes.dispatch(json.dumps({"outcome": outcome, "reason": "not dispatched before"}).encode())
    outcomes.dispatch(b"dispatched")
    assert outcomes.dispatches == 2
