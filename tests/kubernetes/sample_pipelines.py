"""A small pipeline, and what is said of it."""

from __future__ import annotations

from typing import Any

from tests.kubernetes.operator_process import Object, Space

PIPELINES = "health-streaming.com/v1alpha1/healthpipelines"  # the collection


def pipeline(name: str, **spec: Any) -> Object:
    """Three simulated sources; ``spec`` replaces whole fields."""
    sources = [{"name": source, "simulate": {"entities": 10}} for source in ("vitals", "vehicles", "weather")]
    return {
        "apiVersion": "health-streaming.com/v1alpha1",
        "kind": "HealthPipeline",
        "metadata": {"name": name},
        "spec": {"sources": sources, "lake": {"bucket": "s3://london-lake"}, **spec},
    }


def condition(space: Space, kind: str, name: str = "london") -> Object:
    """A condition of the pipeline; empty before there is one."""
    status = space.get(PIPELINES, name).get("status") or {}
    return next((item for item in status.get("conditions") or [] if item["type"] == kind), {})


def reason(space: Space, kind: str, name: str = "london") -> str:
    """Why a condition is as it is."""
    return str(condition(space, kind, name).get("reason", ""))


def is_true(space: Space, kind: str, name: str = "london") -> bool:
    """Whether a condition holds."""
    return condition(space, kind, name).get("status") == "True"


def events(space: Space) -> list[str]:
    """Reasons of the events about pipelines in the namespace."""
    return [event["reason"] for event in space.list("v1/events") if event["involvedObject"]["kind"] == "HealthPipeline"]
