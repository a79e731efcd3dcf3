"""The warehouse in Amazon Redshift, serverless or provisioned, by its Data API.

No Redshift was at hand: this is tested against a model of the Data API that runs the statements on duckdb.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from health_pipeline.settings import WarehouseSettings

from health_catalog.clients import make_client
from health_catalog.errors import aws_errors
from health_catalog.names import MANIFESTS
from health_catalog.schemas import RAW, TRANSFORMED, Table
from health_catalog.warehouse import ddl
from health_catalog.warehouse.copying import Batch, batch
from health_catalog.warehouse.dataapi import DataApi, StatementError, Target
from health_catalog.warehouse.plan import Entry, Load, partition_values

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Statements that one request takes.
_MOST_STATEMENTS = 40


@dataclass(frozen=True)
class Names:
    """Where in Redshift and in the lake a warehouse is. ``manifests`` is an s3:// address without a slash at its end.

    ``external`` maps names of external schemas to Glue databases.
    """

    schema: str
    copy_role: str
    manifests: str
    region: str
    external: Mapping[str, str]


class Redshift:
    """Engine over the Data API. ``s3`` is boto3's client; ``nonce`` makes up what no other token has."""

    def __init__(
        self, api: DataApi, s3: S3Client, names: Names, nonce: Callable[[], str] = lambda: uuid.uuid4().hex[:16]
    ) -> None:
        self._api = api
        self._s3 = s3
        self._names = names
        self._nonce = nonce
        self._tried: set[str] = set()

    def held(self) -> AbstractContextManager[None]:
        """See Engine; there is nothing to hold."""
        return nullcontext()

    def prepare(self, tables: Sequence[Table]) -> None:
        """See Engine."""
        schema = self._names.schema
        made = [ddl.create_schema(schema), ddl.create_ledger(schema)]
        self._run([*made, *(ddl.create_table(schema, table) for table in tables)])
        there: dict[str, set[str]] = {}
        for name, column in self._columns():
            there.setdefault(name, set()).add(column)
        for table in tables:
            for statement in ddl.add_columns(schema, table, there.get(table.name, set())):
                self._run([statement])
        for external, database in self._names.external.items():
            self._run([ddl.external_schema(external, database, self._names.copy_role, self._names.region)])

    def ledger(self) -> list[Entry]:
        """See Engine."""
        name = ddl.qualified(self._names.schema, ddl.LEDGER)
        columns = "table_name, partition_values, location, load_id"
        rows = self._api.rows(f"SELECT {columns} FROM {name}", self._nonce())  # noqa: S608 (quoted)
        return [Entry(table, partition_values(text), location, load) for table, text, location, load in rows]

    def load(self, load: Load) -> None:
        """See Engine.

        The first attempt's token follows from the load, so that who comes after a crash is told of the statement that
        is under way or has ended, and starts no second one. Any other attempt has a token of its own: the first may
        have failed, be it long ago, and would only be told of once more. Should two run after each other all the same,
        the second does what the first has done.
        """
        made = batch(load, self._names.schema, self._names.copy_role, self._names.manifests)
        self._put(made)
        if load.id not in self._tried:
            self._tried.add(load.id)
            try:
                self._api.run(made.statements, load.id, made.parameters)
                return
            except StatementError:
                pass  # of another process, perhaps, and repaired since
        self._api.run(made.statements, f"{load.id}-{self._nonce()}", made.parameters)

    def _run(self, statements: Sequence[str]) -> None:
        for start in range(0, len(statements), _MOST_STATEMENTS):
            self._api.run(statements[start : start + _MOST_STATEMENTS], self._nonce())

    def _columns(self) -> list[tuple[str, str]]:
        query = "SELECT table_name, column_name FROM svv_columns WHERE table_schema = :schema"
        return [
            (table, column) for table, column in self._api.rows(query, self._nonce(), {"schema": self._names.schema})
        ]

    def _put(self, made: Batch) -> None:
        for address, document in made.manifests.items():
            bucket, key = _object(address)
            with aws_errors("s3:PutObject", address):
                self._s3.put_object(Bucket=bucket, Key=key, Body=document)


def redshift(settings: WarehouseSettings, stop: threading.Event) -> Redshift:
    """The one that the settings name. Asks it nothing."""
    # Who has started a statement may ask after it, and AWS tells a role's sessions apart by their names: without one of
    # ours, a process that is started anew would be somebody else.
    os.environ.setdefault("AWS_ROLE_SESSION_NAME", f"{settings.pipeline}-warehouse")
    target = Target(settings.warehouse_database, settings.workgroup, settings.cluster, settings.secret_arn)
    # Where Glue has a stand-in, the same stands in for Redshift.
    client = make_client("redshift-data", settings.glue_endpoint, settings.region)
    s3 = make_client("s3", settings.lake_endpoint, settings.region)
    return Redshift(DataApi(client, target, stop.wait), s3, names(settings))


def names(settings: WarehouseSettings) -> Names:
    """Where in Redshift and in the lake the warehouse is."""
    zones = (RAW, TRANSFORMED) if settings.spectrum_schema else ()
    return Names(
        schema=settings.warehouse_schema,
        copy_role=settings.copy_role_arn,
        manifests=f"{settings.lake}/{MANIFESTS}",
        region=settings.region,
        external={f"{settings.spectrum_schema}_{zone}": settings.glue_database(zone) for zone in zones},
    )


def _object(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.netloc, parts.path.lstrip("/")
