"""What happened, as the lake and the broker tell it: one SQL statement per question.

Nothing here trusts a component's own counters. ``served`` is the source's word, ``produced`` the broker's, everything
else is counted in the registered Parquet files.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

Query = Callable[[str], pa.Table]

# A record that reached Kafka this long after its reading was late at its source: not our latency.
LATE_MS = 60_000
EARTH_RADIUS_KM = 6371.0088  # mean radius of WGS 84


@dataclass(frozen=True)
class SourceAccount:
    """One source, item by item. ``missing`` holds a few cursors that were served and are nowhere in the lake."""

    served: int
    produced: int
    landed: int
    dead_lettered: int
    duplicates: int
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class DispatchAccount:
    """What became of the alerts. ``expected`` is counted from the landed vitals by the pipeline's own rules."""

    expected: int
    alerts: int
    dispatched: int
    unassigned: int
    suppressed: int
    without_outcome: int
    doubled: int
    out_of_radius: int


def rows(table: pa.Table) -> list[dict[str, Any]]:
    """A query's answer as a list of rows."""
    found: list[dict[str, Any]] = table.to_pylist()
    return found


def one(query: Query, sql: str) -> Any:
    """The single value that a query answers with."""
    (row,) = rows(query(sql))
    (value,) = row.values()
    return value


def source_account(query: Query, source: str, first: int, served: int, produced: int) -> SourceAccount:
    """A source's account; the simulator's cursors count up from ``first``, so each served item can be looked for."""
    landed = int(one(query, f"SELECT count(*) AS n FROM raw.{source}"))
    dead = int(one(query, f"SELECT count(*) AS n FROM raw.dead_letters WHERE source = '{source}'"))
    found = query(
        f"SELECT DISTINCT source_cursor AS c FROM raw.{source} UNION "
        f"SELECT DISTINCT source_cursor AS c FROM raw.dead_letters WHERE source = '{source}'"
    )
    cursors = {cursor for cursor in found.column("c").to_pylist() if cursor is not None}
    missing = [str(cursor) for cursor in range(first, first + served) if str(cursor) not in cursors]
    return SourceAccount(served, produced, landed, dead, landed + dead - len(cursors), tuple(missing))


def dispatch_account(query: Query, rules: Sequence[str], *, is_decided: bool = True) -> DispatchAccount:
    """What became of the alerts.

    ``rules`` are SQL conditions on raw.vitals, one for each rule of the pipeline; none where nobody's vitals are read.
    ``is_decided``: somebody decides about alerts, so that each of them is owed an outcome.
    """
    outcomes = {
        row["outcome"]: int(row["n"])
        for row in rows(query("SELECT outcome, count(DISTINCT alert_id) AS n FROM raw.dispatches GROUP BY outcome"))
    }
    return DispatchAccount(
        expected=_expected(query, rules) if rules else 0,
        alerts=int(one(query, "SELECT count(DISTINCT event_id) AS n FROM raw.alerts")),
        dispatched=outcomes.get("dispatched", 0),
        unassigned=_still_unassigned(query),
        suppressed=outcomes.get("suppressed", 0),
        without_outcome=_without_outcome(query) if is_decided else 0,
        doubled=_doubled(query),
        out_of_radius=_out_of_radius(query),
    )


def _expected(query: Query, rules: Sequence[str]) -> int:
    broken = " + ".join(f"CASE WHEN {rule} THEN 1 ELSE 0 END" for rule in rules)
    return int(
        one(query, f"SELECT coalesce(sum(n), 0) AS n FROM (SELECT event_id, max({broken}) AS n "
                   "FROM raw.vitals GROUP BY event_id) AS readings")
    )  # fmt: skip


def _without_outcome(query: Query) -> int:
    return int(
        one(query, "SELECT count(DISTINCT event_id) AS n FROM raw.alerts "
                   "WHERE event_id NOT IN (SELECT alert_id FROM raw.dispatches)")
    )  # fmt: skip


def _still_unassigned(query: Query) -> int:
    return int(
        one(query, "SELECT count(*) AS n FROM (SELECT alert_id FROM raw.dispatches GROUP BY alert_id "
                   "HAVING count_if(outcome = 'unassigned') > 0 AND count_if(outcome = 'dispatched') = 0) AS waiting")
    )  # fmt: skip


def _doubled(query: Query) -> int:
    """Assignments that opened while another of the same vehicle, or of the same alert, was open."""
    total = 0
    for key in ("vehicle_id", "alert_id"):
        total += int(
            one(query, f"""
                SELECT count(*) AS n FROM (
                    SELECT outcome,
                        lag(outcome) OVER (PARTITION BY {key} ORDER BY kafka_partition, kafka_offset) AS before
                    FROM raw.dispatches WHERE outcome IN ('dispatched', 'released')
                ) AS steps WHERE outcome = 'dispatched' AND before = 'dispatched'""")
        )  # fmt: skip
    return total


def _out_of_radius(query: Query) -> int:
    """Dispatches beyond the radius, by the distance computed anew from both positions (haversine)."""
    half_sines = (
        "power(sin(radians(vehicle_latitude - latitude) / 2), 2) + cos(radians(latitude)) * "
        "cos(radians(vehicle_latitude)) * power(sin(radians(vehicle_longitude - longitude) / 2), 2)"
    )
    return int(
        one(query, "SELECT count(*) AS n FROM raw.dispatches WHERE outcome = 'dispatched' AND "
                   f"(distance_km > radius_km OR 2 * {EARTH_RADIUS_KM} * asin(sqrt({half_sines})) > radius_km + 0.001)")
    )  # fmt: skip


def no_latencies() -> dict[str, dict[str, float | None]]:
    """As ``latencies_ms`` of a lake without vitals."""
    return {"alert": _percentiles([]), "dispatch": _percentiles([])}


def latencies_ms(query: Query) -> dict[str, dict[str, float | None]]:
    """p50, p95, p99 and max, in ms, from the reading to the broker's timestamp of the alert and of the dispatch.

    Readings that were late at their source are left out, and so are dispatches that had to wait for a vehicle.
    """
    reached = "to_unixtime(kafka_timestamp) - to_unixtime(observed_at)"
    fresh = f"SELECT event_id FROM raw.vitals WHERE {reached} < {LATE_MS / 1000}"
    alert = (
        "SELECT event_id, (to_unixtime(min(kafka_timestamp)) - to_unixtime(min(observed_at))) * 1000 AS ms "
        f"FROM raw.alerts WHERE vital_event_id IN ({fresh}) GROUP BY event_id"
    )
    waited = "SELECT alert_id FROM raw.dispatches WHERE outcome IN ('unassigned', 'released')"
    dispatch = (
        "SELECT alert_id, (to_unixtime(min(kafka_timestamp)) - to_unixtime(min(observed_at))) * 1000 AS ms "
        f"FROM raw.dispatches WHERE outcome = 'dispatched' AND alert_id NOT IN ({waited}) AND alert_id IN "
        f"(SELECT event_id FROM raw.alerts WHERE vital_event_id IN ({fresh})) GROUP BY alert_id"
    )
    return {"alert": _percentiles(_measured(query, alert)), "dispatch": _percentiles(_measured(query, dispatch))}


def _measured(query: Query, sql: str) -> list[float]:
    return [float(row["ms"]) for row in rows(query(f"SELECT ms FROM ({sql}) AS measured"))]


def _percentiles(measured: Iterable[float]) -> dict[str, float | None]:
    """Nearest rank: each is a latency that was really measured. All None when nothing was."""
    values = sorted(measured)
    ranks = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    if not values:
        return dict.fromkeys(ranks)
    return {name: round(values[math.ceil(rank * len(values)) - 1], 1) for name, rank in ranks.items()}
