"""The accounts of a pipeline on a cluster, asked of the lake: nothing is missing, nothing is doubled.

A run of the simulator numbers its items from the moment of its start on, in microseconds. So what a run has served must
be in the lake without a gap, and so must what an earlier run had served, whoever was killed in between.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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


def runs(sql: LocalSql, sources: Collection[str]) -> Mapping[str, Sequence[Run]]:
    """The runs of each source in order of time. A new run begins where a cursor is far beyond the one before."""
    # One query, for the dead letters' files are read once then.
    tables = [f"SELECT '{source}' AS source, source_cursor FROM raw.{source}" for source in sources]
    landed = " UNION ALL ".join([*tables, "SELECT source, source_cursor FROM raw.dead_letters"])
    found = accounts.rows(
        sql.query(f"""
            WITH cursors AS (
                SELECT DISTINCT source, CAST(source_cursor AS bigint) AS c FROM ({landed}) AS landed
                WHERE source_cursor IS NOT NULL
            ), steps AS (
                SELECT source, c, CASE WHEN c % {STEP} = 1
                        AND c - coalesce(lag(c) OVER (PARTITION BY source ORDER BY c), 0) > {FAR}
                    THEN 1 ELSE 0 END AS begins
                FROM cursors
            ), numbered AS (SELECT source, c, sum(begins) OVER (PARTITION BY source ORDER BY c) AS run FROM steps)
            SELECT source, min(c) AS first, max(c) AS last, count(*) AS n FROM numbered
            GROUP BY source, run ORDER BY source, first""")
    )
    known: dict[str, list[Run]] = {source: [] for source in sources}
    for row in found:
        if row["source"] in known:
            known[row["source"]].append(Run(int(row["first"]), int(row["last"]), int(row["n"])))
    return known


def complaints(sql: LocalSql, served: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What of all that the sources have served is not in the lake. ``served``: the sources' own /stats."""
    found = []
    known = runs(sql, served)
    for source, stats in served.items():
        found += [f"{source}: a gap in {run}" for run in known[source] if run.has_gap]
        first, count = int(stats["first"]), int(stats["served"])
        landed = sum(min(run.count, count) for run in known[source] if run.first == first)
        if landed < count:
            found.append(f"{source}: served {count} from {first} on, {landed} of them are in the lake")
    return found


def count(sql: LocalSql, table: str, where: str = "true") -> int:
    """How many rows of a table; QueryError when it cannot be asked."""
    return int(accounts.one(sql.query, f"SELECT count(*) AS n FROM {table} WHERE {where}"))


def has_rows(sql: LocalSql, table: str, where: str = "true") -> bool:
    """Whether there are any yet; there may be no such table."""
    try:
        return count(sql, table, where) > 0
    except QueryError:
        return False


def dispatches(sql: LocalSql) -> DispatchAccount:
    """What became of the alerts that have landed."""
    return accounts.dispatch_account(sql.query, ["false"])
