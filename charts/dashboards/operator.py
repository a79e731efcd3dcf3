"""The operator itself: for whoever runs it."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from charts.dashboards import parts
from charts.dashboards.parts import HIDDEN, WIDTH, Column, Panel, Query, figure, lines, row, rows, states

# Of the operator's processes: only they have it, so it finds them under whatever job they are scraped.
_IS_OPERATOR = "and on (instance) health_operator_leader"


def board() -> Dashboard:
    """The dashboard."""
    return parts.board(
        "health-operator",
        "Health pipelines: operator",
        "The operator's own health: whether it works, hears, keeps up, and what it writes.",
        [],
        [*_figures(), *_work(), *_pipelines(), *_processes()],
    )


def _figures() -> list[Panel]:
    failing = 'sum(health:reconciles:rate5m{result="error"}) / sum(health:reconciles:rate5m)'
    return [
        figure("Replicas", "That are scraped", "short", Query("count(health_operator_leader)"), bad_below=1),
        figure("At work", "Replicas that hold the lease: one", "short", Query("sum(health_operator_leader)"),
               bad_below=1),
        figure("Pipelines", "That it knows", "short", Query("sum(health_operator_pipelines)")),
        figure("Looks", "At pipelines, all results", "ops", Query("sum(health:reconciles:rate5m)"), decimals=1),
        figure("Looks that fail", "Share of all", "percentunit", Query(failing), bad_from=0.1),
        figure("Unheard of", "How long a change has been known that no watch has told of", "s",
               Query("max(health_operator_watch_silent_seconds)"), bad_from=40),
    ]  # fmt: skip


def _work() -> list[Panel]:
    buckets = "sum by (le) (rate(health_operator_reconcile_seconds_bucket[5m]))"
    return [
        row("Work"),
        lines("Looks by result", "unchanged: nothing had to be written", "ops",
              Query("health:reconciles:rate5m", "{{result}}"), stacked=True),
        lines("How long a look takes", "All results", "s",
              *(Query(f"histogram_quantile({of}, {buckets})", f"p{of * 100:.0f}") for of in (0.5, 0.9, 0.99))),
        lines("Writes", "To the API server; while nothing changes, only the lease is renewed", "ops",
              Query("sum by (verb) (rate(health_operator_writes_total[$__rate_interval]))", "{{verb}}"), stacked=True),
        lines("Changes that no watch has told of", "After a minute the operator is begun anew", "s",
              Query("max(health_operator_watch_silent_seconds)", "unheard of")),
        states("Lease", "Which replica is at work", Query("max by (instance) (health_operator_leader)", "{{instance}}"),
               "at work", "stands by", width=WIDTH),
    ]  # fmt: skip


def _pipelines() -> list[Panel]:
    keys = ("namespace", "pipeline", "component", "state")
    return [
        row("Pipelines"),
        lines("Phases", "Pipelines in each", "short", Query("sum by (phase) (health_operator_pipelines)", "{{phase}}"),
              stacked=True),
        lines("Conditions that do not hold", "Pipelines of which each is not True", "short",
              Query('count by (type) (health_operator_condition{status="True"} == 0) '
                    'or sum by (type) (0 * health_operator_condition{status="True"})', "{{type}}")),
        rows("Components", "Each, and the state that it is in", keys,
             [Column(HIDDEN, f"max by ({', '.join(keys)}) (health_operator_component)")]),
    ]  # fmt: skip


def _processes() -> list[Panel]:
    return [
        row("Processes"),
        lines("CPU", "Cores, of each replica", "short",
              Query(f"rate(process_cpu_seconds_total[$__rate_interval]) {_IS_OPERATOR}", "{{instance}}")),
        lines("Memory", "Resident, of each replica", "bytes",
              Query(f"process_resident_memory_bytes {_IS_OPERATOR}", "{{instance}}")),
    ]  # fmt: skip
