"""Each thing that must not be is complained about, and a good run is not."""

import dataclasses
from typing import Any

import pytest
from healthctl.demo.accounts import DispatchAccount, SourceAccount
from healthctl.demo.verdict import complaints

GOOD_SOURCE = SourceAccount(served=100, produced=105, landed=101, dead_lettered=4, duplicates=5)
GOOD_DISPATCH = DispatchAccount(
    expected=7, alerts=7, dispatched=3, unassigned=1, suppressed=3, without_outcome=0, doubled=0, out_of_radius=0
)


def verdict(
    source: SourceAccount = GOOD_SOURCE,
    dispatch: DispatchAccount = GOOD_DISPATCH,
    empty: tuple[str, ...] = (),
    dead: dict[str, str] | None = None,
) -> list[str]:
    return complaints({"vitals": source}, dispatch, empty, dead or {})


def test_a_run_whose_sums_agree_has_no_complaint() -> None:
    assert verdict() == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"served": 101}, "served 101"),
        ({"landed": 100}, "served 100"),
        ({"produced": 106}, "produced 106"),
        ({"missing": ("17",)}, "cursors 17"),
    ],
)
def test_an_account_that_does_not_add_up(change: dict[str, Any], word: str) -> None:
    found = verdict(source=dataclasses.replace(GOOD_SOURCE, **change))
    assert any(word in line and line.startswith("vitals:") for line in found)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"expected": 8}, "8 landed readings break a rule"),
        ({"without_outcome": 1}, "no outcome"),
        ({"doubled": 1}, "doubled"),
        ({"out_of_radius": 2}, "beyond the radius"),
    ],
)
def test_a_dispatch_that_must_not_be(change: dict[str, Any], word: str) -> None:
    assert any(word in line for line in verdict(dispatch=dataclasses.replace(GOOD_DISPATCH, **change)))


def test_an_empty_table_and_a_dead_part() -> None:
    found = verdict(empty=("raw.vitals",), dead={"landing": "killed by signal 9"})
    assert found == ["table raw.vitals is missing or empty", "landing died: killed by signal 9"]
