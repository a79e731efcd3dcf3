"""Each stage of a pipeline on a cluster is made to stand still: as tests/monitoring/test_stalls.py does with processes.

The watcher's answer comes by a forwarded port. The transform runs at times, each time in a driver of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import httpx
import pytest

from tests.e2e import kube
from tests.e2e.pipeline import Pipeline
from tests.e2e_faults import cluster
from tests.monitoring import stalls
from tests.monitoring.stalls import TRANSFORM, Lags, Watched

READY_S, WATCHER_PORT = 600.0, 8080
# A run takes half a minute until it has begun, and some seconds then; that and the pause are seen once at least.
RUNS_FOR_S, RESTS_S, CATCH_UP_S = 200.0, 300.0, 420.0


def document(latency: str) -> dict[str, Any]:
    """With a pause between the transform's runs, for each begins with Javas of its own, which want all cores."""
    made = stalls.document(latency)
    made["spec"]["transform"] = {"schedule": "@every 90s"}
    return made


def standing_still(pipeline: Pipeline, component: str) -> AbstractContextManager[None]:
    """Nothing of a component runs in between."""
    how = cluster.without_runs if component == TRANSFORM else cluster.stopped
    return how(pipeline, component)


def lags(client: httpx.Client, url: str) -> Lags:
    """By component, in seconds."""
    told: Lags = client.get(f"{url}/slo").raise_for_status().json()["lags"]
    return told


@pytest.fixture(scope="module", params=["realtime", "microbatch"])
def watched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    log = tmp_path_factory.mktemp("forward") / "lag.log"
    with cluster.applied(document(request.param)) as pipeline:
        pipeline.wait_for("Ready", READY_S)
        forwarded = kube.forwarded(pipeline.namespace, f"{pipeline.name}-lag", WATCHER_PORT, log)
        with forwarded as url, httpx.Client(timeout=10, trust_env=False) as client:
            still = partial(standing_still, pipeline)
            yield Watched(partial(lags, client, url), still, RUNS_FOR_S, RESTS_S, CATCH_UP_S)


@pytest.mark.parametrize("stage", stalls.STAGES)
def test_its_lag_alone_grows_with_the_clock_and_falls_afterwards(watched: Watched, stage: str) -> None:
    stalls.check_that_its_lag_alone_grows(watched, stage)
