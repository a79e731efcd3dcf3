"""How much CPU and memory a part is given.

CPU is reserved and never limited: a limit would stop an alert in the middle of a burst on an idle node. What is
reserved also says who goes first on a busy one, so what is urgent reserves more (see health_pipeline.Priority).
"""

from __future__ import annotations

from fractions import Fraction

from health_pipeline import Component, Priority

from health_operator.manifests.context import Context, Manifest, stage_of

_CPU = {Priority.REALTIME: "100m", Priority.BACKGROUND: "50m", Priority.BATCH: "25m"}
# Reserved, and at most. The simulator remembers up to 256 MiB of each source, for clients that come back.
_MEMORY = {"simulator": ("256Mi", "2Gi"), "producer": ("128Mi", "384Mi"), "dispatch": ("128Mi", "512Mi"),
           "catalog": ("160Mi", "512Mi"), "transform": ("160Mi", "512Mi"),
           "warehouse": ("192Mi", "512Mi"), "lag": ("128Mi", "384Mi"),
           "console": ("128Mi", "384Mi"), "topics": ("64Mi", "256Mi")}  # fmt: skip

# Of what a spec reserves for a Spark application: alerts get all of it, landing and transform less.
_SHARE = {Priority.REALTIME: Fraction(1), Priority.BACKGROUND: Fraction(1, 2), Priority.BATCH: Fraction(1, 4)}

# Beside the heap, in MiB: Java's own share of it and at least so much; a driver's Python; an executor's Python workers,
# which hold the rows of a task.
_HEAP_SHARE, _LEAST, _DRIVER_PYTHON, _WORKER = Fraction(1, 10), 384, 256, 256


def container_resources(context: Context, component: Component) -> Manifest:
    """Of a container that is no Spark."""
    return stage_resources(context, stage_of(component), component.priority)


def job_resources(context: Context) -> Manifest:
    """Of the job that makes topics; everything waits for it."""
    return stage_resources(context, "topics", Priority.REALTIME)


def spark_cores(asked: str | None, cores: int, priority: Priority) -> str:
    """CPU to reserve for a driver or an executor with so many cores: ``1``, 2, BACKGROUND -> ``500m``."""
    return f"{max(1, int(_millicores(asked or str(cores)) * _SHARE[priority]))}m"


def driver_overhead(memory: str) -> str:
    """What a driver needs beyond a heap of this size, as Spark writes it."""
    return f"{_beside_heap(memory) + _DRIVER_PYTHON}m"


def executor_overhead(memory: str, cores: int, *, python: bool) -> str:
    """What an executor needs beyond its heap; ``python``: each core has a worker."""
    return f"{_beside_heap(memory) + (_WORKER * cores if python else 0)}m"


def stage_resources(context: Context, stage: str, priority: Priority) -> Manifest:
    """Of a container that belongs to a stage."""
    asked = context.asked(stage)
    reserved, limit = _MEMORY[stage]
    if asked and asked.memory:
        reserved = limit = asked.memory
    cpu = asked.cpu if asked and asked.cpu else _CPU[priority]
    return {"requests": {"cpu": cpu, "memory": reserved}, "limits": {"memory": limit}}


def _millicores(text: str) -> Fraction:
    return Fraction(text.removesuffix("m")) if text.endswith("m") else Fraction(text) * 1000


def _beside_heap(memory: str) -> int:
    mib = int(memory[:-1]) * (1024 if memory.endswith("g") else 1)
    return max(_LEAST, int(mib * _HEAP_SHARE))
