"""Which entries of the audit are still to be written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from health_lag.trail import key_of, missing, read
from hypothesis import given
from hypothesis import strategies as st


def entry(sequence: int, uid: str = "u-1") -> dict[str, Any]:
    return {"sequence": sequence, "uid": uid, "audit": "SpecApplied"}


@given(st.sets(st.integers(1, 60)), st.sets(st.integers(1, 60)))
def test_each_is_written_once_and_in_order(recorded: set[int], held: set[int]) -> None:
    new = missing([entry(number) for number in recorded], {key_of(entry(number)) for number in held})
    assert [each["sequence"] for each in new] == sorted(recorded - held)


def test_a_pipeline_that_had_the_name_before_has_numbers_of_its_own() -> None:
    assert missing([entry(1, "new")], {key_of(entry(1, "old"))}) == [entry(1, "new")]


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[{"sequence": true, "uid": "u"}]', '[{"sequence": 1}]', "nonsense"])
def test_what_is_no_audit_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read(text)


def test_entries_are_read_as_they_are_on_record() -> None:
    assert read(json.dumps([entry(1), entry(2)])) == [entry(1), entry(2)]
    assert read("[]") == []
