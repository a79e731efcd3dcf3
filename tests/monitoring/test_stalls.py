"""Each stage of a running pipeline is made to stand still: its lag, and no other, grows as the clock goes, and falls.

For alerts in Real-time Mode and in micro-batches. All processes of a component are stopped (SIGSTOP), so it neither
works nor answers, as one that hangs or is cut off; what is asked is the watcher, which sees it from outside.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from healthctl.embedded import sessions
from healthctl.embedded.ports import LOOPBACK
from healthctl.embedded.run import EmbeddedPipeline
from healthctl.embedded.waiting import wait_until

from tests.monitoring import system

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]

STAGES = ("producer-vitals", "alerts", "dispatch", "landing", "transform")
LOOK_EVERY_S = 0.5
# How far everybody is behind while all is well is seen first, for as long as a few runs of the transform take: on a
# busy machine it is more. So much beyond it is a standstill, which is kept up until it must show.
USUAL_FOR_S, BEYOND_S, LONGER_S = 20.0, 5.0, 4.0
BUSIEST_S = 20.0
# What is told is up to two seconds old, and one more when a component does not answer; canaries come every second.
LATE_S = 4.5
READY_S, CATCH_UP_S = 300.0, 150.0

Lags = dict[str, float]


@dataclass
class Watched:
    """A running pipeline and what its watcher says."""

    pipeline: EmbeddedPipeline
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=5, trust_env=False))

    def lags(self) -> Lags:
        """By component, in seconds."""
        answer = self.client.get(f"http://{LOOPBACK}:{self.pipeline.port('lag', 'http')}/slo")
        told: Lags = answer.raise_for_status().json()["lags"]
        return told

    def is_well(self) -> bool:
        """Whether every stage has a lag, and none is far behind."""
        self.pipeline.check()
        lags = self.lags()
        return lags.keys() >= set(STAGES) and max(lags[stage] for stage in STAGES) < BUSIEST_S

    def look(self, seconds: float) -> list[tuple[float, Lags]]:
        """Lags again and again for that long, each with the seconds since the first look."""
        began, seen = time.monotonic(), []
        while (at := time.monotonic() - began) < seconds:
            seen.append((at, self.lags()))
            time.sleep(LOOK_EVERY_S)  # it is time itself that is measured
        return seen

    @contextmanager
    def standing_still(self, component: str) -> Iterator[None]:
        """Nothing of it runs in between."""
        (pid,) = [status.pid for status in self.pipeline.statuses() if status.name == component]
        assert pid is not None
        assert sessions.signal_all([pid], signal.SIGSTOP)
        try:
            yield
        finally:
            sessions.signal_all([pid], signal.SIGCONT)


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
        "alerting": {"latency": latency},
        "lake": {"bucket": "s3://stalls-lake", "triggerInterval": "3s"},
        "transform": {"schedule": "@every 2s"},
        "monitoring": {"canaryInterval": "1s"},
    }
    return made


@pytest.fixture(scope="module", params=["realtime", "microbatch"])
def watched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with system.pipeline(tmp_path_factory.mktemp("stalls"), document(request.param)) as pipeline:
        pipeline.wait_until_ready(READY_S)
        made = Watched(pipeline)
        with made.client:
            yield made


@pytest.mark.parametrize("stage", STAGES)
def test_its_lag_alone_grows_with_the_clock_and_falls_afterwards(watched: Watched, stage: str) -> None:
    assert _soon(watched.is_well), f"far behind: {watched.lags()}"
    before = watched.look(USUAL_FOR_S)
    usual = {each: max(lags[each] for _, lags in before) for each in STAGES}
    most = max(usual.values()) + BEYOND_S
    with watched.standing_still(stage):
        seen = watched.look(most + LONGER_S)
    told = "\n".join([f"usual {usual}", *(f"{at:5.1f} s {lags}" for at, lags in seen)])
    for place, (at, lags) in enumerate(seen):
        # Dispatch is behind from the first alert on that it does not decide.
        first_alert = max(each["alerts"] for _, each in seen[: place + 1]) if stage == "dispatch" else 0.0
        assert at - LATE_S - first_alert <= lags[stage] <= before[-1][1][stage] + at + LATE_S, told
        assert max(lags[other] for other in STAGES if other != stage) < most, told
    assert seen[-1][1][stage] > usual[stage] + LONGER_S, told
    assert _soon(lambda: watched.lags()[stage] < most), f"{stage} does not catch up: {watched.lags()}"


def _soon(condition: Callable[[], bool]) -> bool:
    return wait_until(condition, CATCH_UP_S, LOOK_EVERY_S)
