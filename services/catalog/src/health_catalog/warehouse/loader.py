"""One look at the lake: whatever is committed and not loaded is loaded."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from health_catalog.errors import CatalogError
from health_catalog.patience import REAL, Patience, Surroundings
from health_catalog.schemas import Table
from health_catalog.warehouse.engine import Engine, WarehouseError
from health_catalog.warehouse.lake import Committed, Lake
from health_catalog.warehouse.metrics import Metrics
from health_catalog.warehouse.plan import Entry, Load, Pending, loads, pending

_LOG = logging.getLogger(__name__)

# A backlog is loaded by bites, so that its files are looked at shortly before they are loaded.
_AT_ONCE = 100
# What a look as a whole fails by, among the names of tables.
_LOOK = ""


@dataclass(frozen=True)
class Done:
    """What a look has led to; ``left`` counts partitions that are for the next look: most were replaced meanwhile."""

    loads: int
    partitions: int
    rows: int
    left: int


class Loader:
    """Keeps a warehouse up to date. One at a time: two would do the same work."""

    def __init__(
        self, lake: Lake, engine: Engine, metrics: Metrics, stop: threading.Event, around: Surroundings = REAL
    ) -> None:
        self._lake = lake
        self._engine = engine
        self._metrics = metrics
        self._stop = stop
        self._patience = Patience(around)
        self._prepared: dict[str, Table] = {}
        self._ledger: list[Entry] | None = None  # as it was left

    def run(self) -> Done:
        """Load what is pending. CatalogError, when all else is loaded, if something has failed, now or before.

        Whatever it is interrupted by, the next run does what is left. It returns early once it is to stop. While
        nothing is new the warehouse is not asked anything: a serverless one sleeps then, and costs nothing. For the
        same reason what has failed is left alone, ever longer: a table whose load has failed, or all of them.
        """
        if self._patience.waits(_LOOK):
            raise self._patience.errors()[_LOOK]
        try:
            done = self._look()
        except CatalogError as error:
            self._patience.failed(_LOOK, error)
            raise
        self._patience.went_well([_LOOK])
        if failures := self._patience.errors():
            raise _all_of(failures)
        return done

    def _look(self) -> Done:
        committed = self._lake.committed()
        self._patience.went_well(self._patience.errors().keys() - {_LOOK, *(table.name for table, _ in committed)})
        due = [each for each in committed if not self._patience.waits(each[0].name)]
        new = [table for table, _ in due if self._prepared.get(table.name) != table]
        if self._ledger is None or new or pending(due, self._ledger):
            with self._engine.held():
                return self._load_all(committed, due, new)
        self._patience.went_well([table.name for table, _ in due])
        left = len(pending(committed, self._ledger))
        self._metrics.show(left)
        return Done(0, 0, 0, left)

    def _load_all(self, committed: Committed, due: Committed, new: Sequence[Table]) -> Done:
        self._engine.prepare(new)
        self._prepared |= {table.name: table for table in new}
        known, self._ledger = self._ledger, None  # to be read again whatever comes between
        ledger = self._engine.ledger() if known is None else known
        done, failures = self._bites(pending(due, ledger), len(pending(committed, ledger)))
        for name, error in failures.items():
            self._patience.failed(name, error)
        self._patience.went_well([table.name for table, _ in due if table.name not in failures])
        self._ledger = self._engine.ledger()
        left = len(pending(committed, self._ledger))
        self._metrics.show(left)
        return Done(len(done), sum(len(load.parts) for load in done), sum(load.rows for load in done), left)

    def _bites(self, wanted: Sequence[Pending], missing: int) -> tuple[list[Load], dict[str, CatalogError]]:
        """The loads that were done, and what kept a table from being loaded. ``missing``: also what is not due yet."""
        self._metrics.show(missing)
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
                    self._metrics.show(missing - sum(len(item.parts) for item in done))
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
