"""One look at the lake: whatever is committed and not loaded is loaded."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from health_catalog.errors import CatalogError
from health_catalog.schemas import Table
from health_catalog.warehouse.engine import Engine, WarehouseError
from health_catalog.warehouse.lake import Committed, Lake
from health_catalog.warehouse.metrics import Metrics
from health_catalog.warehouse.plan import Entry, Load, Pending, loads, pending

_LOG = logging.getLogger(__name__)

# A backlog is loaded by bites, so that its files are looked at shortly before they are loaded.
_AT_ONCE = 100


@dataclass(frozen=True)
class Done:
    """What a look has led to; ``left`` counts partitions that are for the next look: most were replaced meanwhile."""

    loads: int
    partitions: int
    rows: int
    left: int


class Loader:
    """Keeps a warehouse up to date. One at a time: two would do the same work."""

    def __init__(self, lake: Lake, engine: Engine, metrics: Metrics, stop: threading.Event) -> None:
        self._lake = lake
        self._engine = engine
        self._metrics = metrics
        self._stop = stop
        self._prepared: dict[str, Table] = {}
        self._ledger: list[Entry] | None = None  # as it was left

    def run(self) -> Done:
        """Load what is pending. CatalogError, when all else is loaded, if a table's load has failed.

        Whatever it is interrupted by, the next run does what is left. It returns early once it is to stop. While
        nothing is new the warehouse is not asked anything: a serverless one sleeps then, and costs nothing.
        """
        committed = self._lake.committed()
        new = [table for table, _ in committed if self._prepared.get(table.name) != table]
        if self._ledger is None or new or pending(committed, self._ledger):
            with self._engine.held():
                return self._load_all(committed, new)
        self._metrics.show(0)
        return Done(0, 0, 0, 0)

    def _load_all(self, committed: Committed, new: Sequence[Table]) -> Done:
        self._engine.prepare(new)
        self._prepared |= {table.name: table for table in new}
        known, self._ledger = self._ledger, None  # to be read again whatever comes between
        wanted = pending(committed, self._engine.ledger() if known is None else known)
        self._metrics.show(len(wanted))
        done, failures = self._bites(wanted)
        self._ledger = self._engine.ledger()
        left = len(pending(committed, self._ledger))
        self._metrics.show(left)
        if failures:
            raise _all_of(failures)
        return Done(len(done), sum(len(load.parts) for load in done), sum(load.rows for load in done), left)

    def _bites(self, wanted: Sequence[Pending]) -> tuple[list[Load], dict[str, CatalogError]]:
        """The loads that were done, and what kept a table from being loaded."""
        done: list[Load] = []
        failures: dict[str, CatalogError] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            for load in self._loads(wanted[start : start + _AT_ONCE]):
                if self._stop.is_set():
                    return done, failures
                if load.table.name in failures:
                    continue  # the cause is most often the table's, and its older hours come first
                try:
                    self._load(load)
                    done.append(load)
                    self._metrics.show(len(wanted) - sum(len(item.parts) for item in done))
                except CatalogError as error:
                    failures[load.table.name] = error
                    self._metrics.failed()
        return done, failures

    def _loads(self, wanted: Sequence[Pending]) -> list[Load]:
        return list(loads(wanted, self._lake.files(wanted)))

    def _load(self, load: Load) -> None:
        begin = time.monotonic()
        self._engine.load(load)
        seconds = time.monotonic() - begin
        self._metrics.loaded(load.table.name, load.rows, seconds)
        _LOG.info("%s: %d rows of %d partitions, %.1f s", load.table.name, load.rows, len(load.parts), seconds)


def _all_of(failures: dict[str, CatalogError]) -> CatalogError:
    if len(failures) == 1:
        return next(iter(failures.values()))
    told = "; ".join(f"{table}: {error}" for table, error in failures.items())
    return WarehouseError(f"{len(failures)} tables could not be loaded: {told}")
