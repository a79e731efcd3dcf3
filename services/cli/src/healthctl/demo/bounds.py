"""How much data a demo is about: a pipeline whose every source comes to an end; pure."""

from __future__ import annotations

import dataclasses

from health_events import VEHICLES
from health_pipeline import HealthPipeline
from health_pipeline.quantities import Duration
from health_pipeline.spec import Source

from healthctl.errors import HealthctlError

# Vehicles drive on after the last reading, so that the orders that it leads to are still served.
_VEHICLES_LONGER_MS = 30_000


def bounded(pipeline: HealthPipeline, data: Duration) -> HealthPipeline:
    """The pipeline with ``data`` of each simulated source that has no duration of its own; of vehicles 30 s more.

    HealthctlError when a source is a real API: nobody can say when that ends.
    """
    real = [str(source.name) for source in pipeline.spec.sources if source.simulate is None]
    if real:
        raise HealthctlError(f"a demo must end, but {', '.join(real)} is a real API, which does not: use healthctl up")
    sources = tuple(_bounded(source, data) for source in pipeline.spec.sources)
    return dataclasses.replace(pipeline, spec=dataclasses.replace(pipeline.spec, sources=sources))


def length_s(pipeline: HealthPipeline) -> float:
    """Of the longest source of a bounded pipeline, in seconds."""
    durations = [source.simulate.duration for source in pipeline.spec.sources if source.simulate]
    return max(duration.seconds for duration in durations if duration)


def _bounded(source: Source, data: Duration) -> Source:
    if source.simulate is None or source.simulate.duration:
        return source
    longer = _VEHICLES_LONGER_MS if source.name == VEHICLES.name else 0
    return dataclasses.replace(source, simulate=dataclasses.replace(source.simulate, duration=Duration(data + longer)))
