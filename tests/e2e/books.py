"""The accounts of a pipeline on a cluster, asked of the lake: nothing is missing, nothing is doubled.

A run of the simulator numbers its items from the moment of its start on, in microseconds. So what a run has served must
be in the lake without a gap, and so must what an earlier run had served, whoever was killed in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from health_catalog.errors import QueryError
from health_catalog.sql import LocalSql
from healthctl.demo import accounts
from healthctl.demo.accounts import DispatchAccount

# The first cursor of a run is one more than a multiple of this, and far beyond the last one of the run before.
STEP, FAR = 1000, 1_000_000


@dataclass(frozen=True)
class Run:
    """A run of a source's simulator, by its cursors in the lake: ``count`` distinct ones from ``first`` to ``last``."""

    first: int
    last: int
    count: int

    @property
    def has_gap(self) -> bool:
        """Whether an item before the last one is not there."""
        return self.first % STEP != 1 or self.count != self.last - self.first + 1


def runs(sql: LocalSql, source: str) -> list[Run]:
    """The runs of a source in order of time. A new run begins where a cursor is far beyond the one before."""
    found = accounts.rows(
        sql.query(f"""
            WITH cursors AS (
                SELECT CAST(source_cursor AS bigint) AS c FROM raw.{source} WHERE source_cursor IS NOT NULL
                UNION
                SELECT CAST(source_cursor AS bigint) AS c FROM raw.dead_letters
                WHERE source = '{source}' AND source_cursor IS NOT NULL
            ), steps AS (
                SELECT c, CASE WHEN c % {STEP} = 1 AND c - coalesce(lag(c) OVER (ORDER BY c), 0) > {FAR} THEN 1
                               ELSE 0 END AS begins
                FROM cursors
            ), numbered AS (SELECT c, sum(begins) OVER (ORDER BY c) AS run FROM steps)
            SELECT min(c) AS first, max(c) AS last, count(*) AS n FROM numbered GROUP BY run ORDER BY first""")
    )
    return [Run(int(row["first"]), int(row["last"]), int(row["n"])) for row in found]


def complaints(sql: LocalSql, served: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What of all that the sources have served is not in the lake. ``served``: the sources' own /stats."""
    found = []
    for source, stats in served.items():
        known = runs(sql, source)
        found += [f"{source}: a gap in {run}" for run in known if run.has_gap]
        first, count = int(stats["first"]), int(stats["served"])
        landed = sum(min(run.count, count) for run in known if run.first == first)
        if landed < count:
            found.append(f"{source}: served {count} from {first} on, {landed} of them are in the lake")
    return found


def count(sql: LocalSql, table: str, where: str = "true") -> int:
    """How many rows of a table; none while there is no such table."""
    try:
        return int(accounts.one(sql.query, f"SELECT count(*) AS n FROM {table} WHERE {where}"))
    except QueryError:
        return 0


def dispatches(sql: LocalSql) -> DispatchAccount:
    """What became of the alerts that have landed."""
    return accounts.dispatch_account(sql.query, ["false"])
