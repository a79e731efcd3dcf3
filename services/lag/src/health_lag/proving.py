"""Canaries through the real path: one to each partition of vitals at a time, and what their alerts prove."""

from __future__ import annotations

import time

from health_events import ALERTS, VITALS, encode, group_name, topic_name
from health_pipeline.settings import LagSettings

from health_lag import canary
from health_lag.canaries import Canaries
from health_lag.kafka import Group, Sender
from health_lag.metrics import Metrics

_COMMIT_EVERY_S = 5.0  # as often as most consumers do
# What canaries have told is true for so many intervals when no more of them are written, and for a minute at least.
_VALID_INTERVALS, _VALID_S = 3, 60.0
_ANY_PARTITION = -1


class Prover:
    """Sends the canaries that are due. Where alerts run in Real-time Mode it tells how far they are behind, which
    nobody else knows, and commits to their consumer group what they have processed.
    """

    def __init__(self, settings: LagSettings, canaries: Canaries, metrics: Metrics) -> None:
        self._settings, self._canaries, self._metrics = settings, canaries, metrics
        self._sign = canary.abnormal(settings.rules)
        self._topic = topic_name(settings.pipeline, VITALS)
        self._sender = Sender(settings, self._topic, canaries)
        self._group: Group | None = None
        if self.is_on and settings.realtime_alerts:
            self._group = Group(settings, self._topic, group_name(settings.pipeline, ALERTS.name))
        self._has_begun = False
        self._next_canary = self._next_commit = 0.0
        interval_s = settings.canary_interval_s
        self._valid_for_ms = 1000 * max(_VALID_INTERVALS * interval_s, _VALID_S)

    @property
    def is_on(self) -> bool:
        """Whether there are canaries: they are wanted, and a possible reading breaks one of the rules."""
        return self._sign is not None and self._settings.canary_interval_s > 0

    def send(self) -> None:
        """Send what is due."""
        if self.is_on and time.monotonic() >= self._next_canary:
            self._next_canary = time.monotonic() + self._settings.canary_interval_s
            for partition in self._sender.partitions() or (_ANY_PARTITION,):
                self._send(partition)

    def hear(self) -> None:
        """Hear what became of what was sent."""
        self._sender.serve()

    def tell(self) -> None:
        """What the canaries prove, now that all alerts are read that there are."""
        now_ms = time.time_ns() // 1_000_000
        if not self.is_on:
            return
        self._metrics.canaries(self._canaries, now_ms)
        if self._group is None:
            return
        self._metrics.partitions(self._topic, self._canaries.lags(now_ms, self._valid_for_ms))
        if time.monotonic() >= self._next_commit:
            self._next_commit = time.monotonic() + _COMMIT_EVERY_S
            self._commit(self._group)

    def close(self) -> None:
        """Send no more."""
        self._sender.close()
        if self._group is not None:
            self._group.close()

    def _commit(self, group: Group) -> None:
        if not self._has_begun:
            before = group.committed()
            if before is None:
                return
            self._canaries.begin(before)
            self._has_begun = True
        if self._canaries.processed:
            group.commit(self._canaries.processed)

    def _send(self, partition: int) -> None:
        now_ms = time.time_ns() // 1_000_000
        record = canary.reading(max(partition, 0), self._settings, self._sign or {}, now_ms)
        self._canaries.sent(record["event_id"], now_ms)
        self._sender.send(record["event_id"], record[VITALS.key], encode(record), partition)
        self._metrics.canary_sent()
