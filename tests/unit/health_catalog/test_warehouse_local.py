"""The duckdb warehouse: its rows are those of the zone, whatever it is interrupted by."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from health_catalog import CatalogError, column
from health_catalog.errors import QueryError
from health_catalog.warehouse.engine import WarehouseError
from health_catalog.warehouse.loader import Loader
from health_catalog.warehouse.local import LocalWarehouse, ask
from health_catalog.warehouse.metrics import Metrics

from tests.unit.health_catalog.warehouse_lake import DISPATCHES, VITALS, Zone, text_of

TEN, ELEVEN = ("2026-11-22", "10"), ("2026-11-22", "11")


class Killed(BaseException):
    """As a SIGKILL: nobody catches it."""


class Fuse:
    """duckdb's connect, whose connections break before their step ``at``."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, *given: Any, **more: Any) -> Any:
        return _Fused(duckdb.connect(*given, **more), self)


class _Fused:
    def __init__(self, connection: duckdb.DuckDBPyConnection, fuse: Fuse) -> None:
        self._connection = connection
        self._fuse = fuse

    def execute(self, *given: Any) -> Any:
        self._fuse.left -= 1
        if not self._fuse.left:
            raise Killed
        return self._connection.execute(*given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def _loader(zone: Zone, path: Path, connect: Any = duckdb.connect) -> Loader:
    engine = LocalWarehouse(path, zone.filesystem, connect)
    return Loader(zone.lake, engine, Metrics("ward"), threading.Event())


def _rows(path: Path) -> dict[str, Counter[str]]:
    """The rows of each table, as ``Zone.rows`` has them."""
    found = {}
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for table in (VITALS, DISPATCHES):
            there = [row[0] for row in connection.execute(f"DESCRIBE {table.name}").fetchall()]
            keys = table.partition_keys
            names = ", ".join([*(name for name in there if name not in keys), *keys])
            rows = connection.execute(f"SELECT {names} FROM {table.name}").fetchall()
            found[table.name] = Counter(map(text_of, rows))
    return found


def _wanted(zone: Zone) -> dict[str, Counter[str]]:
    return {name: zone.rows(table) for name, table in zone.catalogue.known.items()}


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    (tmp_path / "lake").mkdir()
    return Zone(tmp_path / "lake")


def test_rows_are_those_of_the_zone_and_a_second_look_does_nothing(zone: Zone, tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    zone.commit(VITALS, TEN, 5, files=2)
    zone.commit(VITALS, ELEVEN, 3)
    zone.commit(DISPATCHES, TEN, 2)
    done = _loader(zone, path).run()
    assert (done.loads, done.partitions, done.rows, done.left) == (2, 3, 10, 0)
    assert _rows(path) == _wanted(zone)
    assert _loader(zone, path).run().loads == 0


def test_an_hour_that_is_written_anew_replaces_its_rows(zone: Zone, tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    old = zone.commit(VITALS, TEN, 5)
    zone.commit(VITALS, ELEVEN, 2)
    loader = _loader(zone, path)
    loader.run()
    zone.commit(VITALS, TEN, 7)
    zone.delete(old)
    assert loader.run().partitions == 1
    assert _rows(path) == _wanted(zone)


def test_a_kill_between_any_two_steps_loses_and_doubles_nothing(zone: Zone, tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    for at in itertools.count(1):
        before = _wanted(zone)
        zone.commit(VITALS, TEN, 2)
        zone.commit(DISPATCHES, TEN, 2)
        try:
            _loader(zone, path, Fuse(at)).run()
        except Killed:
            if at > 10:  # there are tables: each is as it was or as it is to be
                for name, rows in _rows(path).items():
                    assert rows in (before[name], _wanted(zone)[name])
        else:
            assert at > 18  # it did break at every step before
            break
        _loader(zone, path).run()
        assert _rows(path) == _wanted(zone)


def test_a_new_column_is_added_and_old_files_read_as_null_in_it(zone: Zone, tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    zone.commit(VITALS, TEN, 2)
    _loader(zone, path).run()
    first, *others = VITALS.schema
    # In the middle, as the contract may have it; the catalogue has new ones at the end.
    written = pa.schema([first, column("area", pa.string(), "Where"), *others])
    grown = replace(VITALS, schema=VITALS.schema.append(column("area", pa.string(), "Where")))
    zone.catalogue.known["vitals"] = grown
    zone.commit(grown, ELEVEN, 2, schema=written)
    _loader(zone, path).run()
    assert _rows(path) == _wanted(zone)


def test_what_is_replaced_while_it_is_looked_at_waits_for_the_next_look(zone: Zone, tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    gone = zone.commit(VITALS, TEN, 2)
    zone.commit(VITALS, ELEVEN, 2)
    zone.delete(gone)
    loader = _loader(zone, path)
    done = loader.run()
    assert (done.partitions, done.left) == (1, 1)
    zone.commit(VITALS, TEN, 3)
    assert loader.run().left == 0
    assert _rows(path) == _wanted(zone)


def test_a_table_that_fails_keeps_no_other_from_being_loaded(zone: Zone, tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    zone.commit(VITALS, TEN, 2)
    zone.commit(DISPATCHES, TEN, 2)
    loader = _loader(zone, path)
    loader.run()
    with duckdb.connect(str(path)) as connection:
        connection.execute("ALTER TABLE vitals DROP COLUMN heart_rate")  # somebody's hand
    zone.commit(VITALS, TEN, 4)
    zone.commit(DISPATCHES, TEN, 4)
    with pytest.raises(CatalogError, match="heart_rate"):
        loader.run()
    assert _rows(path)["dispatches"] == zone.rows(DISPATCHES)


def test_it_ends_between_two_loads_when_it_is_to_stop(zone: Zone, tmp_path: Path) -> None:
    zone.commit(VITALS, TEN, 2)
    stop = threading.Event()
    stop.set()
    engine = LocalWarehouse(tmp_path / "warehouse.duckdb", zone.filesystem)
    assert Loader(zone.lake, engine, Metrics("ward"), stop).run().left == 1


def test_who_asks_changes_nothing_and_reaches_no_file(zone: Zone, tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with pytest.raises(WarehouseError, match="no warehouse"):
        ask(path, "SELECT 1")
    zone.commit(VITALS, TEN, 2)
    _loader(zone, path).run()
    for sql in ("DELETE FROM vitals", f"SELECT * FROM read_text('{__file__}')", "SELECT * FROM nothing"):
        with pytest.raises(QueryError):
            ask(path, sql)
    assert ask(path, "SELECT count(*) AS n FROM vitals").to_pylist() == [{"n": 2}]
