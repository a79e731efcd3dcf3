"""What a spec must satisfy beyond each field by itself."""

from __future__ import annotations

from collections.abc import Iterator

from health_pipeline.spec import HealthPipelineSpec, Rule, Source

MIN_CORNERS = 3
COORDINATES = 2


def violations(spec: HealthPipelineSpec) -> Iterator[str]:
    """Every cross-field mistake, one line each, path first."""
    if not spec.sources:
        yield "spec.sources: at least one source is needed"
    yield from _unique("spec.sources", "name", [source.name for source in spec.sources])
    for index, source in enumerate(spec.sources):
        yield from _source(source, f"spec.sources[{index}]")
    if not spec.alerting.rules:
        yield "spec.alerting.rules: at least one rule is needed (leave the field out for the NEWS2 defaults)"
    for index, rule in enumerate(spec.alerting.rules):
        yield from _rule(rule, f"spec.alerting.rules[{index}]")
    if spec.kafka.mode == "external" and spec.kafka.external is None:
        yield "spec.kafka.external: needed with mode external"
    if spec.transform.engine == "glue":
        yield "spec.transform.engine: glue is not available yet, use spark"
    yield from _unique("spec.components", "name", [each.name for each in spec.components])
    yield from _unique("spec.dispatch.areas", "name", [area.name for area in spec.dispatch.areas])
    for index, area in enumerate(spec.dispatch.areas):
        if len(area.polygon) < MIN_CORNERS or any(len(corner) != COORDINATES for corner in area.polygon):
            yield f"spec.dispatch.areas[{index}].polygon: at least 3 corners, each [longitude, latitude]"


def _source(source: Source, path: str) -> Iterator[str]:
    if (source.endpoint is None) == (source.simulate is None):
        yield f"{path}: exactly one of endpoint and simulate is needed"


def _rule(rule: Rule, path: str) -> Iterator[str]:
    low, high = rule.at_or_below, rule.at_or_above
    if low is None and high is None:
        yield f"{path}: at least one of atOrBelow and atOrAbove is needed"
    if low is not None and high is not None and low >= high:
        yield f"{path}: atOrBelow {low:g} and atOrAbove {high:g} leave no normal value"


def _unique(path: str, key: str, names: list[str]) -> Iterator[str]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{path}: {key} {name} is given more than once"
