"""``python -m health_operator``: serve the probes, wait for the lease, then reconcile until told to stop.

Ends with 1 when the lease is lost or a part fails; whoever started it (the kubelet) starts it anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Coroutine
from typing import Any

import kopf
from health_pipeline.settings import SettingsError
from health_pipeline.telemetry import set_up_logging

from health_operator import handlers, liveness, metrics
from health_operator.cluster import Cluster
from health_operator.errors import ClusterError, LeaseLost, OperatorError
from health_operator.hearing import Hearing
from health_operator.kinds import PIPELINES
from health_operator.lease import Lease
from health_operator.measures import Meter
from health_operator.observe import Discovery, Observer
from health_operator.reconcile import Reconciler
from health_operator.settings import OperatorSettings, from_env
from health_operator.watches import watch_children
from health_operator.workers import Workers

log = logging.getLogger("health_operator")

_CRD_SECONDS = 5.0


def main() -> int:
    """The process; its exit code."""
    set_up_logging("operator")
    logging.getLogger("kopf").setLevel(logging.WARNING)
    try:
        settings = from_env()
    except SettingsError as error:
        log.error("%s", error)
        return 2
    try:
        asyncio.run(run(settings))
    except OperatorError as error:
        log.error("%s", error)
        return 1
    except Exception:  # from kopf, whose watch gives up on what it does not understand; the kubelet tries again
        log.exception("ends")
        return 1
    return 0


async def run(settings: OperatorSettings) -> None:
    """Until SIGTERM or SIGINT; OperatorError when it cannot go on."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    health = liveness.Health()
    runner = await liveness.serve(health, settings)
    cluster = await Cluster.connect()
    cluster.on_write = lambda verb: metrics.WRITES.labels(verb).inc()
    try:
        await _until_first([stop.wait(), _serve_cluster(cluster, settings, health)])
    finally:
        await cluster.close()
        await runner.cleanup()


async def _serve_cluster(cluster: Cluster, settings: OperatorSettings, health: liveness.Health) -> None:
    await _wait_for_definition(cluster)
    health.is_ready = True
    lease = Lease(cluster, settings.namespace, settings.lease_name, settings.identity)
    await lease.acquire()
    cluster.may_write = lease.check
    metrics.LEADER.set(1)
    try:
        await _work(cluster, settings, health, lease)
    finally:
        with contextlib.suppress(ClusterError, LeaseLost):
            await lease.release()


async def _work(cluster: Cluster, settings: OperatorSettings, health: liveness.Health, lease: Lease) -> None:
    hearing, discovery, meter = Hearing(), Discovery(cluster), Meter(settings.slo_url)
    reconciler = Reconciler(cluster, Observer(cluster, discovery, meter.read), meter, settings)
    workers = Workers(reconciler.reconcile)
    for check in liveness.checks(hearing, workers):
        health.add(check)
    namespaces = settings.watch_namespaces
    watcher = kopf.operator(
        registry=handlers.registry(cluster, hearing, workers.wake),
        settings=handlers.kopf_settings(settings),
        standalone=True, clusterwide=not namespaces, namespaces=namespaces,
    )  # fmt: skip
    try:
        await _until_first([
            watcher,
            lease.keep(),
            watch_children(cluster, discovery, namespaces, workers.wake),
            liveness.compare_for_ever(cluster, hearing, namespaces, workers.wake),
            workers.broken(),
        ])  # fmt: skip
    finally:
        await workers.close()
        await meter.close()


async def _wait_for_definition(cluster: Cluster) -> None:
    """kopf looks for the kind once, at its start; so it must be there by then."""
    said = False
    while True:
        try:
            if PIPELINES.kind in await cluster.served(PIPELINES.api_version):
                return
            problem = f"the cluster does not know {PIPELINES.kind} ({PIPELINES.api_version}): install its definition"
        except ClusterError as error:
            problem = str(error)
        if not said:
            log.warning("waits: %s", problem)
            said = True
        await asyncio.sleep(_CRD_SECONDS)


async def _until_first(calls: list[Coroutine[Any, Any, Any]]) -> None:
    """Until one of them ends, well or not; the others are cancelled and waited for."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        done, _pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        await task


if __name__ == "__main__":
    sys.exit(main())
