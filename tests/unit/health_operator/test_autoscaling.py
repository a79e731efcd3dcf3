"""Which components are scaled, within what bounds, and what becomes of it in what is built and told."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from health_operator import autoscaling
from health_operator.manifests import Owner, desired
from health_operator.measures import parse
from health_operator.model import Measures
from health_operator.scaling import Scale, Trend
from health_operator.settings import Platform
from health_operator.state import State
from health_pipeline import HealthPipeline, SpecError, read_pipeline

AREAS = [
    {"name": f"area-{number}", "polygon": [[number, 0], [number + 1, 0], [number, 1]]} for number in range(3)
]  # fmt: skip
BOTH = {"dispatch": {"maximum": 9}, "landing": {"minimum": 2, "maximum": 40}}
NOW = 1_790_000_000.0


def pipeline(**spec: Any) -> HealthPipeline:
    sources = [{"name": name, "partitions": 3, "simulate": {"entities": 10}} for name in ("vitals", "vehicles")]
    document = {
        "apiVersion": "health-streaming.com/v1alpha1", "kind": "HealthPipeline", "metadata": {"name": "london"},
        "spec": {"sources": sources, "lake": {"bucket": "s3://london"}, **spec},
    }  # fmt: skip
    return read_pipeline(document)


def behind(seconds: float) -> Measures:
    return Measures(lags={"landing": seconds, "dispatch": 0.0})


def test_nothing_is_scaled_unless_the_spec_asks_for_it() -> None:
    assert autoscaling.bounds(pipeline()) == {}
    assert autoscaling.bounds(pipeline(autoscaling={})) == {}
    assert autoscaling.bounds(pipeline(autoscaling=BOTH, suspend=True)) == {}
    assert autoscaling.scaled(pipeline(), {"landing": Scale(3, NOW)}, {}, behind(99), NOW) == ({}, {})


def test_there_are_no_more_than_have_a_partition() -> None:
    found = autoscaling.bounds(pipeline(autoscaling=BOTH, dispatch={"areas": AREAS}))
    assert (found["dispatch"].minimum, found["dispatch"].maximum) == (1, 9)
    # Two sources of three partitions, three areas in alerts and dispatches, dead letters; two slots to an executor.
    assert (found["landing"].minimum, found["landing"].maximum) == (2, 7)
    most = {"dispatch": {"maximum": 64}}
    assert autoscaling.bounds(pipeline(autoscaling=most, dispatch={"areas": AREAS}))["dispatch"].maximum == 12
    assert autoscaling.bounds(pipeline(autoscaling=BOTH))["dispatch"].maximum == 1


def test_bounds_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(SpecError, match=r"spec\.autoscaling\.landing\.minimum: must not be beyond the maximum"):
        pipeline(autoscaling={"landing": {"minimum": 3, "maximum": 2}})


def test_landing_that_is_behind_gets_more_executors_and_it_is_told() -> None:
    it = pipeline(autoscaling=BOTH)
    scales: dict[str, Scale] = {}
    trends: dict[str, Trend] = {}
    first: dict[str, Scale] = {}
    said = []
    for look in range(40):
        before = scales
        scales, trends = autoscaling.scaled(it, scales, trends, behind(60 + 5.0 * look), NOW + 10 * look)
        first = first or scales
        said += autoscaling.events(before, scales)
    assert (first["landing"].replicas, first["dispatch"].replicas) == (2, 1), "executors begin with the least"
    assert scales["landing"].replicas == 4
    (event,) = said
    assert event.message.startswith("landing from 2 to 4: ")
    told = {each["name"]: each for each in autoscaling.told(it, scales)}
    assert told["landing"].items() >= {"replicas": 4, "minimum": 2, "maximum": 5}.items()
    assert told["landing"]["lastChange"].endswith("Z")
    manifests = desired(it, Platform(), Owner("v1", "HealthPipeline", "london", "uid"), scales={"landing": 4})
    instances = {
        each["metadata"]["name"]: each["spec"]["executor"]["instances"]
        for each in manifests
        if each["kind"] == "SparkApplication"
    }
    assert instances == {"london-landing": 4, "london-alerts": 1}


def test_dispatch_has_as_many_replicas_as_it_is_scaled_to() -> None:
    it = pipeline(autoscaling=BOTH, dispatch={"areas": AREAS})
    manifests = desired(it, Platform(), Owner("v1", "HealthPipeline", "london", "uid"), scales={"dispatch": 3})
    replicas = {
        each["metadata"]["name"]: each["spec"]["replicas"] for each in manifests if each["kind"] == "Deployment"
    }
    assert replicas.pop("london-dispatch") == 3
    assert set(replicas.values()) == {1}


def test_what_is_on_record_is_read_again() -> None:
    state = State(scales={"landing": Scale(3, NOW, "60 s behind", was_less=True, patience=2)})
    assert State.from_data(state.to_data()) == state
    older = {key: text for key, text in state.to_data().items() if key != "scales"}
    assert State.from_data(older) == dataclasses.replace(state, scales={})


def test_lags_are_read_from_what_the_watcher_says() -> None:
    assert parse({"lags": {"landing": 4, "dispatch": 0.5, "alerts": None, "lag": True}}).lags == {
        "landing": 4.0, "dispatch": 0.5,
    }  # fmt: skip
    assert parse({"lags": [1]}).lags == {}
