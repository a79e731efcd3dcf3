"""Where the pods of a pipeline run, and whom they may push aside, in the words of Kubernetes and of Strimzi."""

from __future__ import annotations

from health_pipeline.spec_scheduling import Scheduling, Toleration

from health_operator.manifests.context import Context, Manifest

# Kubernetes waits five minutes before it gives up a node that does not answer. Nobody who waits for an ambulance does.
_GIVE_UP_S = 30
_GONE = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def of_pod(context: Context) -> Manifest:
    """Fields of the spec of a pod of ours."""
    asked = context.pipeline.spec.scheduling
    given_up = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _GIVE_UP_S} for key in _GONE
    ]
    found: Manifest = {"tolerations": [*given_up, *map(_tolerated, asked.tolerations)]}
    if asked.node_selector:
        found["nodeSelector"] = {label.key: label.value for label in asked.node_selector}
    return found | _priority(asked)


def of_strimzi(context: Context) -> Manifest:
    """Fields of Strimzi's template of a pod, which knows no nodeSelector; nothing where nothing is asked for."""
    asked = context.pipeline.spec.scheduling
    found: Manifest = {}
    if asked.tolerations:
        found["tolerations"] = [_tolerated(each) for each in asked.tolerations]
    if asked.node_selector:
        on = [{"key": label.key, "operator": "In", "values": [label.value]} for label in asked.node_selector]
        required = {"nodeSelectorTerms": [{"matchExpressions": on}]}
        found["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    return found | _priority(asked)


def _priority(asked: Scheduling) -> Manifest:
    return {"priorityClassName": asked.priority_class_name} if asked.priority_class_name else {}


def _tolerated(asked: Toleration) -> Manifest:
    found: Manifest = {"key": asked.key, "operator": "Exists"}
    if asked.value is not None:
        found |= {"operator": "Equal", "value": asked.value}
    return found | ({"effect": asked.effect} if asked.effect else {})
