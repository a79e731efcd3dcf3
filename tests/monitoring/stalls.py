"""A stage that stands still: its lag, and no other, grows as the clock goes, and falls afterwards.

How it is made to stand still, and how its watcher is asked, is for who runs the pipeline: processes here, pods there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from healthctl.embedded.waiting import wait_until

from tests.monitoring import system

TRANSFORM = "transform"
STAGES = ("producer-vitals", "alerts", "dispatch", "landing", TRANSFORM)
LOOK_EVERY_S = 0.5
# How far everybody is behind while all is well is seen first: on a busy machine it is more. So much beyond it, or half
# of it (but no more than MOST_BEYOND_S), is a standstill, which is kept up until it must show.
USUAL_FOR_S, BEYOND_S, LONGER_S = 20.0, 5.0, 4.0
MOST_BEYOND_S, BUSIEST_S = 60.0, 20.0
# What is told is up to two seconds old, and one more when a component does not answer; canaries come every second.
LATE_S = 4.5

Lags = Mapping[str, float]
Look = tuple[float, Lags]


@dataclass
class Watched:
    """A running pipeline whose watcher says how many seconds each component is behind.

    ``standing_still``: nothing of a component runs between its beginning and its end. ``runs_for_s`` is how long a few
    runs of the transform take; it may be ``rests_s`` behind, for it runs at times.
    """

    lags: Callable[[], Lags]
    standing_still: Callable[[str], AbstractContextManager[None]]
    runs_for_s: float
    rests_s: float
    catch_up_s: float
    well: list[Look] = field(default_factory=list)

    def is_well(self) -> bool:
        """Whether every stage has a lag, and none is far behind."""
        lags = self.lags()
        most = {stage: self.rests_s if stage == TRANSFORM else BUSIEST_S for stage in STAGES}
        return all(stage in lags and lags[stage] < most[stage] for stage in STAGES)

    def look(self, seconds: float) -> list[Look]:
        """Lags again and again for that long, each with the (monotonic) time."""
        seen: list[Look] = []
        until = time.monotonic() + seconds
        while (at := time.monotonic()) < until:
            seen.append((at, self.lags()))
            time.sleep(LOOK_EVERY_S)  # it is time itself that is measured
        return seen

    def look_while_well(self) -> None:
        """Remember what is usual."""
        self.well += self.look(USUAL_FOR_S if self.well else self.runs_for_s)

    def usual(self, stage: str) -> float:
        """The most that anybody like it was behind while all was well: what runs all the time, or at times."""
        like = [other for other in STAGES if (other == TRANSFORM) == (stage == TRANSFORM)]
        return max(lags[other] for _, lags in self.well for other in like)

    def soon(self, condition: Callable[[], bool]) -> bool:
        """Whether it comes about while one waits for a stage to catch up."""
        return wait_until(condition, self.catch_up_s, LOOK_EVERY_S)


def check_that_its_lag_alone_grows(watched: Watched, stage: str) -> None:
    """With the clock while the stage stands still; and that it falls afterwards."""
    assert watched.soon(watched.is_well), f"far behind: {watched.lags()}"
    watched.look_while_well()
    usual = {each: watched.usual(each) for each in STAGES}
    most = {each: usual[each] + min(max(BEYOND_S, usual[each] / 2), MOST_BEYOND_S) for each in STAGES}
    last_at, last = watched.well[-1]
    with watched.standing_still(stage):
        began = time.monotonic()
        seen = watched.look(most[stage] + LONGER_S)
    told = "\n".join([f"usual {usual}", *(f"{at - began:5.1f} s {lags}" for at, lags in seen)])
    for place, (at, lags) in enumerate(seen):
        # Dispatch is behind from the first alert on that it does not decide.
        first_alert = max(each["alerts"] for _, each in seen[: place + 1]) if stage == "dispatch" else 0.0
        assert at - began - LATE_S - first_alert <= lags[stage] <= last[stage] + at - last_at + LATE_S, told
        assert all(lags[other] < most[other] for other in STAGES if other != stage), told
    assert seen[-1][1][stage] > usual[stage] + LONGER_S, told
    assert watched.soon(lambda: watched.lags()[stage] < most[stage]), f"{stage} does not catch up: {watched.lags()}"


def document(latency: str) -> dict[str, Any]:
    """As little as there can be with all stages in it, so that two cores are enough for them to be prompt."""
    made = system.document()
    made["spec"].pop("autoscaling", None)
    made["metadata"]["name"] = f"stalls-{latency}"
    made["spec"] |= {
        "sources": [
            {"name": "vitals", "partitions": 2, "simulate": {"entities": 200, "eventsPerSecond": 200, "seed": 7}},
            {"name": "vehicles", "partitions": 1, "simulate": {"entities": 20, "eventsPerSecond": 20, "seed": 7}},
        ],
        # Each micro-batch writes to the lake, which is work for everybody here.
        "alerting": {"latency": latency, "triggerInterval": "3s"},
        "lake": {"bucket": f"s3://stalls-{latency}-lake", "triggerInterval": "3s"},
        "transform": {"schedule": "@every 2s"},
        "monitoring": {"canaryInterval": "1s"},
    }
    return made
