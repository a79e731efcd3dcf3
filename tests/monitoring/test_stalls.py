"""Each stage of a running pipeline is made to stand still: its lag, and no other, grows as the clock goes, and falls.

For alerts in Real-time Mode and in micro-batches. All processes of a component are stopped (SIGSTOP), so it neither
works nor answers, as one that hangs or is cut off; what is asked is the watcher, which sees it from outside.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from healthctl.embedded import sessions
from healthctl.embedded.ports import LOOPBACK
from healthctl.embedded.run import EmbeddedPipeline

from tests.monitoring import stalls, system
from tests.monitoring.stalls import Lags, Watched

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]

READY_S = 300.0
RUNS_FOR_S, RESTS_S, CATCH_UP_S = 20.0, 20.0, 150.0


@dataclass
class Local:
    """A pipeline of processes."""

    pipeline: EmbeddedPipeline
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=5, trust_env=False))

    def lags(self) -> Lags:
        """By component, in seconds."""
        self.pipeline.check()
        answer = self.client.get(f"http://{LOOPBACK}:{self.pipeline.port('lag', 'http')}/slo")
        told: Lags = answer.raise_for_status().json()["lags"]
        return told

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


@pytest.fixture(scope="module", params=["realtime", "microbatch"])
def watched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with system.pipeline(tmp_path_factory.mktemp("stalls"), stalls.document(request.param)) as pipeline:
        pipeline.wait_until_ready(READY_S)
        local = Local(pipeline)
        with local.client:
            yield Watched(local.lags, local.standing_still, RUNS_FOR_S, RESTS_S, CATCH_UP_S)


@pytest.mark.parametrize("stage", stalls.STAGES)
def test_its_lag_alone_grows_with_the_clock_and_falls_afterwards(watched: Watched, stage: str) -> None:
    stalls.check_that_its_lag_alone_grows(watched, stage)
