"""One of several replicas is at work: the one that holds the Lease.

The holder renews its claim every few seconds. It stops writing when it has not managed to for ``RENEW_WITHIN`` seconds,
which is before anybody else may take over, ``DURATION`` seconds after the last renewal that they saw. Whether that time
is over each replica measures by its own clock, from when it saw the claim change: clocks need not agree.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import Any

from health_operator.cluster import Cluster, Object
from health_operator.errors import ClusterError, Conflict, LeaseLost
from health_operator.kinds import LEASES

log = logging.getLogger(__name__)

DURATION, RENEW_WITHIN, RENEW_EVERY = 15.0, 10.0, 3.0


class Lease:
    """A claim of ``identity`` to the Lease ``name``."""

    def __init__(self, cluster: Cluster, namespace: str, name: str, identity: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._renewed: float | None = None
        self._seen: tuple[Any, float] = (None, 0.0)  # the claim that was seen last, and since when

    def check(self) -> None:
        """LeaseLost when another replica may be at work by now."""
        if self._renewed is None or time.monotonic() - self._renewed > RENEW_WITHIN:
            raise LeaseLost(f"the lease {self._name} was not renewed within {RENEW_WITHIN:g} s")

    async def acquire(self) -> None:
        """Returns when the lease is ours."""
        waits = False
        while True:
            try:
                if await self._claim():
                    log.info("holds the lease %s/%s as %s", self._namespace, self._name, self._identity)
                    return
            except ClusterError as error:
                log.warning("lease %s/%s: %s", self._namespace, self._name, error)
            if not waits:
                log.info("stands by: another replica holds the lease %s/%s", self._namespace, self._name)
                waits = True
            await asyncio.sleep(RENEW_EVERY)

    async def keep(self) -> None:
        """Renews for ever; LeaseLost when that did not work for too long or somebody else has it."""
        while True:
            await asyncio.sleep(RENEW_EVERY)
            try:
                if not await self._claim():
                    raise LeaseLost(f"another replica holds the lease {self._name}")
            except ClusterError as error:
                log.warning("lease %s/%s: %s", self._namespace, self._name, error)
            self.check()

    async def release(self) -> None:
        """Let another replica begin at once rather than when the claim is over."""
        if self._renewed is None:
            return
        live = await self._cluster.get(LEASES, self._namespace, self._name)
        if live is not None and live["spec"].get("holderIdentity") == self._identity:
            await self._write(live, {"holderIdentity": None, "renewTime": _now()})

    async def _claim(self) -> bool:
        """Take the lease or renew it, if it is ours to take. Counts from before the request: it may take its time."""
        began = time.monotonic()
        live = await self._cluster.get(LEASES, self._namespace, self._name)
        try:
            if live is None:
                await self._cluster.create(LEASES, self._new())
            elif self._may_take(live["spec"], began):
                await self._write(live, self._spec(live["spec"]))
            else:
                return False
        except Conflict:
            return False if self._renewed is None else await self._is_ours()
        self._renewed = began
        return True

    async def _is_ours(self) -> bool:
        live = await self._cluster.get(LEASES, self._namespace, self._name)
        return live is not None and live["spec"].get("holderIdentity") == self._identity

    def _may_take(self, spec: Object, now: float) -> bool:
        holder = spec.get("holderIdentity")
        claim = (holder, spec.get("renewTime"))
        if self._seen[0] != claim:
            self._seen = (claim, now)
        is_over = now - self._seen[1] > float(spec.get("leaseDurationSeconds") or DURATION)
        return not holder or holder == self._identity or is_over

    def _new(self) -> Object:
        metadata = {"name": self._name, "namespace": self._namespace}
        return {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": metadata, "spec": self._spec({})}

    def _spec(self, before: Object) -> Object:
        changes_hands = before.get("holderIdentity") != self._identity
        spec = {"holderIdentity": self._identity, "leaseDurationSeconds": int(DURATION), "renewTime": _now()}
        if changes_hands:
            spec |= {"acquireTime": _now(), "leaseTransitions": int(before.get("leaseTransitions") or 0) + bool(before)}
        return spec

    async def _write(self, live: Object, spec: Object) -> None:
        version = live["metadata"]["resourceVersion"]
        change = {"metadata": {"resourceVersion": version}, "spec": spec}
        await self._cluster.merge(LEASES, self._namespace, self._name, change)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
