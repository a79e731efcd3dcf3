"""Names, labels and annotations, each written once."""

from __future__ import annotations

GROUP, VERSION, PLURAL = "health-streaming.com", "v1alpha1", "healthpipelines"
FIELD_MANAGER = "health-operator"
FINALIZER = f"{GROUP}/operator"

# On every child. With them, what belongs to a pipeline is found again, whoever has made it.
MANAGED_BY = {"app.kubernetes.io/managed-by": FIELD_MANAGER}
PIPELINE_LABEL = f"{GROUP}/pipeline"
COMPONENT_LABEL = "app.kubernetes.io/component"

# The ClusterRole of Spark's drivers, made by the chart: the only one that the operator may bind.
SPARK_DRIVER_ROLE = "health-spark-driver"

# On every child: a digest of what was applied, so that a resync needs no write to know that nothing is new.
APPLIED_HASH = f"{GROUP}/applied"
# On a pipeline, by its user.
PAUSED = f"{GROUP}/paused"  # "true": nothing is changed
APPROVED = f"{GROUP}/approve-new-checkpoint"  # the generation whose edit may begin anew
ROLLBACK = f"{GROUP}/rollback"  # "last-stable": put the last stable spec back


def child_name(pipeline: str, component: str) -> str:
    """Name of the objects of a component: ``london-producer-vitals``."""
    return f"{pipeline}-{component}"


def labels(pipeline: str, component: str) -> dict[str, str]:
    """On every child; the first two and the component also select its pods."""
    return {**selector(pipeline, component), **MANAGED_BY, PIPELINE_LABEL: pipeline}


def selector(pipeline: str, component: str) -> dict[str, str]:
    """What selects the pods of a component."""
    return {
        "app.kubernetes.io/name": "health-pipeline",
        "app.kubernetes.io/instance": pipeline,
        COMPONENT_LABEL: component,
    }
