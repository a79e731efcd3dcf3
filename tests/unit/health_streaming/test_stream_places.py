"""Whether a stream goes on at its checkpoint, by the ids of its topics."""

from __future__ import annotations

import dataclasses
import json

import pytest
from health_streaming.places import Place, after, read
from hypothesis import given
from hypothesis import strategies as st

IDS = st.dictionaries(st.sampled_from(["p.vitals", "p.gps", "p.alerts", "p.weather"]), st.text("abc", min_size=1))
PLACES = st.builds(Place, IDS, st.integers(0, 5))


@given(IDS)
def test_the_first_time_is_no_new_beginning(topics: dict[str, str]) -> None:
    assert after(None, topics) == Place(topics)


@given(PLACES, IDS)
def test_it_begins_anew_when_no_topic_is_what_it_was(known: Place, topics: dict[str, str]) -> None:
    other = {name: f"{known.topics.get(name, '')}-other" for name in topics}
    is_known = bool(known.topics.keys() & other.keys())
    assert after(known, other).anew == known.anew + is_known


@given(PLACES, IDS)
def test_it_goes_on_while_one_topic_is_what_it_was(known: Place, topics: dict[str, str]) -> None:
    assert after(Place({**known.topics, "p.kept": "1"}, known.anew), {**topics, "p.kept": "1"}).anew == known.anew


@given(PLACES, IDS)
def test_a_topic_that_is_not_read_for_a_while_is_not_forgotten(known: Place, topics: dict[str, str]) -> None:
    """A source that was taken out and put in again is no new beginning."""
    place = after(known, topics)
    assert topics.items() <= place.topics.items()
    if place.anew == known.anew:
        assert known.topics.keys() <= place.topics.keys()


@given(PLACES, IDS)
def test_a_restart_changes_nothing(known: Place, topics: dict[str, str]) -> None:
    place = after(known, topics)
    assert after(place, topics) == place


@given(PLACES)
def test_what_is_on_record_is_read_as_it_was(place: Place) -> None:
    assert read(json.dumps(dataclasses.asdict(place)).encode()) == place


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"{}", b'{"topics": 1}', b'{"topics": {}, "more": 1}', b"\xff"])
def test_anything_else_is_told_from_a_record(text: bytes) -> None:
    with pytest.raises((ValueError, TypeError)):
        read(text)
