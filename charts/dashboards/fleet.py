"""All pipelines at a glance: for whoever wants to know which one to look at."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from charts.dashboards import parts
from charts.dashboards.parts import Column, Panel, Query, choice, figure, lines, row, rows

_OF = 'namespace=~"$namespace"'
_KEY = ("namespace", "pipeline")
_NAME = "{{namespace}}/{{pipeline}}"


def board() -> Dashboard:
    """The dashboard."""
    return parts.board(
        "health-fleet",
        "Health pipelines: fleet",
        "All pipelines: which of them need somebody to look at them.",
        [choice("namespace", "Namespace", "label_values(health_operator_pipeline, namespace)", several=True)],
        [*_figures(), _table(), *_curves()],
    )


def _figures() -> list[Panel]:
    ready = f'health_operator_condition{{{_OF}, type="Ready", status="True"}}'
    met = f'health_operator_condition{{{_OF}, type="SLOMet", status="False"}}'
    return [
        figure("Pipelines", "That there are", "short", Query(f"count(health_operator_pipeline{{{_OF}}})")),
        figure("Not ready", "Suspended ones among them", "short", Query(f"count({ready}) - sum({ready})"), bad_from=1),
        figure("Missing a target", "Condition SLOMet is False", "short", Query(f"sum({met})"), bad_from=1),
        figure("Alerts that fire", "Of this project's rules", "short",
               Query('count(ALERTS{alertname=~"Health.+", alertstate="firing"}) or vector(0)'), bad_from=1),
        figure("Events", "Given to Kafka by all producers", "cps",
               Query(f"sum(health_slo_events_per_second{{{_OF}}} >= 0)")),
        figure("Vehicles sent", "In the last hour", "short",
               Query(f'sum(increase(health_dispatch_total{{{_OF}, outcome="dispatched"}}[1h]))')),
    ]  # fmt: skip


def _table() -> Panel:
    columns = [
        Column("Ready", _latest("health_operator_condition", 'type="Ready", status="True"')),
        Column("Events", _latest("health_slo_events_per_second"), "cps"),
        Column("Lag", _latest("health_slo_lag_seconds"), "s", 1, 30),
        Column("Alert p50", _latest("health_slo_alert_latency_seconds", 'quantile="0.5"'), "s", 0),
        Column("Alert p99", _latest("health_slo_alert_latency_seconds", 'quantile="0.99"'), "s", 0, 0.25),
        Column("Dispatch p99", _latest("health_slo_dispatch_latency_seconds", 'quantile="0.99"'), "s", 0),
        Column("Freshness", _latest("health_slo_freshness_seconds"), "s", 0, 60),
        Column("Canary", _latest("health_canary_age_seconds"), "s", 0, 120),
        Column("Dead letters", _latest("health_slo_records", 'kind="dead_letters"')),
        Column("Alert budget used", _used("alert_latency"), "percentunit", 0, 1),
        Column("Freshness budget used", _used("freshness"), "percentunit", 0, 1),
    ]
    doc = "How each does now. Red is beyond the usual targets; each pipeline's own are on its dashboard."
    return rows("Pipelines", doc, _KEY, columns)


def _curves() -> list[Panel]:
    p99 = 'quantile="0.99"'
    return [
        row("Over time"),
        lines("Events", "Given to Kafka", "cps", Query(_latest("health_slo_events_per_second"), _NAME)),
        lines("Alerts: p99 from the reading", "Of the last minute; canaries among them", "s",
              Query(_latest("health_slo_alert_latency_seconds", p99), _NAME)),
        lines("Freshness", "The oldest among the newest rows of sources' tables", "s",
              Query(_latest("health_slo_freshness_seconds"), _NAME)),
        lines("Lag", "The worst of all components but transform", "s", Query(_latest("health_slo_lag_seconds"), _NAME)),
        lines("Decisions", "What became of alerts", "cps",
              Query(f"sum by (outcome) (health:decisions:rate5m{{{_OF}}})", "{{outcome}}"), stacked=True),
        lines("Dead letters", "Share of what sources send", "percentunit",
              Query(f"max by (namespace, pipeline, source) (health:dead_letters:ratio10m{{{_OF}}})",
                    "{{namespace}}/{{pipeline}} {{source}}")),
    ]  # fmt: skip


def _latest(metric: str, labels: str = "") -> str:
    """One value for each pipeline, whichever pods tell it."""
    return f"max by (namespace, pipeline) ({metric}{{{', '.join(filter(None, [_OF, labels]))}}})"


def _used(slo: str) -> str:
    return _latest("health:slo_missed:ratio", f'slo="{slo}", window="3d"') + " / 0.01"
