"""The warehouse on this machine: one duckdb file.

duckdb lets one process at a time write a file, and nobody read it meanwhile. So the file is held for the length of a
look only, and whoever comes at the wrong moment waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from pyarrow.fs import FileSystem

from health_catalog.datasets import dataset_of
from health_catalog.errors import QueryError
from health_catalog.schemas import Table
from health_catalog.storage import object_path
from health_catalog.warehouse.ddl import LEDGER, quoted
from health_catalog.warehouse.engine import WarehouseError
from health_catalog.warehouse.plan import Entry, Load, Part, partition_text, partition_values

_WAIT_S, _PAUSE_S = 30.0, 0.1

_LEDGER_DDL = f"""
CREATE TABLE IF NOT EXISTS {LEDGER} (
  table_name VARCHAR NOT NULL, partition_values VARCHAR NOT NULL, location VARCHAR NOT NULL, load_id VARCHAR NOT NULL,
  row_count BIGINT NOT NULL, loaded_at TIMESTAMPTZ NOT NULL, PRIMARY KEY (table_name, partition_values)
)"""

# What a statement of the user's may not reach: files, the network, extensions.
_CLOSED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
}
Connect = Callable[..., duckdb.DuckDBPyConnection]


class LocalWarehouse:
    """Engine over the file at ``path``; ``connect`` is duckdb's."""

    def __init__(self, path: Path, filesystem: FileSystem, connect: Connect = duckdb.connect) -> None:
        self._path = path
        self._filesystem = filesystem
        self._connect = connect
        self._held: duckdb.DuckDBPyConnection | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """See Engine."""
        with self._errors():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._held = opened(self._path, self._connect)
        try:
            yield
        finally:
            self._held.close()
            self._held = None

    def prepare(self, tables: Sequence[Table]) -> None:
        """See Engine."""
        with self._transaction() as connection:
            connection.execute(_LEDGER_DDL)
            for table in tables:
                self._prepare(connection, table)

    def ledger(self) -> list[Entry]:
        """See Engine."""
        with self._transaction() as connection:
            rows = connection.execute(
                f"SELECT table_name, partition_values, location, load_id FROM {LEDGER}"  # noqa: S608 (a name of ours)
            ).fetchall()
        return [Entry(table, partition_values(partition), location, load) for table, partition, location, load in rows]

    def load(self, load: Load) -> None:
        """See Engine."""
        with self._transaction() as connection:
            for part in load.parts:
                self._replace(connection, load, part)

    def _replace(self, connection: duckdb.DuckDBPyConnection, load: Load, part: Part) -> None:
        table, values = load.table, part.partition.values
        matches = " AND ".join(f"{quoted(key)} = ?" for key in table.partition_keys)
        # Identifiers are quoted, values are parameters.
        connection.execute(f"DELETE FROM {quoted(table.name)} WHERE {matches}", list(values))  # noqa: S608
        rows = dataset_of(table, [(object_path(file.uri), part.partition) for file in part.files], self._filesystem)
        connection.register("loading", rows)
        insert = f"INSERT INTO {quoted(table.name)} BY NAME SELECT * FROM loading"  # noqa: S608
        connection.execute(insert)
        connection.unregister("loading")
        written = [table.name, partition_text(values), part.partition.location, load.id, part.rows, datetime.now(UTC)]
        connection.execute(f"INSERT OR REPLACE INTO {LEDGER} VALUES (?, ?, ?, ?, ?, ?)", written)  # noqa: S608

    def _prepare(self, connection: duckdb.DuckDBPyConnection, table: Table) -> None:
        connection.register("shape", _no_rows(table))
        name = quoted(table.name)
        connection.execute(f"CREATE TABLE IF NOT EXISTS {name} AS SELECT * FROM shape LIMIT 0")  # noqa: S608
        there = {row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()}
        for column, kind, *_ in connection.execute("DESCRIBE shape").fetchall():
            if column not in there:
                connection.execute(f"ALTER TABLE {name} ADD COLUMN {quoted(column)} {kind}")
        connection.unregister("shape")

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        assert self._held is not None  # noqa: S101 (for the type checker: see Engine)
        with self._errors():
            self._held.execute("BEGIN")
            try:
                yield self._held
                self._held.execute("COMMIT")
            except Exception:
                self._held.execute("ROLLBACK")
                raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (duckdb.Error, OSError) as error:
            raise WarehouseError(f"the warehouse {self._path}: {error}") from error


def ask(path: Path, sql: str) -> pa.Table:
    """The answer of a warehouse to a statement that changes nothing; QueryError says what is wrong with it."""
    if not path.exists():
        raise WarehouseError(f"there is no warehouse at {path} (nothing was loaded yet)")
    try:
        connection = opened(path, duckdb.connect, read_only=True)
    except duckdb.Error as error:
        raise WarehouseError(f"the warehouse {path}: {error}") from error
    try:
        connection.execute("SET TimeZone = 'UTC'")
        answer: pa.Table = connection.sql(sql).to_arrow_table()
        return answer
    except duckdb.Error as error:
        raise QueryError(str(error).split("\n\nLINE ")[0].strip()) from error
    finally:
        connection.close()


def opened(path: Path, connect: Connect, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """A connection to the file; waits while another process has it."""
    deadline = time.monotonic() + _WAIT_S
    while True:
        try:
            return connect(str(path), read_only=read_only, config=_CLOSED)
        except duckdb.IOException as error:
            if "lock" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE_S)


def _no_rows(table: Table) -> pa.Table:
    fields: list[pa.Field[Any]] = [*table.schema, *(pa.field(key, pa.string()) for key in table.partition_keys)]
    return pa.schema(fields).remove_metadata().empty_table()
