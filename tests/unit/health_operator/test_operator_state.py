"""What is on record of a pipeline survives being written and read."""

from __future__ import annotations

import pytest
from health_operator.state import Restarts, Snapshot, State, config_map
from hypothesis import given
from hypothesis import strategies as st

_SPECS = st.dictionaries(st.text(), st.one_of(st.integers(), st.text(), st.lists(st.booleans())))
_SNAPSHOTS = st.none() | st.builds(Snapshot, st.integers(1), _SPECS)
_RESTARTS = st.builds(Restarts, st.integers(1), st.floats(0, 2e9))
_STATES = st.builds(
    State, _SNAPSHOTS, _SNAPSHOTS, st.sampled_from(["", "7"]), st.dictionaries(st.text(), _RESTARTS),
    in_aws=st.dictionaries(st.text(), st.text()),
)  # fmt: skip


@given(_STATES)
def test_round_trip(state: State) -> None:
    assert State.from_data(config_map("london", "ns", {}, state)["data"]) == state


def test_nothing_on_record_is_a_new_state() -> None:
    assert State.from_data({}) == State()


@pytest.mark.parametrize(("written", "read"), [("true", {"catalog": ""}), ("false", {}), ("{}", {})])
def test_what_an_older_operator_had_in_aws_was_the_catalogues(written: str, read: dict[str, str]) -> None:
    assert State.from_data({"inAws": written}).in_aws == read


@pytest.mark.parametrize("data", [{"applied": "{"}, {"applied": '{"x":1}'}, {"applied": "3"}, {"restarts": "[1]"}])
def test_what_somebody_made_of_it_is_told(data: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="not a state"):
        State.from_data(data)
