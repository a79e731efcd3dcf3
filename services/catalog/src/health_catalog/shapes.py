"""Our tables as Glue's API writes them, and back, and what may become of a registered table; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from health_catalog.errors import SchemaConflictError
from health_catalog.hive import arrow_type, hive_type
from health_catalog.schemas import COMMENT, Partition, Table, column

if TYPE_CHECKING:
    from mypy_boto3_glue.type_defs import ColumnTypeDef, PartitionInputTypeDef, TableInputTypeDef

# Glue's limits: https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html and API_TableInput.html
_COMMENT_MAX, _DOC_MAX = 255, 2048

_OF_PROJECTION = ("projection.", "storage.location.template")
_PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "Parameters": {"serialization.format": "1"},
    },
}
# What UpdateTable takes of what GetTable gives; the rest (times, version, ...) it refuses.
_INPUT_KEYS = ("Name", "Description", "Owner", "Retention", "StorageDescriptor", "PartitionKeys", "ViewOriginalText",
               "ViewExpandedText", "TableType", "Parameters", "TargetTable")  # fmt: skip


def table_input(table: Table, location: str, projected_days: int = 0) -> TableInputTypeDef:
    """An external Parquet table at ``location``; ``projected_days`` as in ``projection``."""
    return {
        "Name": table.name,
        "Description": table.doc[:_DOC_MAX],
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE", **projection(table, location, projected_days)},
        "PartitionKeys": [{"Name": key, "Type": "string"} for key in table.partition_keys],
        "StorageDescriptor": _storage(_columns(table.schema), location),
    }


def projection(table: Table, location: str, days: int) -> dict[str, str]:
    """What has Athena work out by itself where the hours of the last so many days are; nothing for 0.

    It then lists a folder for each of them that a query does not rule out, and asks nobody whether it is there. Only
    Athena heeds it. https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
    """
    if not days:
        return {}
    date, hour = table.partition_keys
    return {
        "projection.enabled": "true",
        f"projection.{date}.type": "date",
        f"projection.{date}.format": "yyyy-MM-dd",
        f"projection.{date}.range": f"NOW-{days}DAYS,NOW",
        f"projection.{hour}.type": "integer",
        f"projection.{hour}.range": "0,23",
        f"projection.{hour}.digits": "2",
        "storage.location.template": f"{location}/{date}=${{{date}}}/{hour}=${{{hour}}}/",
    }


def partition_input(table: Table, partition: Partition) -> PartitionInputTypeDef:
    """A partition with the table's columns, as a crawler would register it."""
    return {"Values": list(partition.values), "StorageDescriptor": _storage(_columns(table.schema), partition.location)}


def partition_of(registered: Mapping[str, Any]) -> Partition:
    """The partition that Glue describes."""
    return Partition(tuple(registered["Values"]), registered["StorageDescriptor"]["Location"])


def table_of(zone: str, registered: Mapping[str, Any]) -> Table:
    """The table that Glue describes; TypeError when a column's type has no Arrow counterpart."""
    columns = registered["StorageDescriptor"]["Columns"]
    schema = pa.schema([column(item["Name"], arrow_type(item["Type"]), item.get("Comment", "")) for item in columns])
    keys = tuple(key["Name"] for key in registered.get("PartitionKeys", []))
    return Table(zone, registered["Name"], schema, keys, registered.get("Description", ""))


def evolved(
    registered: Mapping[str, Any], table: Table, location: str, projected_days: int | None = None
) -> TableInputTypeDef | None:
    """The registered table with what is new in ``table``; None when nothing is.

    ``projected_days`` None leaves projection as it is.

    New nullable columns go to the end, where no reader of old files minds them, and comments follow the contract. A
    column that ``table`` does not have stays: a newer version, gone back from or still beside this one, has added it,
    and in files without it, it reads as null. SchemaConflictError when a column is of another type, when a new one
    cannot be null (the files that are there do not have it), when the partition keys differ, or when the table is
    somewhere else.
    """
    present = registered["StorageDescriptor"]
    _refuse_if_moved(registered, table, location)
    _refuse_if_broken(present["Columns"], table)
    wanted = {item["Name"]: item for item in _columns(table.schema)}
    kept = [wanted.get(item["Name"], item) for item in present["Columns"]]
    known = {item["Name"] for item in kept}
    columns = kept + [item for name, item in wanted.items() if name not in known]
    description, before = table.doc[:_DOC_MAX], dict(registered.get("Parameters", {}))
    parameters = before
    if projected_days is not None:
        others = {key: value for key, value in before.items() if not key.startswith(_OF_PROJECTION)}
        parameters = {**others, **projection(table, location, projected_days)}
    is_same = columns == list(present["Columns"]) and parameters == before
    if is_same and description == registered.get("Description", ""):
        return None
    result: Any = {key: registered[key] for key in _INPUT_KEYS if key in registered}
    result["Description"], result["Parameters"] = description, parameters
    result["StorageDescriptor"] = {**present, "Columns": columns}
    made: TableInputTypeDef = result
    return made


def _refuse_if_moved(registered: Mapping[str, Any], table: Table, location: str) -> None:
    there = registered["StorageDescriptor"].get("Location", "")
    if there.rstrip("/") != location:
        raise SchemaConflictError(
            f"table {table.name} is registered at {there}, not at {location}: give this pipeline a database of its own "
            "(catalog.database), or delete the table"
        )
    keys = tuple(key["Name"] for key in registered.get("PartitionKeys", []))
    if keys != table.partition_keys:
        raise SchemaConflictError(
            f"table {table.name} is partitioned by {', '.join(keys) or 'nothing'}, not by "
            f"{', '.join(table.partition_keys) or 'nothing'}: write to a table with a new name"
        )


def _refuse_if_broken(present: Sequence[ColumnTypeDef], table: Table) -> None:
    known = {item["Name"]: item.get("Type", "") for item in present}
    problems = []
    for field in table.schema:
        name, kind = field.name, hive_type(field.type)
        if name not in known:
            if not field.nullable:
                problems.append(f"{name} is new and must be nullable, for older files do not have it")
        elif known[name].replace(" ", "").lower() != kind:
            problems.append(f"{name} would change from {known[name]} to {kind}")
    if problems:
        raise SchemaConflictError(
            f"table {table.name} cannot take this schema: {'; '.join(problems)}. Only new nullable columns can be "
            "added; otherwise write to a table with a new name"
        )


def _columns(schema: pa.Schema) -> list[ColumnTypeDef]:
    return [_column(field) for field in schema]


def _column(field: pa.Field[Any]) -> ColumnTypeDef:
    described: ColumnTypeDef = {"Name": field.name, "Type": hive_type(field.type)}
    comment = (field.metadata or {}).get(COMMENT.encode(), b"").decode()
    if comment:
        described["Comment"] = comment[:_COMMENT_MAX]
    return described


def _storage(columns: list[ColumnTypeDef], location: str) -> Any:
    return {"Columns": columns, "Location": location, "Compressed": False, **_PARQUET}
