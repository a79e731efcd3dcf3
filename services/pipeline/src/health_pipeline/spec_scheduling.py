"""What a spec says of where its pods run, and whom they may push aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from health_pipeline.spec_fields import OBJECT_NAME, spec

# Of a label or a taint: an optional domain, and a name.
_LABEL_KEY = r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?"
_LABEL_VALUE = r"([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?"
_LONGEST_KEY, _LONGEST_VALUE = 317, 63


@dataclass(frozen=True)
class NodeLabel:
    """A label that a node must have."""

    key: str = spec("Its key", pattern=_LABEL_KEY, maximum=_LONGEST_KEY)
    value: str = spec("Its value", "", pattern=_LABEL_VALUE, maximum=_LONGEST_VALUE)


@dataclass(frozen=True)
class Toleration:
    """A taint of nodes that does not keep the pods away."""

    key: str = spec("Its key", pattern=_LABEL_KEY, maximum=_LONGEST_KEY)
    value: str | None = spec("Its value; any when absent", None, pattern=_LABEL_VALUE, maximum=_LONGEST_VALUE)
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = spec("Its effect; any when absent", None)


@dataclass(frozen=True)
class Scheduling:
    """Where pods run, on Kubernetes: all of the pipeline's, also those of Spark and of its own Kafka."""

    priority_class_name: str | None = spec("Their PriorityClass; the cluster's default when absent", None,
                                           pattern=OBJECT_NAME, maximum=253)  # fmt: skip
    node_selector: tuple[NodeLabel, ...] = spec("Labels of the nodes that they may be on", (), maximum=16, key="key")
    tolerations: tuple[Toleration, ...] = spec("Taints that they put up with", (), maximum=16)
