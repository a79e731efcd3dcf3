"""What alerts of Prometheus are made of: that nothing comes in, and that nobody knows, can be told apart."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from health_lag.metrics import Metrics
from health_lag.outcomes import Seen
from health_lag.readings import Readings
from health_lag.slo import WINDOW_S, Sample, Slo, Window, judge
from prometheus_client import REGISTRY

NOW = 1_790_000_000.0
NAMES = (f"metrics-{number}" for number in range(1000))


@pytest.fixture
def pipeline() -> str:
    return next(NAMES)


def exported(pipeline: str, name: str) -> dict[str, float]:
    """By component, or by nothing."""
    return {
        sample.labels.get("component", ""): sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == name and sample.labels.get("pipeline") == pipeline
    }


def shown(metrics: Metrics, pipeline: str, samples: Iterator[tuple[float, dict[str, Readings | None]]]) -> None:
    window = Window()
    for at, said in samples:
        window.add(Sample(at, said))
        metrics.show(judge(pipeline, window, Seen(), at))


def test_producers_that_die_are_neither_zero_events_nor_answers(pipeline: str) -> None:
    """As HealthDataStopped of charts/health-monitoring needs it, and as tests/monitoring/rules has it."""
    metrics = Metrics(pipeline)
    death = NOW + 60

    def samples() -> Iterator[tuple[float, dict[str, Readings | None]]]:
        for second in range(0, 60 + int(WINDOW_S) + 10, 2):
            alive = Readings(produced={"vitals": 100.0 * second}) if NOW + second < death else None
            yield NOW + second, {"producer-vitals": alive, "landing": Readings()}

    shown(metrics, pipeline, samples())
    (events,) = exported(pipeline, "health_slo_events_per_second").values()
    assert math.isnan(events)
    assert exported(pipeline, "health_slo_component_answers") == {"producer-vitals": 0, "landing": 1}


def test_a_lag_that_is_not_known_any_more_is_not_told_of(pipeline: str) -> None:
    metrics = Metrics(pipeline)
    metrics.show(Slo(pipeline, lags={"dispatch": 3.0, "alerts": 1.0}))
    metrics.show(Slo(pipeline, lags={"alerts": 2.0}))
    assert exported(pipeline, "health_component_lag_seconds") == {"alerts": 2}
