"""One increment: from the raw files that are new to partitions that readers see."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from health_catalog import TRANSFORMED, GlueCatalog, Partition, Table

from health_streaming.incremental.plan import Look, State, Window, advanced, new_files
from health_streaming.incremental.store import Hour, Store, run_of
from health_streaming.incremental.zone import Zone
from health_streaming.spark_schema import raw_schema
from health_streaming.transforms.deduplicated import deduplicated, event_columns
from health_streaming.transforms.tables import EVENT_TABLES, DerivedTable, EventTable, derived_tables

T = TypeVar("T")
R = TypeVar("R")

# A small table's time goes into requests and plans, not into its rows: several are made side by side.
_SIDE_BY_SIDE = 4

# Where the hours of a table are.
Locations = Mapping[Hour, str]


@dataclass(frozen=True)
class Increment:
    """What a run did. ``rows_read`` are new raw rows, ``rows_written`` the rows of all hours that were made anew.

    ``is_all``: it has taken in all that had landed when it began. ``newest``: when the newest row that was taken in was
    written to Kafka, in seconds since 1970, by the tables that are made of it.
    """

    files: int
    hours: int
    rows_read: int
    rows_written: int
    is_all: bool
    newest: Mapping[str, float]


@dataclass(frozen=True)
class _Attempt:
    """One attempt at one increment. ``files`` and ``hours`` are by event, ``registered`` is by table."""

    run: str
    since: str
    files: Mapping[str, Collection[str]]
    hours: Mapping[str, frozenset[Hour]]
    registered: Mapping[str, Locations]

    def built_upon(self, table: str, hours: Collection[Hour]) -> Locations:
        """Where earlier results for these hours are, as far as they count."""
        known = self.registered.get(table, {})
        return {hour: known[hour] for hour in hours if hour in known and run_of(known[hour]) >= self.since}


@dataclass(frozen=True)
class _Written:
    """What an attempt wrote of one table."""

    table: str
    rows: int
    locations: Locations


class Transform:
    """Keeps the transformed zone of these landed events up to date. One at a time per lake."""

    def __init__(self, zone: Zone, store: Store, catalog: GlueCatalog, landed: Collection[str]) -> None:
        self._zone = zone
        self._store = store
        self._catalog = catalog
        self._events = {table.event.name: table for table in EVENT_TABLES if table.event.name in landed}
        self._derived = derived_tables(landed)
        self._tables = {table.name: table for table in self._described()}

    def register(self) -> None:
        """Make the database and its tables, also those that have no rows yet."""
        self._catalog.ensure_database(TRANSFORMED)
        _side_by_side(self._catalog.ensure_table, self._tables.values())

    def run(self) -> Increment | None:
        """Take in the raw files that are new; None, with nothing done, when there are none.

        Whatever it is interrupted by, the next run does it again.
        """
        remembered = self._store.state()
        today = datetime.now(UTC).date()
        looks = self._looks(remembered)
        files = {event: look.files for event, look in looks.items() if look.files}
        if not files:
            return None
        run = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:6]}"
        state = remembered or State(since=run)
        read = _side_by_side(lambda event: self._store.contents(event, files[event]), files)
        found = dict(zip(files, read, strict=True))
        hours = {event: each.hours for event, each in found.items()}
        all_hours = frozenset[Hour]().union(*hours.values())
        attempt = _Attempt(run, state.since, files, hours, self._registered(all_hours))
        written = self._write(attempt)
        _side_by_side(self._switch, written)
        self._tidy(attempt, written, state.superseded)
        self._store.save(advanced(state, looks, _replaced(attempt, written), today))
        rows_read = sum(each.rows for each in found.values())
        rows_written = sum(item.rows for item in written)
        is_all = all(look.is_all for look in looks.values())
        newest = self._newest({event: each.newest for event, each in found.items()})
        return Increment(sum(map(len, files.values())), len(all_hours), rows_read, rows_written, is_all, newest)

    def _newest(self, by_event: Mapping[str, float]) -> dict[str, float]:
        found = {self._events[event].name: newest for event, newest in by_event.items()}
        for table in self._derived:
            if inputs := [by_event[event] for event in table.inputs if event in by_event]:
                found[table.name] = max(inputs)
        return found

    def _described(self) -> list[Table]:
        no_rows = {table.event.name: self._zone.read(table.schema(), ()) for table in EVENT_TABLES}
        own = [table.table() for table in self._events.values()]
        return [*own, *(table.table(no_rows) for table in self._derived)]

    def _looks(self, state: State | None) -> dict[str, Look]:
        """What is new, by event."""

        def at_table(event: str) -> Look:
            words = self._store.late(event)  # before the files are listed
            window = state.window(event, words) if state else Window()
            seen = state.seen.get(event, frozenset()) if state else frozenset[str]()
            return Look(*new_files(self._store.raw_files(event, window), seen), words)

        return dict(zip(self._events, _side_by_side(at_table, self._events), strict=True))

    def _registered(self, hours: Collection[Hour]) -> dict[str, Locations]:
        """Where the catalogue says that these hours are, for every table."""

        def of_table(table: Table) -> Locations:
            partitions = self._catalog.some_partitions(table, hours)
            return {(item.values[0], item.values[1]): item.location for item in partitions}

        return dict(zip(self._tables, _side_by_side(of_table, self._tables.values()), strict=True))

    def _write(self, attempt: _Attempt) -> list[_Written]:
        """Every affected hour of every table, to folders of this run: first the events', then what is made of them."""
        events = [table for event, table in self._events.items() if event in attempt.files]
        written = _side_by_side(lambda table: self._write_event(attempt, table), events)
        fresh = {item.table: item.locations for item in written}
        affected = [table for table in self._derived if _hours(attempt, table)]
        return [*written, *_side_by_side(lambda table: self._write_derived(attempt, table, fresh), affected)]

    def _write_event(self, attempt: _Attempt, table: EventTable) -> _Written:
        event = table.event
        hours = attempt.hours[event.name]
        locations = [self._store.raw_location(event.name, key) for key in attempt.files[event.name]]
        new = self._zone.read(raw_schema(event), locations).select(*event_columns(event))
        known = self._zone.read(table.schema(), attempt.built_upon(table.name, hours).values())
        rows = self._zone.write(deduplicated(new.unionByName(known), event), table.name, table.time, attempt.run)
        return _Written(table.name, rows, self._store.written(table.name, hours, attempt.run))

    def _write_derived(self, attempt: _Attempt, table: DerivedTable, fresh: Mapping[str, Locations]) -> _Written:
        hours = _hours(attempt, table)
        inputs = {}
        for source in (item for item in EVENT_TABLES if item.event.name in table.inputs):
            newest = {**attempt.built_upon(source.name, hours), **fresh.get(source.name, {})}
            locations = [newest[hour] for hour in hours if hour in newest]
            inputs[source.event.name] = self._zone.read(source.schema(), locations)
        rows = self._zone.write(table.build(inputs), table.name, table.time, attempt.run)
        return _Written(table.name, rows, self._store.written(table.name, hours, attempt.run))

    def _switch(self, written: _Written) -> None:
        """From here on readers see what was written."""
        partitions = [Partition(hour, location) for hour, location in written.locations.items()]
        self._catalog.put_partitions(self._tables[written.table], partitions)

    def _tidy(self, attempt: _Attempt, written: Iterable[_Written], superseded: Iterable[str]) -> None:
        """Delete what was replaced a run ago, and what attempts that were interrupted have left in these hours.

        What this run replaced stays until the next one: somebody may be reading it.
        """

        def of_table(item: _Written) -> None:
            kept = {*item.locations.values(), *attempt.registered[item.table].values()}
            self._store.delete(set(self._store.locations(item.table, item.locations)) - kept)

        _side_by_side(of_table, written)
        self._store.delete(superseded)


def catch_up(run: Callable[[], Increment | None], is_stopped: Callable[[], bool] = bool) -> Iterator[Increment | None]:
    """What run after run did, until all is taken in that had landed when the last one began; None is nothing to do.

    What lands meanwhile is the next one's: where something always does, there would be no end.
    """
    while not is_stopped():
        done = run()
        yield done
        if done is None or done.is_all:
            return


def _hours(attempt: _Attempt, table: DerivedTable) -> frozenset[Hour]:
    """The hours of the table that the new files touch."""
    return frozenset[Hour]().union(*(attempt.hours.get(event, frozenset()) for event in table.inputs))


def _replaced(attempt: _Attempt, written: Iterable[_Written]) -> list[str]:
    """The locations that were switched away from."""
    pairs = ((attempt.registered[item.table], item.locations) for item in written)
    return [registered[hour] for registered, locations in pairs for hour in locations if hour in registered]


def _side_by_side(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """The results in order; the first error is raised when all have ended."""
    with ThreadPoolExecutor(_SIDE_BY_SIDE, thread_name_prefix="transform") as pool:
        return list(pool.map(work, items))
