"""A step of load that is too much for landing on a cluster: an executor more, no more than may be, then one fewer.

The step is taken by the other end: its executor gets a tenth of the time, for one at full speed does more than the
other parts can send on a small node. What is new after a change is as fast as it is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e import kube
from tests.e2e.conftest import NAMESPACE
from tests.e2e.pipeline import Pipeline
from tests.e2e_faults import cluster
from tests.monitoring import stalls

LANDING = "landing"
READY_S, SCALED_S = 600.0, 300.0
DELAY_S, LONG_AGO_S = 60.0, 3600.0
# Above the trigger interval, below what a slow batch takes.
AUTOSCALING = {
    "landing": {"minimum": 1, "maximum": 2},
    "targetLag": "7s",
    "catchUp": "10s",
    "scaleDownDelay": f"{DELAY_S:.0f}s",
}


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    """The small one of the stalls; the transform is of no interest."""
    document = stalls.document("microbatch")
    document["metadata"]["name"] = "steps"
    document["spec"] |= {"autoscaling": AUTOSCALING, "transform": {"schedule": "0 0 1 1 *"}}
    with cluster.applied(document) as applied:
        applied.wait_for("DataFlowing", READY_S)
        yield applied


def told(pipeline: Pipeline) -> dict[str, Any]:
    """What the status says of landing."""
    scales: list[dict[str, Any]] = pipeline.resource().get("status", {}).get("autoscaling") or []
    return next((each for each in scales if each["name"] == LANDING), {})


def executors(pipeline: Pipeline) -> list[str]:
    """The names of those that run."""
    pods = cluster.running(pipeline, LANDING)
    return [pod["metadata"]["name"] for pod in pods if pod["metadata"]["labels"].get("spark-role") == "executor"]


def is_scaled_to(pipeline: Pipeline, count: int) -> bool:
    """In the status, in the Spark application, and by executors that run."""
    application = kube.get("sparkapplication", f"{pipeline.name}-{LANDING}", NAMESPACE) or {"spec": {"executor": {}}}
    asked = application["spec"]["executor"].get("instances")
    assert told(pipeline).get("replicas", 1) <= AUTOSCALING["landing"]["maximum"]  # type: ignore[index]
    return bool(told(pipeline).get("replicas") == asked == len(executors(pipeline)) == count)


def has_settled(pipeline: Pipeline) -> None:
    """As if the last change was long ago: the record says when it was."""
    name = f"{pipeline.name}-state"
    record = kube.get("configmap", name, NAMESPACE)
    assert record is not None
    scales = json.loads(record["data"]["scales"])
    scales[LANDING]["since"] -= LONG_AGO_S
    text = json.dumps(scales, sort_keys=True, separators=(",", ":"))
    kube.kubectl(
        "patch", "configmap", name, "-n", NAMESPACE, "--type=merge", "-p", json.dumps({"data": {"scales": text}})
    )


def test_landing_follows_its_load_within_its_bounds(pipeline: Pipeline) -> None:
    kube.wait_for("one executor, as long as all is well", lambda: is_scaled_to(pipeline, 1), READY_S)
    assert (told(pipeline)["minimum"], told(pipeline)["maximum"]) == (1, 2)
    has_settled(pipeline)
    with cluster.slowed(executors(pipeline)):
        kube.wait_for("an executor more", lambda: is_scaled_to(pipeline, 2), SCALED_S)
    assert "s behind at" in told(pipeline)["reason"]
    has_settled(pipeline)
    calm_since = time.monotonic()
    kube.wait_for("one executor again", lambda: told(pipeline)["replicas"] == 1, SCALED_S)
    assert time.monotonic() - calm_since >= DELAY_S
    assert told(pipeline)["reason"].startswith("not behind for")
    kube.wait_for("the other has gone", lambda: is_scaled_to(pipeline, 1), SCALED_S)
    events = [each for each in kube.items("events", NAMESPACE) if each["reason"] == "Scaled"]
    assert sum(each.get("count") or 1 for each in events if each["involvedObject"]["name"] == pipeline.name) == 2
