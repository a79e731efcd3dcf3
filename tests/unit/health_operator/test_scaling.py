"""The number of replicas under a simulated load: within bounds, enough, soon, at rest, and less only after a calm."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from health_operator.scaling import Bounds, Scale, Trend, decide, first, wanted
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LOOK_S = 10.0
# Hours go by in each example.
SIMULATED = settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
BOUNDS = Bounds(minimum=1, maximum=8, target_s=10, catch_up_s=120, settle_s=60, calm_s=600)

bounds = st.builds(
    lambda low, more, target, catch_up, settle, calm: Bounds(low, low + more, target, catch_up, settle, calm),
    st.integers(1, 4), st.integers(0, 12), st.floats(1, 60), st.floats(30, 600), st.floats(0, 120), st.floats(60, 900),
)  # fmt: skip


@dataclass
class Queue:
    """A component of replicas that do one event a second each, and stand still for ``start_s`` after each change."""

    bounds: Bounds
    scale: Scale
    start_s: float = 0.0
    trend: Trend = field(default_factory=Trend)
    now: float = 0.0
    events: float = 0.0  # waiting
    lag_s: float = 0.0

    def run(self, load: Callable[[float], float], seconds: float) -> list[Scale]:
        """Events come at ``load(now)`` per second; the scale after each look."""
        seen = []
        until = self.now + seconds
        while self.now < until:
            self.now += LOOK_S
            rate = load(self.now)
            starts = self.now - self.scale.since <= self.start_s and self.scale.since > 0
            self.events = max(0.0, self.events + LOOK_S * (rate - (0 if starts else self.scale.replicas)))
            self.lag_s = self.events / rate if rate else 0.0
            self.scale, self.trend = decide(self.bounds, self.scale, self.trend, self.lag_s, self.now)
            seen.append(self.scale)
        return seen


def queue(of: Bounds = BOUNDS, replicas: int = 1, start_s: float = 0.0) -> Queue:
    return Queue(of, first(of, replicas, 0.0), start_s)


def changes(seen: list[Scale]) -> list[int]:
    numbers = [scale.replicas for scale in seen]
    return [after - before for before, after in pairwise(numbers) if after != before]


@SIMULATED
@given(of=bounds, begin=st.integers(0, 100), loads=st.lists(st.floats(0, 50), min_size=1, max_size=6))
def test_the_number_is_always_within_its_bounds_and_never_more_than_doubles(
    of: Bounds, begin: int, loads: list[float]
) -> None:
    it = queue(of, begin)
    seen = [it.scale, *(scale for load in loads for scale in it.run(lambda _, load=load: load, 900))]
    assert all(of.minimum <= scale.replicas <= of.maximum for scale in seen)
    for before, after in pairwise(seen):
        assert before.replicas - 1 <= after.replicas <= 2 * before.replicas


@SIMULATED
@given(of=bounds, load=st.floats(0.1, 20), start_s=st.floats(0, 60))
def test_under_a_constant_load_it_comes_to_rest(of: Bounds, load: float, start_s: float) -> None:
    it = queue(of, start_s=min(start_s, of.settle_s))
    it.run(lambda _: load, 24 * 3600)
    last_day = changes(it.run(lambda _: load, 24 * 3600))
    # What may still be tried is one less, and back: each time after twice as long.
    assert len(last_day) <= 2 * 8
    assert all(change == -1 for change in last_day if change < 0)


@SIMULATED
@given(load=st.floats(1.2, 4))
def test_what_is_too_slow_gets_more_until_it_has_caught_up(load: float) -> None:
    it = queue()
    seen = it.run(lambda _: load, 700)
    assert it.scale.replicas >= load
    assert it.lag_s <= BOUNDS.target_s
    before_a_calm = seen[: int(BOUNDS.calm_s / LOOK_S)]
    assert all(change > 0 for change in changes(before_a_calm))


@given(lag=st.floats(11, 1000), speed=st.floats(0.1, 5), replicas=st.integers(1, 8))
def test_what_is_wanted_has_caught_up_in_time(lag: float, speed: float, replicas: int) -> None:
    enough = wanted(replicas, speed, lag, BOUNDS.catch_up_s)
    assert lag / (speed * enough / replicas - 1) == pytest.approx(BOUNDS.catch_up_s)


@SIMULATED
@given(of=bounds, load=st.floats(0, 0.9), more=st.integers(1, 5))
def test_less_is_taken_one_by_one_each_after_a_calm_of_its_own(of: Bounds, load: float, more: int) -> None:
    it = queue(of, of.minimum + more)
    begin = it.scale
    seen = [begin, *it.run(lambda _: load, 8 * (of.calm_s + of.settle_s + LOOK_S))]
    assert it.scale.replicas == of.minimum
    ends = [after.since for before, after in pairwise(seen) if after.replicas < before.replicas]
    for before, after in pairwise([0.0, *ends]):
        assert after - before >= of.calm_s


def test_nothing_is_done_while_it_catches_up_in_time() -> None:
    it = queue(replicas=4)
    it.events = 100.0  # at one a second, three more than come are done: gone after 33 s
    assert changes(it.run(lambda _: 1.0, 200)) == []


def test_a_standstill_gets_nobody_more() -> None:
    scale, trend = first(BOUNDS, 2, 0.0), Trend()
    for look in range(200):
        now = 10.0 * look
        scale, trend = decide(BOUNDS, scale, trend, now, now)
    assert scale.replicas == 2


@dataclass
class Batches:
    """A stream of batches: one takes ``slowness`` seconds for a second's events, those of a minute at most, and as many
    replicas share it. It begins when the one before has ended; within it the lag grows with the clock.
    """

    slowness: float
    scale: Scale = field(default_factory=lambda: first(BOUNDS, 1, 0.0))
    trend: Trend = field(default_factory=Trend)
    taken_until: float = 0.0  # what has come before has been done
    batch: tuple[float, float] = (0.0, 0.0)  # ends when; takes in what had come until when

    def run(self, seconds: float, look_s: float) -> None:
        for now in itertools.takewhile(lambda now: now < seconds, itertools.count(0.0, look_s)):
            while self.batch[0] <= now:
                ended, self.taken_until = self.batch
                takes = min(ended - self.taken_until, 60.0)
                self.batch = ended + max(10.0, self.slowness * takes / self.scale.replicas), self.taken_until + takes
            self.scale, self.trend = decide(BOUNDS, self.scale, self.trend, now - self.taken_until, now)


@SIMULATED
@given(slowness=st.floats(1.5, 4), look_s=st.floats(5, 25))
def test_batches_that_take_longer_and_longer_get_more(slowness: float, look_s: float) -> None:
    it = Batches(slowness)
    it.run(3600.0, look_s)
    assert it.scale.replicas >= slowness


@SIMULATED
@given(look_s=st.floats(5, 20), stood=st.floats(600, 3600))
def test_what_catches_up_after_a_standstill_gets_nobody_more(look_s: float, stood: float) -> None:
    scale, trend = first(BOUNDS, 1, 0.0), Trend()
    for now in itertools.takewhile(lambda now: now < 2 * stood, itertools.count(0.0, look_s)):
        # It does in two minutes what has come in all that time.
        lag = now if now < stood else max(0.0, stood - (now - stood) * stood / 110)
        scale, trend = decide(BOUNDS, scale, trend, lag, now)
        assert scale.replicas == 1


def test_what_is_not_known_changes_nothing() -> None:
    scale, trend = first(BOUNDS, 2, 0.0), Trend()
    for look in range(1000):
        scale, trend = decide(BOUNDS, scale, trend, None, 10.0 * look)
    assert (scale.replicas, trend) == (2, Trend())


def test_nothing_is_measured_while_what_is_new_starts() -> None:
    it = queue(replace(BOUNDS, settle_s=120), start_s=60)
    seen = it.run(lambda _: 3.0, 900)
    ups = [after.since for before, after in pairwise(seen) if after.replicas > before.replicas]
    assert ups
    assert all(after - before >= 120 for before, after in pairwise(ups))
    assert it.lag_s <= BOUNDS.target_s


def test_a_load_in_steps() -> None:
    """Up in a minute or two, down long after, at rest in between."""
    it = queue()
    it.run(lambda _: 0.5, 1200)
    assert it.scale.replicas == 1
    it.run(lambda _: 3.5, 400)
    high = it.scale.replicas
    assert 4 <= high <= 7
    assert it.lag_s <= BOUNDS.target_s
    assert changes(it.run(lambda _: 3.5, 300)) == []
    it.run(lambda _: 0.5, 8 * 700)
    assert it.scale.replicas == 1
    assert it.scale.why == "not behind for 10 min"


def test_new_bounds_count_at_once() -> None:
    scale, _ = decide(replace(BOUNDS, maximum=3), Scale(6, 0.0), Trend(), 0.0, 1.0)
    assert (scale.replicas, scale.since, scale.why) == (3, 1.0, "the bounds have changed")
