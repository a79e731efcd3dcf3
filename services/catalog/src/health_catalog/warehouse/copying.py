"""A load as the statements of one transaction, and the manifests that its COPY statements go by; pure.

COPY takes the columns of Parquet files by their place and knows nothing of folders' names. So each partition's files
are copied into tables that end with the session, whose columns are those of the files, and from there by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from health_catalog.warehouse.ddl import LEDGER, create_stage, has_nested, literal, qualified, quoted
from health_catalog.warehouse.plan import File, Load, Values, partition_text


@dataclass(frozen=True)
class Batch:
    """Statements of one transaction. ``manifests`` by address must be there before, ``parameters`` by name."""

    statements: tuple[str, ...]
    parameters: dict[str, str] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)


def manifest(files: Iterable[File]) -> bytes:
    """Exactly these files, with their sizes, which COPY wants of Parquet; one that is missing is an error.

    https://docs.aws.amazon.com/redshift/latest/dg/loading-data-files-using-manifest.html
    """
    entries = [{"url": file.uri, "mandatory": True, "meta": {"content_length": file.size}} for file in files]
    return json.dumps({"entries": entries}, indent=1).encode()


def batch(load: Load, schema: str, role: str, manifests: str) -> Batch:
    """The load; manifests are put under the address ``manifests``.

    The ledger's lock comes before anything else. A transaction sees what was committed before its first statement that
    is no LOCK: without it, or with it any later, two that overlap would not see each other, and both would insert.
    https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation.html
    """
    copies: list[str] = []
    inserts: list[str] = []
    parameters: dict[str, str] = {}
    documents: dict[str, bytes] = {}
    target = qualified(schema, load.table.name)
    for number, part in enumerate(load.parts):
        keys = {f"p{number}_{index}": value for index, value in enumerate(part.partition.values)}
        parameters |= keys
        for index, (columns, files) in enumerate(part.layouts()):
            stage, address = f"stage_{number}_{index}", f"{manifests}/{load.id}/{number}-{index}.manifest"
            documents[address] = manifest(files)
            copies += [create_stage(stage, load.table, columns), _copy(stage, load, address, role)]
            inserts.append(_insert(target, load, stage, columns, keys))
    delete = _delete(target, load.table.partition_keys, [part.partition.values for part in load.parts])
    ledger = qualified(schema, LEDGER)
    guard, planned = _guard(load, ledger)
    entries, told = _ledger(load, ledger)
    return Batch((f"LOCK {ledger}", *copies, guard, delete, *inserts, *entries), parameters | planned | told, documents)


def _copy(stage: str, load: Load, address: str, role: str) -> str:
    nested = " SERIALIZETOJSON" if has_nested(load.table) else ""
    return f"COPY {quoted(stage)} FROM {literal(address)} IAM_ROLE {literal(role)} FORMAT AS PARQUET{nested} MANIFEST"


def _guard(load: Load, ledger: str) -> tuple[str, dict[str, str]]:
    """Fails the transaction, by dividing by zero, where another load has come between its plan and its turn.

    A statement outlives the process that has started it, and may have its turn after a successor has loaded a newer
    version of the hour.
    """
    parameters: dict[str, str] = {}
    alternatives = []
    for number, part in enumerate(load.parts):
        other = f"partition_values = :l{number}_partition"
        if part.replaces:  # the Data API takes no empty text
            parameters[f"l{number}_replaces"] = part.replaces
            other += f" AND load_id <> :l{number}_replaces"
        alternatives.append(f"({other})")
    counted = f"FROM {ledger} WHERE table_name = :table_name AND load_id <> :load_id AND ({' OR '.join(alternatives)})"
    return f"SELECT 1 / CASE WHEN count(*) = 0 THEN 1 ELSE 0 END {counted}", parameters


def _delete(target: str, keys: Sequence[str], partitions: Sequence[Values]) -> str:
    """Of the former versions' rows."""
    alternatives = [
        " AND ".join(f"{quoted(key)} = :p{number}_{index}" for index, key in enumerate(keys))
        for number in range(len(partitions))
    ]
    return f"DELETE FROM {target} WHERE {' OR '.join(f'({each})' for each in alternatives)}"  # noqa: S608 (quoted)


def _insert(target: str, load: Load, stage: str, columns: Sequence[str], keys: Iterable[str]) -> str:
    listed = ", ".join(map(quoted, columns))
    names = ", ".join(map(quoted, load.table.partition_keys))
    values = ", ".join(f"CAST(:{key} AS VARCHAR)" for key in keys)
    return f"INSERT INTO {target} ({listed}, {names}) SELECT {listed}, {values} FROM {quoted(stage)}"  # noqa: S608


def _ledger(load: Load, ledger: str) -> tuple[list[str], dict[str, str]]:
    """The rows of the ledger in place of the former ones."""
    parameters = {"table_name": load.table.name, "load_id": load.id}
    rows = []
    for number, part in enumerate(load.parts):
        parameters |= {
            f"l{number}_partition": partition_text(part.partition.values),
            f"l{number}_location": part.partition.location,
            f"l{number}_rows": str(part.rows),
        }
        rows.append(
            f"(:table_name, :l{number}_partition, :l{number}_location, :load_id, CAST(:l{number}_rows AS BIGINT))"
        )
    listed = ", ".join(f":l{number}_partition" for number in range(len(load.parts)))
    columns = "table_name, partition_values, location, load_id, row_count"
    return [
        f"DELETE FROM {ledger} WHERE table_name = :table_name AND partition_values IN ({listed})",  # noqa: S608 (quoted)
        f"INSERT INTO {ledger} ({columns}) VALUES {', '.join(rows)}",  # noqa: S608 (quoted)
    ], parameters
