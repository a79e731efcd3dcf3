"""Amazon Athena, for pipelines that have a workgroup.

Start, poll, page and cancel are tested against moto, which returns whatever rows it was given: what Athena itself makes
of a statement was not tried here.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from botocore import xform_name
from health_pipeline.settings import LakeSettings

from health_catalog.clients import make_client
from health_catalog.errors import QueryError, aws_errors
from health_catalog.hive import TIMESTAMP
from health_catalog.schemas import RAW
from health_catalog.statements import Kind, for_athena, read_statement

# Athena's own limit for a query is 30 minutes; nobody waits that long at a prompt.
DEADLINE_S = 600.0
# Most queries take about a second; polling a long one oftener than every 2 s only uses up the account's quota.
_FIRST_POLL_S, _SLOWEST_POLL_S = 0.1, 2.0

# What a terabyte read costs in USD in most regions, and what a query is charged for at least.
# https://aws.amazon.com/athena/pricing/
_USD_PER_BYTE, _LEAST_CHARGED = 5 / 10**12, 10**7

_TYPES: dict[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "real": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": TIMESTAMP,
    "timestamp with time zone": TIMESTAMP,
}
_ZONED = re.compile(r"(?P<moment>\S+ \S+?)(?: (?P<zone>[A-Za-z_/]+)|\s*(?P<offset>[+-]\d{2}:\d{2}))?")

Row = list[str | None]


@dataclass(frozen=True)
class Progress:
    """How far a query is: its state in Athena's words, since when it was asked, and what it has read so far."""

    state: str
    seconds: float
    scanned_bytes: int

    @property
    def usd(self) -> float:
        """What is to be paid for it, about; nothing where nothing was read."""
        return max(self.scanned_bytes, _LEAST_CHARGED) * _USD_PER_BYTE if self.scanned_bytes else 0.0


class AthenaSql:
    """Runs statements in a workgroup, which says where results are kept and what may be scanned.

    Same interface as ``sql.LocalSql``. Where Glue has a stand-in (``glue_endpoint``), the same stands in for Athena.
    ``on_progress`` is told at each look how far a query is, the last time when it is done.
    """

    def __init__(
        self, settings: LakeSettings, workgroup: str, client: Any = None, deadline_s: float = DEADLINE_S,
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._workgroup = workgroup
        self._given = client
        self._deadline_s = deadline_s
        self._on_progress = on_progress

    @cached_property
    def _athena(self) -> Any:
        return self._given or make_client("athena", self._settings.glue_endpoint, self._settings.region)

    def query(self, sql: str) -> pa.Table:
        """The answer; nested values are text, as Athena prints them.

        QueryError when the statement is wrong or takes longer than the deadline, CatalogError when AWS says no. An
        interrupted query is cancelled: what it would still scan would still be paid for.
        """
        statement = read_statement(sql, self._settings)
        started = self._start(for_athena(statement, self._settings))
        try:
            self._wait(started)
        except BaseException:
            self._call("StopQueryExecution", QueryExecutionId=started)
            raise
        return self._result(started, statement.kind)

    def _start(self, sql: str) -> str:
        answer = self._call(
            "StartQueryExecution",
            QueryString=sql,
            WorkGroup=self._workgroup,
            QueryExecutionContext={"Catalog": "AwsDataCatalog", "Database": self._settings.glue_database(RAW)},
        )
        return str(answer["QueryExecutionId"])

    def _wait(self, started: str) -> None:
        begun = time.monotonic()
        deadline = begun + self._deadline_s
        pause = _FIRST_POLL_S
        while True:
            told = self._call("GetQueryExecution", QueryExecutionId=started)["QueryExecution"]
            status = told["Status"]
            read = int(told.get("Statistics", {}).get("DataScannedInBytes", 0))
            self._on_progress(Progress(status["State"], time.monotonic() - begun, read))
            if status["State"] == "SUCCEEDED":
                return
            if status["State"] in ("FAILED", "CANCELLED"):
                reason = status.get("StateChangeReason") or "no reason given"
                raise QueryError(f"Athena: {status['State'].lower()}: {reason}")
            if time.monotonic() + pause > deadline:
                raise QueryError(f"Athena did not answer within {self._deadline_s:g} s; the query was cancelled")
            time.sleep(pause)
            pause = min(pause * 1.5, _SLOWEST_POLL_S)

    def _result(self, started: str, kind: Kind) -> pa.Table:
        columns: list[dict[str, Any]] = []
        rows: list[Row] = []
        for page in self._pages(started):
            columns = page["ResultSetMetadata"]["ColumnInfo"]
            rows += [[cell.get("VarCharValue") for cell in row["Data"]] for row in page["Rows"]]
        names = [str(column["Name"]) for column in columns]
        # The first row of a query's result is its header; SHOW and DESCRIBE have none.
        if kind in ("select", "explain") and rows and rows[0] == names:
            del rows[0]
        arrays = [
            typed([row[index] if index < len(row) else None for row in rows], column["Type"])
            for index, column in enumerate(columns)
        ]
        return pa.Table.from_arrays(arrays, names=names)

    def _pages(self, started: str) -> Iterator[dict[str, Any]]:
        more: dict[str, str] = {}
        while True:
            answer = self._call("GetQueryResults", QueryExecutionId=started, **more)
            yield answer["ResultSet"]
            if not answer.get("NextToken"):
                return
            more = {"NextToken": answer["NextToken"]}

    def _call(self, operation: str, **given: Any) -> dict[str, Any]:
        with aws_errors(f"athena:{operation}", f"workgroup {self._workgroup}"):
            answer: dict[str, Any] = getattr(self._athena, xform_name(operation))(**given)
            return answer


def typed(values: Row, athena_type: str) -> pa.Array[Any]:
    """Athena's text as what it stands for; types without a counterpart (row, array, json, ...) stay text."""
    kind = _TYPES.get(athena_type.lower())
    if kind is None:
        return pa.array(values, pa.string())
    if kind == TIMESTAMP:
        return pa.array([value and _moment(value) for value in values], TIMESTAMP)
    return pa.array(values, pa.string()).cast(kind)


def _moment(text: str) -> datetime:
    """``2026-11-23 03:31:55.123``, with or without a zone at its end; without one it is UTC."""
    match = _ZONED.fullmatch(text)
    if match is None:
        raise QueryError(f"Athena answered with a time that cannot be read: {text!r}")
    moment = datetime.fromisoformat(match["moment"] + (match["offset"] or ""))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(match["zone"]) if match["zone"] else UTC)
    return moment.astimezone(UTC)
