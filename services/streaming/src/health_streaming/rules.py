"""The rules of a pipeline as one Spark SQL expression; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from health_events import VITALS
from health_pipeline.settings import AlertRule


def broken_sql(rules: Sequence[AlertRule]) -> str:
    """An expression over the columns of vitals: the rules that a reading breaks, an array, in the rules' order.

    Its items are structs ``metric, value, rule, severity``. A metric that the watch did not send breaks nothing.
    """
    items = ", ".join(_broken(metric, bound, severity) for metric, bound, severity in _bounds(rules))
    return f"filter(array({items}), item -> item IS NOT NULL)"


def _bounds(rules: Sequence[AlertRule]) -> Iterator[tuple[str, str, str]]:
    """(metric, bound, severity) of each half of each rule: one reading cannot break both."""
    for rule in rules:
        VITALS.field(rule.metric)  # KeyError: no such column
        if rule.at_or_below is not None:
            yield rule.metric, f"<= {rule.at_or_below:.12g}", rule.severity
        if rule.at_or_above is not None:
            yield rule.metric, f">= {rule.at_or_above:.12g}", rule.severity


def _broken(metric: str, bound: str, severity: str) -> str:
    reading = f"named_struct('metric', '{metric}', 'value', {metric}, 'rule', '{metric} {bound}', "
    return f"IF({metric} {bound}, {reading} 'severity', '{severity}'), NULL)"
