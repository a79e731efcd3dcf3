"""The planner: whatever files appear when and wherever, each is taken in once, and the memory of them stays small."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from health_streaming.incremental.plan import MAX_FILES, Look, Mark, State, Window, advanced, new_files
from health_streaming.late import Word
from hypothesis import example, given
from hypothesis import strategies as st

DAY_0 = date(2026, 11, 20)
A_DAY = timedelta(days=1)
TABLE = "vitals"


def _key(day: date, hour: int, partition: int, first: int) -> str:
    return f"ingest_date={day}/hour={hour:02d}/part-{partition}-{first}-{first + 9}.parquet"


_days = st.integers(0, 6).map(lambda days: DAY_0 + timedelta(days=days))
_keys = st.builds(_key, _days, st.integers(0, 23), st.integers(0, 2), st.integers(0, 500))
_seen = st.dictionaries(st.sampled_from(["vitals", "gps"]), st.frozensets(_keys), max_size=2)
_marks = st.dictionaries(st.sampled_from(["vitals", "gps"]), st.builds(Mark, _days, _days), max_size=2)


@given(_seen, _marks, st.lists(st.text("abc:/=", min_size=1), max_size=4))
def test_a_state_survives_its_writing(
    seen: dict[str, frozenset[str]], marks: dict[str, Mark], superseded: list[str]
) -> None:
    kept = {table: keys for table, keys in seen.items() if keys}
    state = State("20261122T100000", kept, marks, tuple(superseded))
    assert State.from_json(state.to_json()) == state


def test_a_state_of_another_version_means_to_begin_anew() -> None:
    assert State.from_json(State("x").to_json().replace(b'"version": 2', b'"version": 1')) is None


@dataclass
class Lake:
    """One table, as landing fills it and runs of the transform empty it; what they remember, and what they list."""

    today: date = DAY_0
    files: dict[str, date] = field(default_factory=dict)  # and when they were written
    words: set[Word] = field(default_factory=set)
    state: State = field(default_factory=lambda: State("run"))
    taken: list[str] = field(default_factory=list)
    listed: int = 0

    def land(self, ingested: date) -> None:
        """A file of any ingest date, with word where that is due."""
        if ingested < self.today:
            self.words.add(Word(self.today, ingested))
        self.files[_key(ingested, 10, 0, 10 * len(self.files))] = self.today

    def run(self, limit: int = MAX_FILES, *, crashes: bool = False) -> None:
        """One that crashes leaves no state and is done again."""
        words = frozenset(self.words)
        window = self.state.window(TABLE, words)
        listed = [key for key, written in self.files.items() if window.may_be_new(key, written)]
        assert all(window.covers(date.fromisoformat(key[12:22])) for key in listed)
        found, is_all = new_files(listed, self.state.seen.get(TABLE, frozenset()), limit)
        assert len(found) <= limit
        self.listed = len(listed)
        if found and not crashes:
            self.taken += found
            self.state = advanced(self.state, {TABLE: Look(found, is_all, words)}, (), self.today)


# What happens on a day, in order: files of these ingest dates land (days from today), or a run does, or does not, end.
_EVENTS = st.lists(
    st.one_of(st.sampled_from(["run", "crash"]), st.integers(-400, 400), st.integers(-3, 1)), max_size=12
)


@given(st.lists(st.tuples(st.integers(0, 4), _EVENTS), max_size=8), st.integers(1, 5))
@example([(0, [0, "run", -5]), (0, ["run"])], 500)  # landing is behind, and shares its batches by offsets
@example([(0, [30, "run"]), (3, [-1, "run"])], 500)  # a clock in the future, and a transform that was off
@example([(0, [-9, "run"]), (1, [-9, "run"]), (1, [-9, "run"]), (1, [-9, "run"])], 500)  # a clock that is behind
def test_every_file_is_taken_in_once_wherever_it_lands_and_whatever_crashes(
    days: list[tuple[int, list[str | int]]], limit: int
) -> None:
    lake = Lake()
    for passed, events in days:
        lake.today += passed * A_DAY
        for event in events:
            if isinstance(event, int):
                lake.land(lake.today + event * A_DAY)
            else:
                lake.run(limit, crashes=event == "crash")
    for _ in range(len(lake.files) + 1):
        lake.run(limit)
    assert sorted(lake.taken) == sorted(lake.files)


def test_neither_memory_nor_listing_grows_with_the_lake() -> None:
    lake = Lake()
    for _ in range(60):
        lake.today += A_DAY
        for behind in (0, 0, 0, -1, -40):
            lake.land(lake.today + behind * A_DAY)
            lake.run()
    assert sorted(lake.taken) == sorted(lake.files)
    assert lake.listed <= 3 * 5
    assert len(lake.state.seen[TABLE]) <= 3 * 5


def test_a_backlog_is_taken_in_oldest_first_and_by_bites_whose_listing_moves_on() -> None:
    lake = Lake()
    for _ in range(100):
        lake.today += A_DAY
        lake.land(lake.today)
    backlog = sorted(lake.files)
    for _ in range(10):
        lake.run(limit=10)
    assert lake.taken == backlog
    assert lake.listed <= 12


def test_without_a_mark_everything_is_listed() -> None:
    assert State("run").window(TABLE, ()) == Window()
    assert Window().covers(date(1970, 1, 1))


@pytest.mark.parametrize("listed", [[], [_key(DAY_0, 1, 0, 0)]])
def test_nothing_new_is_an_empty_plan(listed: list[str]) -> None:
    assert new_files(listed, frozenset([_key(DAY_0, 1, 0, 0)])) == ([], True)
