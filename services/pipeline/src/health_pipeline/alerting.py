"""From what a spec says of alerts and areas to what those are told who watch over them; pure."""

from __future__ import annotations

from health_pipeline import settings as told
from health_pipeline.spec import HealthPipelineSpec

_METRICS = {"heartRate": "heart_rate", "spo2": "spo2"}


def alert_rules(spec: HealthPipelineSpec) -> tuple[told.AlertRule, ...]:
    """What is abnormal, in the fields of vitals."""
    return tuple(
        told.AlertRule(
            metric=_METRICS[rule.metric],
            at_or_below=rule.at_or_below,
            at_or_above=rule.at_or_above,
            severity=rule.severity,
        )
        for rule in spec.alerting.rules
    )


def service_areas(spec: HealthPipelineSpec) -> tuple[told.ServiceArea, ...]:
    """The areas as they are written."""
    return tuple(told.ServiceArea(name=area.name, polygon=area.polygon) for area in spec.dispatch.areas)
