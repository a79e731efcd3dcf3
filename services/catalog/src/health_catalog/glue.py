"""The Glue Data Catalog: databases, tables and partitions, registered as data lands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError
from health_pipeline.settings import LakeSettings
from prometheus_client import Counter

from health_catalog.clients import make_client
from health_catalog.errors import CatalogError, ThrottledError, aws_errors, error_code
from health_catalog.schemas import Partition, Table
from health_catalog.shapes import evolved, partition_input, partition_of, table_input, table_of

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_glue.type_defs import DatabaseInputTypeDef

T = TypeVar("T")

# Glue's limits for BatchGetPartition, and for BatchCreatePartition and BatchUpdatePartition.
_GET_AT_ONCE, _PUT_AT_ONCE = 1000, 100
# Each lost race means that somebody else got a change in, so this many in a row means that something is wrong.
_RACES = 8
_CHANGED_MEANWHILE = {"ConcurrentModificationException", "VersionMismatchException"}

PARTITIONS = Counter(
    "health_catalog_partitions_total",
    "Partitions handed to the catalogue; result is created, updated, unchanged or failed",
    ["pipeline", "result"],
)


class GlueCatalog:
    """A pipeline's databases in the catalogue. All calls are idempotent and may be made by many at once.

    ``client`` is a boto3 Glue client; without one, it is made at the first call. All methods raise CatalogError.
    """

    def __init__(self, settings: LakeSettings, client: GlueClient | None = None) -> None:
        self._settings = settings
        self._given = client
        for result in ("created", "updated", "unchanged", "failed"):
            self._count(result, 0)  # what begins with its first failure would show no increase

    @cached_property
    def _glue(self) -> GlueClient:
        made: GlueClient = self._given or make_client("glue", self._settings.glue_endpoint, self._settings.region)
        return made

    def ensure_database(self, zone: str) -> None:
        """Make the zone's database where there is none."""
        name = self._settings.glue_database(zone)
        wanted: DatabaseInputTypeDef = {
            "Name": name,
            "Description": f"The {zone} zone of the health pipeline {self._settings.pipeline}",
            "LocationUri": f"{self._settings.lake}/{zone}/",
        }
        with aws_errors("glue:CreateDatabase", name):
            _unless_there(lambda: self._glue.create_database(DatabaseInput=wanted))

    def ensure_table(self, table: Table, projected_days: int | None = None) -> None:
        """Make the table, or add its new nullable columns to the one that is there.

        ``projected_days``: for so many days Athena works out the partitions by itself; None leaves that as it is.

        SchemaConflictError when what is registered cannot become this without breaking the data that is there.
        """
        location = self._settings.table_uri(table.zone, table.name)
        for _ in range(_RACES):
            registered = self._registered(table.zone, table.name)
            if registered is None:
                if self._create(table, location, projected_days or 0):
                    return
            else:
                wanted: Any = evolved(registered, table, location, projected_days)
                if wanted is None or self._update(table, wanted, registered.get("VersionId")):
                    return
        raise CatalogError(f"{self._where(table)} was changed by somebody else {_RACES} times while it was being read")

    def put_partitions(self, table: Table, partitions: Iterable[Partition]) -> None:
        """Register these partitions of a table that is there; one at another location is moved to the new one."""
        wanted = {partition.values: partition for partition in partitions}
        for values in wanted:
            if len(values) != len(table.partition_keys):
                raise ValueError(f"{table.name} is partitioned by {table.partition_keys}, not by {values}")
        unsure = list(wanted.values())
        for _ in range(_RACES):
            registered = self.some_partitions(table, [item.values for item in unsure])
            known = {partition.values: partition for partition in registered}
            missing = [partition for partition in unsure if partition.values not in known]
            moved = [item for item in unsure if item.values in known and known[item.values] != item]
            self._count("unchanged", len(unsure) - len(missing) - len(moved))
            unsure = [*self._create_partitions(table, missing), *self._move_partitions(table, moved)]
            if not unsure:
                return
        raise CatalogError(f"{self._where(table)}: somebody else keeps changing partitions {unsure[0].values}, ...")

    def table(self, zone: str, name: str) -> Table | None:
        """The Parquet table as it is registered, or None."""
        registered = self._registered(zone, name)
        return None if registered is None else _readable(zone, registered)

    def tables(self, zone: str) -> list[Table]:
        """Every Parquet table of the zone, by name; none when there is no such database."""
        database = self._settings.glue_database(zone)
        with aws_errors("glue:GetTables", database):
            try:
                pages = self._glue.get_paginator("get_tables").paginate(DatabaseName=database)
                found = [_readable(zone, item) for page in pages for item in page["TableList"]]
            except ClientError as error:
                if error_code(error) != "EntityNotFoundException":
                    raise
                return []
        return sorted((table for table in found if table), key=lambda table: table.name)

    def partitions(self, table: Table) -> list[Partition]:
        """Every registered partition, in the order of its values."""
        with aws_errors("glue:GetPartitions", self._where(table)):
            pages = self._glue.get_paginator("get_partitions").paginate(
                DatabaseName=self._settings.glue_database(table.zone), TableName=table.name, ExcludeColumnSchema=True
            )
            found = [partition_of(item) for page in pages for item in page["Partitions"]]
        return sorted(found, key=lambda partition: partition.values)

    def some_partitions(self, table: Table, values: Iterable[tuple[str, ...]]) -> list[Partition]:
        """Those of the partitions with these values that are registered."""
        database = self._settings.glue_database(table.zone)
        found: list[Partition] = []
        for chunk in _chunks(values, _GET_AT_ONCE):
            keys: Any = [{"Values": list(item)} for item in chunk]
            while keys:
                with aws_errors("glue:BatchGetPartition", self._where(table)):
                    answer = self._glue.batch_get_partition(
                        DatabaseName=database, TableName=table.name, PartitionsToGet=keys
                    )
                found += map(partition_of, answer["Partitions"])
                keys = answer.get("UnprocessedKeys")
        return found

    def _registered(self, zone: str, name: str) -> Any:
        database = self._settings.glue_database(zone)
        with aws_errors("glue:GetTable", f"{database}.{name}"):
            try:
                return self._glue.get_table(DatabaseName=database, Name=name)["Table"]
            except ClientError as error:
                if error_code(error) != "EntityNotFoundException":
                    raise
                return None

    def _create(self, table: Table, location: str, projected_days: int) -> bool:
        """Whether the table was made; False when somebody was faster."""
        database = self._settings.glue_database(table.zone)
        with aws_errors("glue:CreateTable", self._where(table)):
            wanted = table_input(table, location, projected_days)
            return _unless_there(lambda: self._glue.create_table(DatabaseName=database, TableInput=wanted))

    def _update(self, table: Table, wanted: Any, version: str | None) -> bool:
        """Whether the table was changed; False when somebody changed it since ``version`` was read."""
        since: Any = {"VersionId": version} if version else {}
        with aws_errors("glue:UpdateTable", self._where(table)):
            try:
                self._glue.update_table(
                    DatabaseName=self._settings.glue_database(table.zone), TableInput=wanted, **since
                )
                return True
            except ClientError as error:
                if error_code(error) not in _CHANGED_MEANWHILE:
                    raise
                return False

    def _create_partitions(self, table: Table, partitions: Sequence[Partition]) -> list[Partition]:
        """Register new ones; those that somebody else was faster with come back."""
        lost: list[Partition] = []
        for chunk in _chunks(partitions, _PUT_AT_ONCE):
            with aws_errors("glue:BatchCreatePartition", self._where(table)):
                answer = self._glue.batch_create_partition(
                    DatabaseName=self._settings.glue_database(table.zone),
                    TableName=table.name,
                    PartitionInputList=[partition_input(table, partition) for partition in chunk],
                )
            failed = self._failures(table, "glue:BatchCreatePartition", answer, "AlreadyExistsException")
            lost += [partition for partition in chunk if partition.values in failed]
            self._count("created", len(chunk) - len(failed))
        return lost

    def _move_partitions(self, table: Table, partitions: Sequence[Partition]) -> list[Partition]:
        """Correct the location of registered ones; those that are gone by now come back."""
        lost: list[Partition] = []
        for chunk in _chunks(partitions, _PUT_AT_ONCE):
            entries: Any = [
                {"PartitionValueList": list(item.values), "PartitionInput": partition_input(table, item)}
                for item in chunk
            ]
            with aws_errors("glue:BatchUpdatePartition", self._where(table)):
                answer = self._glue.batch_update_partition(
                    DatabaseName=self._settings.glue_database(table.zone), TableName=table.name, Entries=entries
                )
            failed = self._failures(table, "glue:BatchUpdatePartition", answer, "EntityNotFoundException")
            lost += [partition for partition in chunk if partition.values in failed]
            self._count("updated", len(chunk) - len(failed))
        return lost

    def _failures(self, table: Table, action: str, answer: Any, harmless: str) -> set[tuple[str, ...]]:
        """Values of the partitions that ``answer`` says failed by a race; any other failure is raised."""
        failures: set[tuple[str, ...]] = set()
        for entry in answer.get("Errors") or []:
            values = tuple(entry.get("PartitionValues") or entry.get("PartitionValueList") or ())
            detail = entry["ErrorDetail"]
            if detail.get("ErrorCode") != harmless:
                self._count("failed", len(answer["Errors"]))
                kind = ThrottledError if "Throttl" in str(detail.get("ErrorCode")) else CatalogError
                raise kind(f"{action} on {self._where(table)} {values}: {detail}")
            failures.add(values)
        return failures

    def _count(self, result: str, number: int) -> None:
        PARTITIONS.labels(self._settings.pipeline, result).inc(number)

    def _where(self, table: Table) -> str:
        return f"{self._settings.glue_database(table.zone)}.{table.name}"


def _readable(zone: str, registered: Any) -> Table | None:
    """The table, or None where somebody has put a view or an Iceberg table beside ours."""
    if registered.get("Parameters", {}).get("classification") != "parquet":
        return None
    try:
        return table_of(zone, registered)
    except TypeError as error:
        raise CatalogError(f"table {registered['Name']} in zone {zone}: {error}") from error


def _unless_there(create: Any) -> bool:
    """Whether ``create`` made something; False when it was there already."""
    try:
        create()
        return True
    except ClientError as error:
        if error_code(error) != "AlreadyExistsException":
            raise
        return False


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    left = iter(items)
    while chunk := list(islice(left, size)):
        yield chunk
