"""A running pipeline as a person sees it: a live table on a terminal, lines otherwise; pure, given an observation."""

from __future__ import annotations

import math

from health_lag.readings import Histogram
from rich.console import Group
from rich.table import Table
from rich.text import Text

from healthctl.embedded.run import Observation
from healthctl.embedded.supervisor import State, Status
from healthctl.tables import make_table

_COLOURS = {
    State.READY: "green",
    State.STARTING: "yellow",
    State.WAITING: "dim",
    State.RESTARTING: "red",
    State.FAILED: "bold red",
    State.STOPPED: "dim",
}


def screen(name: str, seen: Observation, where: str) -> Group:
    """The whole live view."""
    title = Text.assemble((name, "bold"), f"  {seen.at:.0f} s  {where}")
    troubles = [Text(f"{source}: {told}", "red") for source, told in seen.troubles.items()]
    outcome = Text(outcome_line(seen))
    return Group(title, _components(seen), _sources(seen), *troubles, outcome, Text("Ctrl-C ends it", "dim"))


def status_line(status: Status) -> str:
    """A change of state as a log line."""
    return f"{status.name} is {status.state}" + (f" (it ended with {status.reason})" if status.reason else "")


def summary_line(seen: Observation) -> str:
    """Everything in one log line."""
    rates = " ".join(f"{source} {rate:.0f}/s" for source, rate in seen.rates.items())
    return f"{seen.at:.0f} s: {rates or 'no source produces yet'}; {outcome_line(seen)}"


def outcome_line(seen: Observation) -> str:
    """What came out so far: rows, alerts, dispatches, latencies."""
    readings = seen.readings
    dispatches = " ".join(f"{count:.0f} {outcome}" for outcome, count in sorted(readings.dispatches.items()))
    latencies = f"alert {_latency(readings.alert_latency)}, dispatch {_latency(readings.dispatch_latency)}"
    landed = f"landed {readings.rows_landed:.0f} rows"
    return f"{landed}; alerts {readings.alerts}; dispatches {dispatches or 'none'}; {latencies}"


def _components(seen: Observation) -> Table:
    table = make_table("component", "state", "restarts", "last ended with")
    for status in seen.statuses:
        state = Text(str(status.state), _COLOURS[status.state])
        table.add_row(status.name, state, str(status.restarts or ""), Text(status.reason, "red"))
    return table


def _sources(seen: Observation) -> Table:
    table = make_table("source", "events/s", "total", "dead letters", "behind its source", "not landed yet")
    for column in table.columns[1:]:
        column.justify = "right"
    readings = seen.readings
    for source, total in readings.produced.items():
        lag = readings.source_lag_s.get(source)
        waiting = [count for topic, count in readings.landing_lag.items() if topic.endswith(f".{source}")]
        table.add_row(
            source,
            f"{seen.rates.get(source, 0):.0f}",
            f"{total:.0f}",
            f"{readings.dead_lettered.get(source, 0):.0f}",
            "" if lag is None else f"{lag:.1f} s",
            f"{sum(waiting):.0f}" if waiting else "",
        )
    return table


def _latency(histogram: Histogram) -> str:
    def shown(quantile: float) -> str:
        value = histogram.quantile_ms(quantile)
        return "-" if value is None else "too long" if math.isinf(value) else f"{value:.0f}"

    return f"p50 {shown(0.5)} p99 {shown(0.99)} ms" if histogram.count else "-"
