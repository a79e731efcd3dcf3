"""What has failed is left alone for longer and longer, up to a bound, and not at all once it has gone well."""

from __future__ import annotations

from health_catalog.errors import CatalogError
from health_catalog.patience import Patience, Surroundings, pause
from hypothesis import given
from hypothesis import strategies as st

CHANCE = st.floats(0, 1)


@given(st.integers(1, 10_000), CHANCE, CHANCE)
def test_pauses_grow_and_are_bounded(failures: int, one: float, other: float) -> None:
    assert 7.5 <= pause(failures, one) <= 900
    assert pause(failures, one) <= 2 * pause(failures + 1, other)
    assert pause(failures, 1.0) <= pause(failures + 1, 1.0)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["fails", "goes well", "time passes"]))), CHANCE)
def test_whatever_happens_nobody_waits_longer_than_a_quarter_of_an_hour_or_after_it_went_well(
    steps: list[tuple[str, str]], chance: float
) -> None:
    now, failed = 0.0, dict[str, float]()
    patience = Patience(Surroundings(lambda: now, lambda: chance))
    for name, what in steps:
        if what == "fails":
            patience.failed(name, CatalogError(name))
            failed[name] = now
        elif what == "goes well":
            patience.went_well([name])
            failed.pop(name, None)
        else:
            now += 100.0
        assert {each: str(error) for each, error in patience.errors().items()} == {each: each for each in failed}
        for each in "ab":
            assert not patience.waits(each) or now - failed[each] < 900
            assert patience.waits(each) or each not in failed or now - failed[each] >= 7.5
