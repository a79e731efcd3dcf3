"""How many of a component there may be, as its load changes; a part of ``spec``."""

from __future__ import annotations

from dataclasses import dataclass

from health_pipeline.quantities import Duration
from health_pipeline.spec_fields import spec


@dataclass(frozen=True)
class Replicas:
    """Bounds of how many there are."""

    maximum: int = spec("At most", minimum=1, maximum=64)
    minimum: int = spec("At least", 1, minimum=1, maximum=64)


@dataclass(frozen=True)
class Autoscaling:
    """On Kubernetes: as many as it takes to catch up in time, and fewer only after a calm."""

    dispatch: Replicas | None = spec(
        "Replicas of dispatch; no more than alerts have partitions, and one without areas", None
    )
    landing: Replicas | None = spec("Spark executors of landing; no more than have a partition to read", None)
    target_lag: Duration = spec("A lag up to this is none; above landing's trigger interval", Duration(30_000),
                                minimum=1000)  # fmt: skip
    catch_up: Duration = spec("Within which a lag is to be gone", Duration(300_000), minimum=10_000)
    scale_down_delay: Duration = spec("So long without a lag before one is taken away", Duration(600_000),
                                      minimum=60_000)  # fmt: skip
