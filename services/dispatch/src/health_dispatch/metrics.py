"""What dispatch measures; the names are part of the platform's interface."""

from __future__ import annotations

import numpy as np
from health_events.catalogue import OUTCOMES
from health_pipeline.telemetry import LATENCY_BUCKETS
from prometheus_client import Counter, Gauge, Histogram

from health_dispatch.state import Ignored, State

_ALERT_LATENCY = Histogram(
    "health_alert_latency_seconds", "From the reading to its alert on Kafka", ["pipeline"], buckets=LATENCY_BUCKETS
)
_DISPATCH_LATENCY = Histogram(
    "health_dispatch_latency_seconds",
    "From the reading to the committed dispatch, of alerts that did not have to wait for a vehicle",
    ["pipeline"],
    buckets=LATENCY_BUCKETS,
)
_DECISIONS = Counter("health_dispatch", "Decisions committed", ["pipeline", "outcome"])
_CANARIES = Counter("health_dispatch_canaries", "Canary alerts that came as far as dispatch", ["pipeline"])
_IGNORED = Counter("health_dispatch_reports_ignored", "Reports that make no vehicle available", ["pipeline", "reason"])
_BAD = Counter("health_dispatch_bad_records", "Records that break the contract", ["pipeline", "topic"])
_ABORTED = Counter("health_dispatch_aborted", "Transactions undone and decided again", ["pipeline"])
_VEHICLES = Gauge("health_dispatch_vehicles", "Vehicles that can take a patient", ["pipeline", "state"])
_WAITING = Gauge("health_dispatch_waiting_alerts", "Unassigned alerts that are tried again", ["pipeline"])


class Metrics:
    """The metrics of one pipeline. Times in ms."""

    def __init__(self, pipeline: str) -> None:
        self._pipeline = pipeline
        # A counter that begins with its first event shows no increase: there was nothing to compare it with.
        for outcome in OUTCOMES:
            _DECISIONS.labels(pipeline, outcome)
        for reason in Ignored:
            _IGNORED.labels(pipeline, str(reason))
        _CANARIES.labels(pipeline)
        _ABORTED.labels(pipeline)

    def alert(self, latency_ms: int, *, is_canary: bool) -> None:
        """An alert came for the first time."""
        _ALERT_LATENCY.labels(self._pipeline).observe(latency_ms / 1000)
        if is_canary:
            _CANARIES.labels(self._pipeline).inc()

    def decision(self, outcome: str, latency_ms: int | None) -> None:
        """A decision is committed; with its latency when it is about an alert that has just come."""
        _DECISIONS.labels(self._pipeline, outcome).inc()
        if outcome == "dispatched" and latency_ms is not None:
            _DISPATCH_LATENCY.labels(self._pipeline).observe(latency_ms / 1000)

    def report_ignored(self, reason: Ignored) -> None:
        """A vehicle's report was of no use."""
        _IGNORED.labels(self._pipeline, str(reason)).inc()

    def bad_record(self, topic: str) -> None:
        """A record could not be read."""
        _BAD.labels(self._pipeline, topic).inc()

    def aborted(self) -> None:
        """A transaction was undone."""
        _ABORTED.labels(self._pipeline).inc()

    def show(self, state: State) -> None:
        """The gauges."""
        idle = int(np.count_nonzero(state.fleet.is_free))
        _VEHICLES.labels(self._pipeline, "idle").set(idle)
        _VEHICLES.labels(self._pipeline, "busy").set(len(state.fleet) - idle)
        _WAITING.labels(self._pipeline).set(len(state.waiting))
