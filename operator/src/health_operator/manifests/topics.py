"""The topics where no Strimzi makes them: a Job, so that the operator needs no Kafka client."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

from health_pipeline.components import kafka_secrets, topics_settings

from health_operator import naming
from health_operator.bindings import has_own_kafka
from health_operator.manifests import pods
from health_operator.manifests.accounts import account_name
from health_operator.manifests.model import Build, Manifest

COMPONENT = "topics"
_BACKOFF = 6


def topics_job(build: Build) -> Manifest | None:
    """Makes the topics, and grows them. Its name hangs on what it does: another spec is another Job, as none can be
    changed."""
    if has_own_kafka(build.pipeline, build.platform):
        return None
    template = {"metadata": {"labels": naming.labels(build.pipeline.name, COMPONENT)}, "spec": _pod(build)}
    digest = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:8]
    made = build.manifest("batch/v1", "Job", COMPONENT, name=f"{COMPONENT}-{digest}")
    made["spec"] = {"backoffLimit": _BACKOFF, "template": template}
    return made


def _pod(build: Build) -> dict[str, Any]:
    settings = topics_settings(build.pipeline, build.bindings)
    if build.platform.stand_ins.kafka and build.pipeline.spec.kafka.mode == "strimzi":
        settings = dataclasses.replace(settings, replication=1)  # what stands in is a single broker
    volumes, mounts = pods.volumes(build, kafka=True)
    container = {
        "name": COMPONENT,
        "image": build.platform.image("producer"),
        "imagePullPolicy": build.platform.pull_policy,
        "command": ["/usr/bin/tini", "--", "python", "-m", "health_producer.topics"],
        "env": pods.variables(settings.to_env(), kafka_secrets(build.pipeline)),
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": pods.CONTAINER_SECURITY,
        "volumeMounts": mounts,
    }
    return {
        "restartPolicy": "OnFailure",
        "serviceAccountName": account_name(build.pipeline.name, COMPONENT),
        "automountServiceAccountToken": False,
        "securityContext": pods.POD_SECURITY,
        "volumes": volumes,
        "containers": [container],
        **pods.pull(build),
    }
