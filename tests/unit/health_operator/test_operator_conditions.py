"""Conditions: the time moves when the status does, and never else."""

from __future__ import annotations

from typing import Any

from health_operator.conditions import Condition, flips, merged
from health_operator.reasons import ConditionType, Reason
from hypothesis import given
from hypothesis import strategies as st

_CONDITIONS = st.lists(
    st.builds(
        Condition,
        st.sampled_from(ConditionType),
        st.sampled_from([True, False, None]),
        st.sampled_from(Reason),
        st.text(max_size=10),
    ),
    unique_by=lambda condition: condition.type,
)


@given(_CONDITIONS, _CONDITIONS)
def test_the_time_moves_only_on_a_flip(first: list[Condition], second: list[Condition]) -> None:
    before = merged([], first, 1, "T1")
    after = {item["type"]: item for item in merged(before, second, 2, "T2")}
    earlier = {item["type"]: item for item in before}
    for kind, item in after.items():
        has_flipped = kind not in earlier or earlier[kind]["status"] != item["status"]
        assert item["lastTransitionTime"] == ("T2" if has_flipped else "T1")
        assert item["observedGeneration"] == 2


@given(_CONDITIONS)
def test_merging_the_same_again_changes_nothing(conditions: list[Condition]) -> None:
    once = merged([], conditions, 1, "T1")
    assert merged(once, conditions, 1, "T2") == once
    assert flips(once, conditions) == []


def test_flips_are_told() -> None:
    before = merged([], [Condition(ConditionType.READY, False, Reason.NOT_APPLIED)], 1, "T1")
    now = [
        Condition(ConditionType.READY, True, Reason.ALL_READY),
        Condition(ConditionType.ACCEPTED, True, Reason.ACCEPTED),
    ]
    assert flips(before, now) == now


def test_a_message_is_no_longer_than_it_may_be() -> None:
    (item,) = merged([], [Condition(ConditionType.ACCEPTED, False, Reason.INVALID_SPEC, "x" * 5000)], 1, "T1")
    message: Any = item["message"]
    assert len(message) == 1024
    assert message.endswith("…")
