"""Is this process of any use? /livez says no when it should be begun anew: when it is deaf, or hangs.

It is not asked whether the API server answers: no restart would help against that. A replica that stands by is alive
and ready.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from health_operator import metrics
from health_operator.cluster import Cluster
from health_operator.errors import ClusterError
from health_operator.hearing import Hearing
from health_operator.kinds import PIPELINES
from health_operator.settings import OperatorSettings
from health_operator.watches import WakeCall
from health_operator.workers import Workers

log = logging.getLogger(__name__)

# A watch tells within a second; after this long without a word it will not any more.
DEAF_SECONDS = 60.0
# One look at a pipeline takes a second or two; all its calls are bounded, so only a defect makes it hang this long.
STUCK_SECONDS = 300.0
_COMPARE_SECONDS = 20.0


class Health:
    """What the probes are answered by."""

    def __init__(self) -> None:
        self.is_ready = False
        self._checks: list[Callable[[], str]] = []

    def add(self, check: Callable[[], str]) -> None:
        """``check`` gives what is wrong, or an empty text."""
        self._checks.append(check)

    def problems(self) -> list[str]:
        """What is wrong now."""
        return [problem for check in self._checks if (problem := check())]


async def serve(health: Health, settings: OperatorSettings) -> web.AppRunner:
    """/livez, /readyz and /metrics, on the health port and on the metrics port; until ``cleanup`` of the result."""

    async def live(_request: web.Request) -> web.Response:
        problems = health.problems()
        return web.Response(status=500 if problems else 200, text="\n".join(problems or ["ok"]) + "\n")

    async def ready(_request: web.Request) -> web.Response:
        return web.Response(status=200 if health.is_ready else 503, text="ok\n" if health.is_ready else "not yet\n")

    async def measured(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/livez", live), web.get("/readyz", ready), web.get("/metrics", measured)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    for port in sorted({settings.health_port, settings.metrics_port}):
        await web.TCPSite(runner, settings.health_host, port).start()
    return runner


async def compare_for_ever(cluster: Cluster, hearing: Hearing, namespaces: Sequence[str], wake: WakeCall) -> None:
    """Lists the pipelines now and then, and wakes whatever was not heard of: deaf as we may be, none is forgotten."""
    while True:
        await asyncio.sleep(_COMPARE_SECONDS)
        try:
            listed = [
                item
                for namespace in namespaces or ("",)
                for item in await cluster.list(PIPELINES, namespace, {}, metadata_only=True)
            ]
        except ClusterError as error:
            log.info("cannot list the pipelines: %s", error)
            continue
        for key in hearing.compare(listed, time.monotonic()):
            wake(key)
        metrics.DEAF.set(hearing.silent_seconds(time.monotonic()))


def checks(hearing: Hearing, workers: Workers) -> list[Callable[[], str]]:
    """What the one replica that is at work can suffer from."""

    def deaf() -> str:
        silent = hearing.silent_seconds(time.monotonic())
        return f"the watch of the pipelines is deaf: silent for {silent:.0f} s" if silent > DEAF_SECONDS else ""

    def stuck() -> str:
        found = workers.stuck(STUCK_SECONDS)
        return f"stuck for {STUCK_SECONDS:.0f} s: {found}" if found else ""

    return [deaf, stuck]
