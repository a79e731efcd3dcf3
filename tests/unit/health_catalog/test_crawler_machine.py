"""Commits, files, time, throttling, lost answers, missing rights, kills, triggers, people's hands and another keeper,
between any two calls: all is crawled, and in the end AWS is what it should be.

The model is of what AWS documents of Glue: a second start is refused, states are shown late, READY comes some time
after the end. What AWS really does was not tried here.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from health_catalog.crawlers.keeper import Keeper
from health_catalog.crawlers.things import Found
from health_catalog.crawlers.wanted import wanted
from health_catalog.keeping import remove
from health_catalog.patience import Surroundings
from health_pipeline.settings import CatalogSettings
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.unit.health_catalog.crawler_world import ACCOUNT, SETTINGS, STOPPING_S, TAGS, Crash, World

VITALS, GPS = "health-london-vitals", "health-london-gps"
TRIGGER, COMMIT, FILE = "a trigger starts all crawlers", "a commit", "a file lands"
OTHER = "the other keeper has a pass"
FAULTS = st.sampled_from(
    ["", "", "throttled", "no answer", "killed before", "killed after", TRIGGER, COMMIT, FILE, OTHER]
)
A_DAY = 86_400.0


MODES: dict[str, dict[str, Any]] = {
    "commits": {},
    "events": {"on_new_files": "events"},
    "schedule": {"on_new_files": "", "crawl_schedule": "cron(0 * * * ? *)", "then": ("london-transform",)},
}
# Of crawlers, queues, workflow and triggers; those that a mode does not have are nobody's.
THINGS = st.sampled_from(
    [(kind, name) for name in (VITALS, GPS) for kind in ("crawler", "queue")]
    + [("crawler", "health-london-raw"), ("workflow", "health-london-crawl")]
    + [("trigger", f"health-london-crawl-{number}") for number in (1, 2)]
)
DENIED = st.sets(
    st.sampled_from(
        ["CreateTrigger health-london-crawl-2", f"CreateCrawler {GPS}", "UpdateCrawler", "StartTrigger", "CreateQueue",
         "PutBucketNotificationConfiguration", "observe told", "observe queue", "observe crawler", "observe trigger"]
    ),
    max_size=2,
)  # fmt: skip


def settings_of(**more: Any) -> CatalogSettings:
    return replace(SETTINGS, **more)


def keeper_of(world: World, **more: Any) -> Keeper:
    ready = threading.Event()
    return Keeper(settings_of(**more), world, world, ready, Surroundings(lambda: world.now, lambda: 0.5))


class Crawling(RuleBasedStateMachine):
    """Two keepers, as while one replaces the other; either may be killed between any two calls."""

    @initialize(mode=st.sampled_from(sorted(MODES)))
    def begin(self, mode: str) -> None:
        self.world, self.mode = World(), MODES[mode]
        self.want = wanted(settings_of(**self.mode), ACCOUNT)
        self.keepers = [self._keeper(), self._keeper()]
        self.committed: dict[str, float] = {}
        self.world.meanwhile = {
            TRIGGER: lambda: [self.world.somebody_starts(each) for each in self.want.crawled],
            COMMIT: lambda: self.commit("vitals"),
            FILE: lambda: self.world.a_file_lands(VITALS),
        }

    def _keeper(self) -> Keeper:
        return keeper_of(self.world, **self.mode)

    def _crawler(self, table: str) -> str:
        return next(name for name, tables in self.want.crawled.items() if table in tables)

    @rule(table=st.sampled_from(["vitals", "vitals", "gps"]))
    def commit(self, table: str) -> None:
        self.committed[self.world.leave(table)] = self.world.now

    @rule(queue=st.sampled_from([VITALS, GPS]))
    def a_file_lands(self, queue: str) -> None:
        self.world.a_file_lands(queue)

    @rule(thing=THINGS)
    def somebody_changes(self, thing: tuple[str, str]) -> None:
        self.world.somebody_changes(*thing)

    @rule(thing=THINGS)
    def somebody_removes(self, thing: tuple[str, str]) -> None:
        self.world.somebody_removes(*thing)

    @rule()
    def somebody_forgets_who_is_told(self) -> None:
        self.world.told = {}

    @rule(denied=DENIED)
    def rights_are_missing(self, denied: set[str]) -> None:
        self.world.denied = denied

    @rule(seconds=st.sampled_from([0.5, 15.0, 60.0, 700.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.now += seconds

    @rule(seconds=st.sampled_from([20.0, 60.0, 400.0]), outcome=st.sampled_from(["SUCCEEDED", "SUCCEEDED", "FAILED"]))
    def crawls_are_like_this(self, seconds: float, outcome: str) -> None:
        self.world.lasts, self.world.outcome = seconds, outcome

    @rule(lag=st.sampled_from([0.0, 3.0, 25.0]))
    def glue_shows_what_was(self, lag: float) -> None:
        self.world.lag = lag

    @rule(table=st.sampled_from(["vitals", "gps"]))
    def somebody_starts(self, table: str) -> None:
        self.world.somebody_starts(self._crawler(table))

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
            self.keepers[which] = self._keeper()
        self.world.faults = []

    @invariant()
    def what_is_forgotten_was_served(self) -> None:
        for key, left in self.world.served.items():
            crawls = self.world.good_crawls(self._crawler(key.partition("/")[0]))
            assert any(began >= left for began in crawls), key

    def _is_settled(self) -> bool:
        """Nothing waits, in the lake or in a queue, and all is as it should be."""
        world = self.world
        is_made = all(
            (thing.kind, thing.name) in world.found
            and world.found[thing.kind, thing.name].given.items() >= thing.given.items()
            and (thing.kind != "trigger" or world.found[thing.kind, thing.name].state == "ACTIVATED")
            for thing in self.want.things
        )
        is_told = world.told.get("QueueConfigurations", []) == [*self.want.told]
        return is_made and is_told and not world.left and not any(map(world.messages, self.want.crawled))

    def teardown(self) -> None:
        """All is calm: whatever waits is served, each crawler by one start more at most; what is missing is made."""
        if not hasattr(self, "world"):
            return
        world, keeper = self.world, self.keepers[0]
        world.faults, world.lag, world.outcome, world.lasts, world.denied = [], 0.0, "SUCCEEDED", 60.0, set()
        before = {name: len(runs) for name, runs in world.runs.items()}
        running_badly = {name: bool(runs) and runs[-1].outcome != "SUCCEEDED" for name, runs in world.runs.items()}
        until = world.now + A_DAY
        while not self._is_settled() and world.now < until:
            keeper.pass_()
            world.now += 10
        assert self._is_settled()
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
    for _ in range(3):
        world.a_file_lands(VITALS)
    settled(world, keeper, 300)
    assert (len(world.runs[VITALS]), world.messages(VITALS)) == (1, 0)


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


def test_a_job_that_is_not_there_yet_keeps_nothing_else_from_being_made_and_crawled() -> None:
    world, ready = World(denied={"CreateTrigger health-london-crawl-2"}), threading.Event()
    chosen = settings_of(**MODES["schedule"], workgroup="london")
    keeper = Keeper(chosen, world, world, ready, Surroundings(lambda: world.now, lambda: 0.5))
    world.leave("vitals")
    settled(world, keeper)
    assert {("trigger", "health-london-crawl-1"), ("workgroup", "london"), ("query", "response-times")} <= set(
        world.found
    )
    assert not world.left
    assert "health-london-crawl-2: not allowed" in keeper._setup.why
    assert not ready.is_set()
    assert world.calls.count("CreateTrigger") <= 7  # with a growing pause
    world.denied = set()
    settled(world, keeper, 1200)
    assert ("trigger", "health-london-crawl-2") in world.found
    assert ready.is_set()


def test_all_that_fails_is_told() -> None:
    world = World(denied={f"CreateCrawler {VITALS}", f"CreateCrawler {GPS}", "observe told"})
    keeper = keeper_of(world)
    keeper.pass_()
    told = ["observe: not allowed", f"CreateCrawler {VITALS}: not allowed", f"CreateCrawler {GPS}: not allowed"]
    assert keeper._setup.why == "; ".join(told)


@pytest.mark.parametrize("denied", ["PutBucketNotificationConfiguration", "observe told", "observe queue"])
def test_removal_leaves_only_what_it_cannot_remove_and_says_why(denied: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    keeper_of(world, **MODES["events"]).pass_()
    world.found |= {
        ("trigger", "health-london-crawl-1"): Found("trigger", "health-london-crawl-1", {}, TAGS, "ACTIVATED")
    }
    world.denied = {denied}
    stop = threading.Event()
    monkeypatch.setattr(stop, "wait", lambda _: None)
    left = remove(SETTINGS, world, stop, 60)
    assert any("not allowed" in each for each in left)
    assert {kind for kind, _ in world.found} == {"queue"}, "no queue goes while the bucket may tell it of files"
    world.denied = set()
    assert remove(SETTINGS, world, stop, 60) == ()
    assert (world.found, world.told) == ({}, {})
