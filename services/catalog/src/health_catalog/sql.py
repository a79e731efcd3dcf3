"""Athena's SQL on this machine: duckdb over the files that the catalogue knows."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import duckdb
import pyarrow as pa
from health_pipeline.settings import LakeSettings
from pyarrow.fs import FileSystem
from sqlglot import exp

from health_catalog.datasets import open_dataset
from health_catalog.dialect import MACROS, SETTINGS, to_duckdb
from health_catalog.errors import CatalogError, QueryError
from health_catalog.glue import GlueCatalog
from health_catalog.hive import hive_type
from health_catalog.pruning import pruned
from health_catalog.schemas import COMMENT, Partition, Table
from health_catalog.statements import ZONES, Statement, TableName, read_statement
from health_catalog.storage import lake_filesystem

# The second wall behind ``read_statement``: this duckdb reaches no file, no network, no extension and no variable of
# ours, only the datasets that it is given.
_CLOSED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
}


class LocalSql:
    """Runs SELECT, WITH, EXPLAIN, SHOW TABLES, SHOW PARTITIONS and DESCRIBE in Athena's dialect.

    Like Athena, it sees the registered partitions and the registered columns; a column that a file has not is null.
    ``athena`` has the same interface.
    """

    def __init__(
        self, settings: LakeSettings, catalog: GlueCatalog | None = None, filesystem: FileSystem | None = None
    ) -> None:
        self._settings = settings
        self._catalog = catalog or GlueCatalog(settings)
        self._filesystem = filesystem

    def query(self, sql: str) -> pa.Table:
        """The answer; times in it are UTC. QueryError says what is wrong with the SQL, CatalogError with the rest."""
        statement = read_statement(sql, self._settings)
        if statement.kind == "show tables":
            return self._show_tables(statement.zone)
        tables = {name: self._table(name) for name in statement.tables}
        if statement.kind == "describe":
            (table,) = tables.values()
            return _description(table)
        if statement.kind == "show partitions":
            (table,) = tables.values()
            return _partition_list(table, self._catalog.partitions(table))
        return self._select(statement, tables)

    def _select(self, statement: Statement, tables: dict[TableName, Table]) -> pa.Table:
        assert statement.query is not None  # noqa: S101 (for the type checker: a select always has one)
        schemas = {name: table.schema for name, table in tables.items()}
        sql = to_duckdb(statement.query, schemas, self._settings)
        with duckdb.connect(":memory:", config=_CLOSED) as connection:
            _prepare(connection)
            try:
                for name, table in tables.items():
                    self._give(connection, name, table, statement.query)
                if statement.kind == "explain":
                    return _plan(connection, sql)
                return _as_athena_types(connection.sql(sql).to_arrow_table())
            except duckdb.Error as error:
                raise _explained(error) from error
            except OSError as error:
                raise CatalogError(f"the lake cannot be read: {error}") from error

    def _give(self, connection: duckdb.DuckDBPyConnection, name: TableName, table: Table, query: exp.Expr) -> None:
        """Make known to duckdb, as ``zone.name``, what the query can need of the table."""
        if self._filesystem is None:
            self._filesystem = lake_filesystem(self._settings)
        partitions = [Partition((), self._settings.table_uri(table.zone, table.name))]
        if table.partition_keys:
            registered = self._catalog.partitions(table)
            partitions = pruned(query, name, table.partition_keys, registered, self._settings)
        connection.register(str(name), open_dataset(table, partitions, self._filesystem))
        quoted = name.name.replace('"', '""')
        # The name is one that the catalogue has, and quoted.
        connection.execute(f'CREATE VIEW {name.zone}."{quoted}" AS SELECT * FROM "{name.zone}.{quoted}"')  # noqa: S608

    def _table(self, name: TableName) -> Table:
        found = self._catalog.table(name.zone, name.name)
        if found is None:
            there = ", ".join(f"{table.zone}.{table.name}" for zone in ZONES for table in self._catalog.tables(zone))
            raise QueryError(f"no table {name}: there are {there or 'none yet (nothing has landed)'}")
        return found

    def _show_tables(self, zone: str | None) -> pa.Table:
        found = [table for each in ZONES if zone in (None, each) for table in self._catalog.tables(each)]
        names = [f"{table.zone}.{table.name}" for table in found]
        return pa.table({"table": pa.array(names, pa.string()), "doc": pa.array([t.doc for t in found], pa.string())})


def _prepare(connection: duckdb.DuckDBPyConnection) -> None:
    for setting in SETTINGS:
        connection.execute(setting)
    for macro in MACROS:
        connection.execute(f"CREATE TEMP MACRO {macro}")
    for zone in ZONES:
        connection.execute(f"CREATE SCHEMA {zone}")


def _plan(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    rows = connection.execute(f"EXPLAIN {sql}").fetchall()
    return pa.table({"Query Plan": [line for _, plan in rows for line in plan.splitlines()]})


def _description(table: Table) -> pa.Table:
    columns = [(field.name, hive_type(field.type), _comment(field)) for field in table.schema]
    columns += [(key, "string", "Partition key") for key in table.partition_keys]
    names, types, comments = zip(*columns, strict=True)
    return pa.table({"column": names, "type": types, "comment": comments})


def _comment(field: pa.Field[Any]) -> str:
    return (field.metadata or {}).get(COMMENT.encode(), b"").decode()


def _partition_list(table: Table, partitions: list[Partition]) -> pa.Table:
    texts = [
        "/".join(f"{key}={value}" for key, value in zip(table.partition_keys, item.values, strict=True))
        for item in partitions
    ]
    locations = [item.location for item in partitions]
    return pa.table({"partition": pa.array(texts, pa.string()), "location": pa.array(locations, pa.string())})


def _as_athena_types(table: pa.Table) -> pa.Table:
    """A sum of bigints is a bigint in Athena; duckdb's is 128 bits wide, which Arrow can only say as a decimal."""
    for index, field in enumerate(table.schema):
        if field.type == pa.decimal128(38, 0):
            # A sum that does not fit stays what it is; Athena would give up.
            with suppress(pa.ArrowInvalid):
                table = table.set_column(index, field.name, table.column(index).cast(pa.int64()))
    return table


def _explained(error: duckdb.Error) -> CatalogError:
    """duckdb's message without its copy of the translated statement, which the user has not written."""
    said = str(error).split("\n\nLINE ")[0].strip()
    if "reading the stream registered as" in said:
        return CatalogError(f"the lake cannot be read: {said}")
    if isinstance(error, duckdb.CatalogException) and "Function with name" in said:
        return QueryError(f"local SQL has no such function (Athena may have it): {said}")
    return QueryError(said)
