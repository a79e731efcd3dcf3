"""Commits, time, throttling, lost answers, kills, triggers and another keeper, between any two calls: all is crawled.

The model is of what AWS documents of Glue: a second start is refused, states are shown late, READY comes some time
after the end. What AWS really does was not tried here.
"""

from __future__ import annotations

import threading

import pytest
from health_catalog.crawlers.keeper import Keeper
from health_catalog.crawlers.things import Found
from health_catalog.keeping import remove
from health_catalog.patience import Surroundings
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.unit.health_catalog.crawler_world import SETTINGS, STOPPING_S, Crash, World

VITALS, GPS = "health-london-vitals", "health-london-gps"
TRIGGER, COMMIT, OTHER = "a trigger starts all crawlers", "a commit", "the other keeper has a pass"
FAULTS = st.sampled_from(["", "", "throttled", "no answer", "killed before", "killed after", TRIGGER, COMMIT, OTHER])
A_DAY = 86_400.0


def keeper_of(world: World, **more: object) -> Keeper:
    ready = threading.Event()
    chosen = SETTINGS.__class__(**{**SETTINGS.__dict__, **more})
    return Keeper(chosen, world, world, ready, Surroundings(lambda: world.now, lambda: 0.5))


class Crawling(RuleBasedStateMachine):
    """Two keepers, as while one replaces the other; either may be killed between any two calls."""

    @initialize()
    def begin(self) -> None:
        self.world = World()
        self.keepers = [keeper_of(self.world), keeper_of(self.world)]
        self.committed: dict[str, float] = {}
        self.world.meanwhile = {
            TRIGGER: lambda: [self.world.somebody_starts(each) for each in (VITALS, GPS)],
            COMMIT: lambda: self.commit("vitals"),
        }

    @rule(table=st.sampled_from(["vitals", "vitals", "gps"]))
    def commit(self, table: str) -> None:
        self.committed[self.world.leave(table)] = self.world.now

    @rule(seconds=st.sampled_from([0.5, 15.0, 60.0, 700.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.now += seconds

    @rule(seconds=st.sampled_from([20.0, 60.0, 400.0]), outcome=st.sampled_from(["SUCCEEDED", "SUCCEEDED", "FAILED"]))
    def crawls_are_like_this(self, seconds: float, outcome: str) -> None:
        self.world.lasts, self.world.outcome = seconds, outcome

    @rule(lag=st.sampled_from([0.0, 3.0, 25.0]))
    def glue_shows_what_was(self, lag: float) -> None:
        self.world.lag = lag

    @rule(crawler=st.sampled_from([VITALS, GPS]))
    def somebody_starts(self, crawler: str) -> None:
        self.world.somebody_starts(crawler)

    @rule(which=st.integers(0, 1), seconds=st.sampled_from([0.0, 10.0, 80.0]))
    def a_quiet_pass(self, which: int, seconds: float) -> None:
        self.world.now += seconds
        self.keepers[which].pass_()

    @rule(which=st.integers(0, 1), faults=st.lists(FAULTS, min_size=1, max_size=8))
    def a_troubled_pass(self, which: int, faults: list[str]) -> None:
        self.world.faults = faults
        self.world.meanwhile[OTHER] = self.keepers[1 - which].pass_
        try:
            self.keepers[which].pass_()
        except Crash:
            self.keepers[which] = keeper_of(self.world)
        self.world.faults = []

    @invariant()
    def what_is_forgotten_was_served(self) -> None:
        for key, left in self.world.served.items():
            crawler = f"health-london-{key.partition('/')[0]}"
            assert any(began >= left for began in self.world.good_crawls(crawler)), key

    def teardown(self) -> None:
        """All is calm: whatever waits is served, each crawler by one start more at most."""
        if not hasattr(self, "world"):
            return
        world, keeper = self.world, self.keepers[0]
        world.faults, world.lag, world.outcome, world.lasts = [], 0.0, "SUCCEEDED", 60.0
        before = {name: len(runs) for name, runs in world.runs.items()}
        running_badly = {name: bool(runs) and runs[-1].outcome != "SUCCEEDED" for name, runs in world.runs.items()}
        until = world.now + A_DAY
        while world.left and world.now < until:
            keeper.pass_()
            world.now += 10
        assert not world.left
        assert self.committed.keys() == world.served.keys()
        for name, runs in world.runs.items():
            assert len(runs) <= before.get(name, 0) + 1 + running_badly.get(name, False), name


TestCrawling = Crawling.TestCase
TestCrawling.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def settled(world: World, keeper: Keeper, seconds: float = 600) -> None:
    """Passes every ten seconds."""
    until = world.now + seconds
    while world.now < until:
        keeper.pass_()
        world.now += 10


@pytest.mark.parametrize("commits", [1, 2, 40])
def test_however_many_commits_come_while_it_runs_exactly_one_crawl_follows(commits: int) -> None:
    world = World()
    keeper = keeper_of(world)
    world.leave("vitals")
    keeper.pass_()
    for _ in range(commits):
        world.now += 1
        world.leave("vitals")
        keeper.pass_()
    settled(world, keeper)
    assert [run.began > 1_800_000_000.0 for run in world.runs[VITALS]] == [False, True]
    assert not world.left
    assert not world.runs[GPS]


def test_the_crawl_before_is_not_taken_for_the_one_that_was_started() -> None:
    world = World()
    keeper = keeper_of(world)
    world.leave("vitals")
    settled(world, keeper)
    world.leave("vitals")
    settled(world, keeper, 70)
    assert len(world.runs[VITALS]) == 2
    world.lag = 75.0  # Glue still shows what was before the start
    settled(world, keeper, 10)
    assert world.left
    settled(world, keeper, 120)
    assert not world.left
    assert len(world.runs[VITALS]) == 2


def test_nothing_is_started_that_nobody_asked_for() -> None:
    world = World()
    settled(world, keeper_of(world), 3600)
    assert {name: runs for name, runs in world.runs.items() if runs} == {}
    assert world.calls.count("state") <= 2 * 61  # a glance a minute


def test_a_crawl_that_fails_is_tried_again_and_told_of_until_one_succeeds() -> None:
    world = World(outcome="FAILED")
    ready = threading.Event()
    keeper = Keeper(SETTINGS, world, world, ready, Surroundings(lambda: world.now, lambda: 0.5))
    world.leave("vitals")
    settled(world, keeper)
    assert 2 <= len(world.runs[VITALS]) <= 6  # with a growing pause
    assert world.left
    assert not ready.is_set()
    world.outcome = "SUCCEEDED"
    settled(world, keeper, 3600)
    assert not world.left
    assert ready.is_set()


def test_a_crawl_beyond_the_deadline_is_stopped_and_begun_anew() -> None:
    world = World(lasts=A_DAY)
    keeper = keeper_of(world, crawl_deadline_s=900.0)
    world.leave("vitals")
    keeper.pass_()
    world.lasts = 60.0
    settled(world, keeper, 920)
    assert world.runs[VITALS][0].outcome == "CANCELLED"
    assert world.left
    settled(world, keeper, 3600)
    assert not world.left
    assert len(world.runs[VITALS]) == 2


def test_throttling_spreads_the_calls_out() -> None:
    world = World(faults=["throttled"] * 1000)
    settled(world, keeper_of(world), 3600)
    assert len(world.calls) <= 12  # in an hour of passes every ten seconds


def test_an_answer_that_was_lost_once_is_no_trouble_for_long() -> None:
    world = World()
    ready = threading.Event()
    keeper = Keeper(SETTINGS, world, world, ready, Surroundings(lambda: world.now, lambda: 0.5))
    keeper.pass_()
    for fault in ("no answer", "throttled"):
        for calls_before in range(3):  # the requests, the one crawler, the other
            world.now += 700
            world.faults = [""] * calls_before + [fault]
            keeper.pass_()
            world.faults = []
            settled(world, keeper, 120)
            assert ready.is_set()


def test_events_in_the_queue_start_a_crawl_and_an_empty_queue_none() -> None:
    world = World()
    keeper = keeper_of(world, on_new_files="events")
    settled(world, keeper, 300)
    assert not world.runs[VITALS]
    world.events = 3
    keeper.pass_()
    world.events = 0  # the crawl takes them
    settled(world, keeper, 300)
    assert len(world.runs[VITALS]) == 1


def test_what_has_not_our_tags_is_not_touched() -> None:
    world = World()
    world.found["crawler", VITALS] = Found("crawler", VITALS, {"Role": "somebody"}, {"team": "payroll"}, "READY")
    world.runs[VITALS] = []
    ready = threading.Event()
    world.leave("vitals")
    settled(world, Keeper(SETTINGS, world, world, ready, Surroundings(lambda: world.now, lambda: 0.5)), 120)
    assert world.found["crawler", VITALS].tags == {"team": "payroll"}
    assert world.runs[VITALS] == []
    assert not ready.is_set()
    assert remove(SETTINGS, world, threading.Event(), 5) == ()
    assert list(world.found) == [("crawler", VITALS)]


def test_removal_stops_what_runs_and_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(lasts=A_DAY)
    keeper = keeper_of(world, on_new_files="events")
    keeper.pass_()
    assert len(world.found) == 4
    world.somebody_starts(VITALS)
    stop = threading.Event()
    monkeypatch.setattr(stop, "wait", lambda _: setattr(world, "now", world.now + STOPPING_S))
    assert remove(SETTINGS, world, stop, 60) == ()
    assert world.found == {}
    assert world.told == {}
    assert "stop" in world.calls
