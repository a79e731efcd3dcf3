"""What Strimzi and the Spark operator bring to a cluster: their kinds, here without a schema, and their work, played.

No controller runs beside the API server of these tests. So what a Deployment, a Job or a Kafka comes to is written into
its status by ``Controllers``, as those who would look after it write it.
"""

from __future__ import annotations

from typing import Any

import httpx
from healthctl.embedded.waiting import wait_until

from tests.kubernetes.operator_process import Object, Space

DEPLOYMENTS, JOBS = "apps/v1/deployments", "batch/v1/jobs"
SPARK, STRIMZI = "sparkoperator.k8s.io/v1beta2", "kafka.strimzi.io/v1"
SPARK_APPLICATIONS, SCHEDULES = f"{SPARK}/sparkapplications", f"{SPARK}/scheduledsparkapplications"
KAFKAS, TOPICS = f"{STRIMZI}/kafkas", f"{STRIMZI}/kafkatopics"
KINDS = {
    SPARK: ("SparkApplication", "ScheduledSparkApplication"),
    STRIMZI: ("Kafka", "KafkaNodePool", "KafkaTopic", "KafkaUser"),
}
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_AT = "2026-01-01T00:00:00Z"


def define_others(http: httpx.Client, *versions: str) -> None:
    """Make the kinds of these versions known; returns when they are served."""
    for version in versions or tuple(KINDS):
        group, _, name = version.partition("/")
        for kind in KINDS[version]:
            response = http.post(_DEFINITIONS, json=_definition(group, name, kind))
            assert response.is_success or response.status_code == httpx.codes.CONFLICT, response.text
        assert wait_until(lambda version=version: _is_served(http, version), 30), f"{version} is not served"


def forget_others(http: httpx.Client, version: str) -> None:
    """Take the kinds of a version away again, with all objects of them."""
    group = version.partition("/")[0]
    for kind in KINDS[version]:
        http.delete(f"{_DEFINITIONS}/{kind.lower()}s.{group}")
    assert wait_until(lambda: http.get(f"/apis/{version}").status_code == httpx.codes.NOT_FOUND, 30)


class Controllers:
    """Plays those who look after the children in one namespace: all goes well at once."""

    def __init__(self, space: Space) -> None:
        self._space = space

    def run(self) -> None:
        """One round: everything is as it should be, until something is written anew."""
        self._report(DEPLOYMENTS, _available)
        self._report(JOBS, _complete)
        self._report(KAFKAS, _ready)
        self._report(TOPICS, _ready)
        self._report(SPARK_APPLICATIONS, lambda _: spark_status("RUNNING"))
        self._report(SCHEDULES, lambda _: {"pastSuccessfulRunNames": ["run-2"], "lastRunName": "run-2"})

    def _report(self, collection: str, status: Any) -> None:
        for item in self._space.list(collection):
            wanted = status(item)
            if item.get("status") != wanted and "deletionTimestamp" not in item["metadata"]:
                self._space.patch(collection, item["metadata"]["name"], {"status": wanted}, "status")


def spark_status(state: str) -> Object:
    """The status of an application in this state."""
    return {"applicationState": {"state": state}, "lastSubmissionAttemptTime": _AT}


def _available(item: Object) -> Object:
    count, generation = item["spec"]["replicas"], item["metadata"]["generation"]
    counts = dict.fromkeys(("replicas", "readyReplicas", "availableReplicas", "updatedReplicas"), count)
    return {**{name: value for name, value in counts.items() if value}, "observedGeneration": generation}


def _complete(_item: Object) -> Object:
    conditions = [
        {"type": kind, "status": "True", "lastTransitionTime": _AT, "lastProbeTime": _AT}
        for kind in ("SuccessCriteriaMet", "Complete")
    ]
    return {"succeeded": 1, "startTime": _AT, "completionTime": _AT, "conditions": conditions}


def _ready(item: Object) -> Object:
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": _AT}
    return {"observedGeneration": item["metadata"]["generation"], "conditions": [ready]}


def _definition(group: str, version: str, kind: str) -> Object:
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, this stands in for another project's"},
        },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "versions": [
                {
                    "name": version, "served": True, "storage": True, "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": {
                        "type": "object", "properties": {"spec": schema, "status": schema},
                    }},
                }
            ],
        },
    }  # fmt: skip


def _is_served(http: httpx.Client, version: str) -> bool:
    response = http.get(f"/apis/{version}")
    return response.is_success and {item["kind"] for item in response.json()["resources"]} >= set(KINDS[version])
