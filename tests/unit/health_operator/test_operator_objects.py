"""What Prometheus is told of pipelines."""

from __future__ import annotations

import pytest
from health_operator.objects import Objects, Told, targets
from health_pipeline.spec import Slo
from prometheus_client import CollectorRegistry, generate_latest

from tests.unit.health_operator.test_operator_status import known, told

LONDON = ("city", "london")


@pytest.fixture
def objects() -> Objects:
    return Objects()


def exposed(objects: Objects) -> list[str]:
    """The samples, as they are scraped."""
    registry = CollectorRegistry()
    registry.register(objects)
    return [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]


def sample(name: str, value: float, **labels: str) -> str:
    """One of the pipeline's, as it is scraped."""
    of = {"namespace": "city", "pipeline": "london", **labels}
    told = ",".join(f'{label}="{of[label]}"' for label in sorted(of))
    return f"health_operator_{name}{{{told}}} {float(value)}"


def test_of_no_pipeline_nothing_is_told(objects: Objects) -> None:
    assert exposed(objects) == []


def test_all_that_a_status_says_is_told(objects: Objects) -> None:
    status, _ = told(known())
    objects.tell(LONDON, Told(status, targets(Slo())))
    samples = exposed(objects)
    assert sample("pipeline", 1, phase="Running") in samples
    assert sample("component", 1, component="landing", state="Running") in samples
    assert len([line for line in samples if line.startswith("health_operator_condition")]) == 8 * 3
    for condition, value in (("True", 1), ("False", 0), ("Unknown", 0)):
        assert sample("condition", value, type="Ready", status=condition) in samples
    held_to = {"alert_latency": 0.25, "lag": 30, "freshness": 60}
    assert [line for line in samples if "slo_target" in line] == [
        sample("slo_target_seconds", seconds, slo=slo) for slo, seconds in held_to.items()
    ]


def test_a_pipeline_that_changes_is_told_of_as_it_is_now(objects: Objects) -> None:
    status, _ = told(known())
    objects.tell(LONDON, Told(status))
    objects.tell(LONDON, Told({"phase": "Deleting"}))
    assert exposed(objects) == [sample("pipeline", 1, phase="Deleting")]


def test_of_a_pipeline_that_is_gone_nothing_is_left(objects: Objects) -> None:
    objects.tell(LONDON, Told({"phase": "Deleting"}))
    objects.forget(LONDON)
    objects.forget(("city", "never-heard-of"))
    assert exposed(objects) == []
