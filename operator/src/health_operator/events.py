"""Events about a pipeline, for ``kubectl describe``. The same news is one event with a count, whoever sends it when."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterable
from typing import Any

from health_operator.cluster import Cluster, Object
from health_operator.conditions import shortened
from health_operator.errors import ClusterError, Conflict
from health_operator.kinds import EVENTS
from health_operator.model import Event
from health_operator.naming import FIELD_MANAGER
from health_operator.times import now as now_text

log = logging.getLogger(__name__)

# The same news again within this time is not even counted: it would be a write at every look.
_QUIET_SECONDS = 600.0


class Events:
    """Sends them. An event that cannot be sent is logged, never in the way."""

    def __init__(self, cluster: Cluster, instance: str) -> None:
        self._cluster = cluster
        self._instance = instance
        self._sent: dict[str, float] = {}

    async def send(self, live: Object, events: Iterable[Event]) -> None:
        """In order; repeated ones are counted."""
        for event in events:
            name = _name(live, event)
            now = time.monotonic()
            if now - self._sent.get(name, -_QUIET_SECONDS) < _QUIET_SECONDS:
                continue
            self._sent = {key: at for key, at in self._sent.items() if now - at < _QUIET_SECONDS} | {name: now}
            metadata = live["metadata"]
            level = logging.WARNING if event.is_warning else logging.INFO
            log.log(level, "%s/%s: %s: %s", metadata["namespace"], metadata["name"], event.note, event.message)
            try:
                await self._post(live, event, name)
            except ClusterError as error:
                log.info("an event could not be sent: %s", error)

    async def _post(self, live: Object, event: Event, name: str) -> None:
        namespace, at = live["metadata"]["namespace"], now_text()
        try:
            await self._cluster.create(EVENTS, self._manifest(live, event, name, at))
        except Conflict:
            known = await self._cluster.get(EVENTS, namespace, name)
            count = int((known or {}).get("count") or 1) + 1
            await self._cluster.merge(EVENTS, namespace, name, {"count": count, "lastTimestamp": at})

    def _manifest(self, live: Object, event: Event, name: str, at: str) -> dict[str, Any]:
        metadata = live["metadata"]
        return {
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.kind,
            "metadata": {"name": name, "namespace": metadata["namespace"]},
            "involvedObject": {
                "apiVersion": live["apiVersion"], "kind": live["kind"], "name": metadata["name"],
                "namespace": metadata["namespace"], "uid": metadata["uid"],
            },
            "type": "Warning" if event.is_warning else "Normal",
            "reason": event.note.value,
            "message": shortened(event.message),
            "source": {"component": FIELD_MANAGER},
            "reportingComponent": FIELD_MANAGER,
            "reportingInstance": self._instance,
            "firstTimestamp": at,
            "lastTimestamp": at,
            "count": 1,
        }  # fmt: skip


def _name(live: Object, event: Event) -> str:
    text = f"{live['metadata']['uid']} {event.note} {event.message}"
    return f"{live['metadata']['name']}.{hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"
