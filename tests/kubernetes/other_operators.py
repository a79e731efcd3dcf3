"""What other operators bring to a cluster: their kinds, by their own definitions, and their work, played.

No controller runs beside the API server of these tests. So what a Deployment, a Job or a Kafka comes to is written into
its status by ``Controllers``, as those who would look after it write it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from health_operator.kinds import CHILDREN, Kind
from healthctl.embedded.waiting import wait_until
from node.build import source
from node.versions import SPARK_OPERATOR_PROGRAM

from tests.kubernetes.apiserver import ApiServer
from tests.kubernetes.charts.definitions import prometheus_kinds
from tests.kubernetes.operator_process import Object, Space
from tests.kubernetes.strimzi.definitions import strimzi_definitions

DEPLOYMENTS, JOBS = "apps/v1/deployments", "batch/v1/jobs"
SPARK, STRIMZI = "sparkoperator.k8s.io/v1beta2", "kafka.strimzi.io/v1"
SPARK_APPLICATIONS, SCHEDULES = f"{SPARK}/sparkapplications", f"{SPARK}/scheduledsparkapplications"
KAFKAS, TOPICS = f"{STRIMZI}/kafkas", f"{STRIMZI}/kafkatopics"
_SPARK_CRDS = "charts/spark-operator-chart/crds"
_KNOWN_WITHIN_S = 30
_AT = "2026-01-01T00:00:00Z"


def define_others(kube: ApiServer) -> None:
    """Make the kinds of Strimzi, the Spark operator and the Prometheus operator known; returns when they are served."""
    files = [*_spark_definitions(), *strimzi_definitions(), *prometheus_kinds()]
    kube.kubectl("apply", "--server-side", *(f"--filename={file}" for file in files))
    with kube.client() as client:

        def is_served(kind: Kind) -> bool:
            return client.get(kind.path()).is_success

        for kind in (each for each in CHILDREN if each.is_custom):
            assert wait_until(partial(is_served, kind), _KNOWN_WITHIN_S), f"{kind.kind} is not served"


def forget_spark(kube: ApiServer) -> None:
    """Take the Spark operator's kinds away again, with all objects of them."""
    kube.kubectl("delete", *(f"--filename={file}" for file in _spark_definitions()))


def _spark_definitions() -> list[Path]:
    return list((source(SPARK_OPERATOR_PROGRAM) / _SPARK_CRDS).glob("*.yaml"))


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

    def collect(self) -> None:
        """The garbage collector: what is deleted in the foreground goes once nothing is left that it owns."""
        owners = {
            owner["uid"]
            for collection in (SPARK_APPLICATIONS, "v1/pods")
            for item in self._space.list(collection)
            for owner in item["metadata"].get("ownerReferences") or []
        }
        for collection in (DEPLOYMENTS, SCHEDULES):
            for item in self._space.list(collection):
                metadata = item["metadata"]
                if "foregroundDeletion" in metadata.get("finalizers", ()) and metadata["uid"] not in owners:
                    self._space.patch(collection, metadata["name"], {"metadata": {"finalizers": None}})

    def _report(self, collection: str, status: Callable[[Object], Object]) -> None:
        for item in self._space.list(collection):
            wanted = status(item)
            if item.get("status") != wanted and "deletionTimestamp" not in item["metadata"]:
                self._space.patch(collection, item["metadata"]["name"], {"status": wanted}, "status")


def spark_status(state: str) -> Object:
    """The status of an application in this state."""
    return {"applicationState": {"state": state}, "driverInfo": {}, "lastSubmissionAttemptTime": _AT}


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
