"""Redshift's Data API as AWS documents it, over a duckdb that stands in for the warehouse.

It answers real HTTP requests of botocore, which takes them as they leave for the network. The statements run: what is
DML is translated by sqlglot, COPY reads the manifest's Parquet files by the place of their columns, as Redshift does.
Documented and kept here: a batch is one transaction; the client token makes a repeated request the first one; a
statement goes from SUBMITTED by PICKED and STARTED to FINISHED, FAILED or ABORTED. Transactions overlap with SNAPSHOT
isolation, which a new warehouse has: each sees what was committed before its first statement that is no LOCK.
"""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot
from botocore import xform_name
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError
from pyarrow.fs import FileSystem

_STATES = ("SUBMITTED", "PICKED", "STARTED")
_COPY = re.compile(
    r"COPY \"(?P<stage>\w+)\" FROM '(?P<manifest>s3://[^']+)' IAM_ROLE '(?P<role>[^']+)' FORMAT AS PARQUET"
    r"(?P<nested> SERIALIZETOJSON)? MANIFEST"
)
_EXTERNAL = re.compile(
    r"CREATE EXTERNAL SCHEMA IF NOT EXISTS \"(\w+)\" FROM DATA CATALOG DATABASE '(\w+)' REGION '([-\w]+)' "
    r"IAM_ROLE '(.+)'"
)
_LOCK = re.compile(r"LOCK (\"\w+\"\.\"\w+\")")
_PARAMETER = re.compile(r":([a-z]\w*)")
_PAGE = 3  # rows


@dataclass
class Statement:
    """One that was started."""

    sqls: list[str]
    parameters: dict[str, str]
    state: int = 0
    ended: str = ""
    error: str = ""
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    done: int = 0
    session: duckdb.DuckDBPyConnection | None = None

    @property
    def status(self) -> str:
        return self.ended or _STATES[min(self.state, len(_STATES) - 1)]


class Refused(Exception):
    """An error of the API's."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Model:
    """The service. ``trouble(operation)`` says what goes wrong with a call: an error's code, ``lost`` (it is done and
    nobody hears of it), ``unsent``, or nothing. ``fails`` says of a transaction's statements why it is to fail. A
    transaction goes on by ``pace`` statements when it is asked after, or when somebody waits for its lock."""

    filesystem: FileSystem
    trouble: Callable[[str], str] = lambda _operation: ""
    fails: Callable[[list[str]], str] = lambda _sqls: ""
    stuck: bool = False
    pace: int = 40
    locks: dict[str, Statement] = field(default_factory=dict)
    statements: dict[str, Statement] = field(default_factory=dict)
    tokens: dict[str, tuple[str, Any]] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)
    external: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.database = duckdb.connect(":memory:")
        self.database.execute("SET TimeZone = 'UTC'")
        self.database.execute(
            "CREATE VIEW svv_columns AS SELECT table_schema, table_name, column_name FROM information_schema.columns"
        )

    def client(self) -> Any:
        """A real client of boto3's, whose requests come here; it repeats nothing by itself."""
        session = boto3.session.Session("key", "secret", region_name="eu-west-2")
        made = session.client("redshift-data", config=Config(retries={"total_max_attempts": 1}))
        made.meta.events.register("before-send.redshift-data", self._answer)
        return made

    def put_object(self, **given: Any) -> None:
        """As S3's: where the manifests go."""
        self.objects[f"s3://{given['Bucket']}/{given['Key']}"] = given["Body"]

    def settle(self) -> None:
        """Let everything that is under way end by itself."""
        for statement in self.statements.values():
            while not statement.ended:
                self._advance(statement)

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        given = json.loads(request.body)
        self.calls.append((operation, given))
        trouble = self.trouble(operation)
        if trouble == "unsent":
            raise ConnectionClosedError(endpoint_url=request.url)
        try:
            if trouble and trouble != "lost":
                raise Refused(trouble)
            status, body = 200, getattr(self, f"_{xform_name(operation)}")(given)
        except Refused as refused:
            status, body = 400, {"__type": refused.code, "Message": refused.code}
        if trouble == "lost":
            raise ConnectionClosedError(endpoint_url=request.url)
        return AWSResponse(request.url, status, {"Content-Type": "application/x-amz-json-1.1"}, _Raw(body))

    def _execute_statement(self, given: dict[str, Any]) -> dict[str, Any]:
        return self._start(given, [given["Sql"]])

    def _batch_execute_statement(self, given: dict[str, Any]) -> dict[str, Any]:
        return self._start(given, given["Sqls"])

    def _start(self, given: dict[str, Any], sqls: list[str]) -> dict[str, Any]:
        if len(sqls) > 40 or any(len(sql) > 100_000 for sql in sqls):
            raise Refused("ValidationException")
        if ("WorkgroupName" in given) == ("ClusterIdentifier" in given):
            raise Refused("ValidationException")
        parameters = {item["name"]: item["value"] for item in given.get("Parameters", [])}
        used = {name for sql in sqls for name in _PARAMETER.findall(_without_texts(sql))}
        if used != set(parameters):
            raise Refused("ValidationException")
        token = given["ClientToken"]
        if token in self.tokens:
            known, wanted = self.tokens[token]
            assert wanted == given, "one token for two different requests"
            return {"Id": known}
        name = str(uuid.uuid4())
        self.statements[name] = Statement(sqls, parameters)
        self.tokens[token] = (name, given)
        return {"Id": name}

    def _describe_statement(self, given: dict[str, Any]) -> dict[str, Any]:
        statement = self._known(given)
        if not statement.ended and not self.stuck:
            self._advance(statement)
        told = {"Id": given["Id"], "Status": statement.status}
        return told | ({"Error": statement.error} if statement.error else {})

    def _cancel_statement(self, given: dict[str, Any]) -> dict[str, Any]:
        statement = self._known(given)
        if statement.ended:
            raise Refused("ValidationException")
        self._end(statement, "ROLLBACK")
        statement.ended = "ABORTED"
        return {"Status": True}

    def _get_statement_result(self, given: dict[str, Any]) -> dict[str, Any]:
        rows = self._known(given).rows
        start = int(given.get("NextToken", 0))
        records = [[{"stringValue": value} for value in row] for row in rows[start : start + _PAGE]]
        more = {"NextToken": str(start + _PAGE)} if start + _PAGE < len(rows) else {}
        return {"Records": records, **more}

    def _known(self, given: dict[str, Any]) -> Statement:
        if given["Id"] not in self.statements:
            raise Refused("ResourceNotFoundException")
        return self.statements[given["Id"]]

    def _advance(self, statement: Statement) -> None:
        statement.state += 1
        if statement.state == len(_STATES):
            statement.error = self.fails(statement.sqls)
        if statement.state >= len(_STATES) and not statement.error:
            statement.error = self._run(statement)
        if statement.error:
            self._end(statement, "ROLLBACK")
            statement.ended = "FAILED"

    def _run(self, statement: Statement) -> str:
        """The next statements of a transaction, as far as none waits for a lock; why it has failed, if it has."""
        try:
            for sql in statement.sqls[statement.done : statement.done + self.pace]:
                if holder := self._holder(sql, statement):
                    self._advance(holder)
                    return ""
                self._step(sql, statement)
                statement.done += 1
            if statement.done == len(statement.sqls):
                self._end(statement, "COMMIT")
                statement.ended = "FINISHED"
        except (duckdb.Error, OSError, KeyError, ValueError) as error:
            return f"ERROR: {error}"
        return ""

    def _holder(self, sql: str, statement: Statement) -> Statement | None:
        """Whoever has locked a table that this names: neither reads nor writes get by."""
        return next((held for table, held in self.locks.items() if table in sql and held is not statement), None)

    def _step(self, sql: str, statement: Statement) -> None:
        if lock := _LOCK.fullmatch(sql):
            self.locks[lock[1]] = statement
            return
        if statement.session is None:
            statement.session = self.database.cursor()
            statement.session.execute("SET TimeZone = 'UTC'")
            statement.session.execute("BEGIN")
            statement.session.execute("SELECT count(*) FROM svv_columns")  # only now duckdb has its snapshot
        self._execute(statement.session, sql, statement)

    def _end(self, statement: Statement, how: str) -> None:
        self.locks = {table: held for table, held in self.locks.items() if held is not statement}
        session, statement.session = statement.session, None
        if session is None:
            return
        try:
            session.execute(how)
        finally:
            for (name,) in session.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall():
                session.execute(f'DROP TABLE "{name}"')  # a temporary table ends with the session
            session.close()

    def _execute(self, session: duckdb.DuckDBPyConnection, sql: str, statement: Statement) -> None:
        if copy := _COPY.fullmatch(sql):
            self._copy(session, **copy.groupdict())
            return
        if external := _EXTERNAL.fullmatch(sql):
            if len(statement.sqls) > 1:
                raise ValueError("CREATE EXTERNAL SCHEMA cannot run inside a transaction block")
            self.external[external[1]] = external.groups()[1:]
            return
        sql = re.sub(r" (DISTSTYLE \w+|DISTKEY \([^)]*\)|SORTKEY \([^)]*\))", "", sql).replace(" SUPER", " JSON")
        (translated,) = sqlglot.transpile(sql, read="redshift", write="duckdb")
        used = set(_PARAMETER.findall(_without_texts(sql)))
        answer = session.execute(translated, {name: statement.parameters[name] for name in used})
        if sql.startswith("SELECT"):
            statement.rows = answer.fetchall()
            if (math.inf,) in statement.rows:  # what duckdb makes of it
                raise ValueError("Divide by zero")

    def _copy(self, session: duckdb.DuckDBPyConnection, stage: str, manifest: str, role: str, nested: str) -> None:
        assert role.startswith("arn:aws:iam::")
        columns = session.execute(f'DESCRIBE "{stage}"').fetchall()
        for entry in json.loads(self.objects[manifest])["entries"]:
            path = entry["url"].removeprefix("s3://")
            if self.filesystem.get_file_info(path).size != entry["meta"]["content_length"]:
                raise ValueError(f"Spectrum Scan Error: {entry['url']} is not as the manifest says")
            with self.filesystem.open_input_file(path) as file:
                rows = pq.read_table(file)
            if len(rows.schema) != len(columns):
                raise ValueError("Unmatched number of columns between table and file")
            if any(pa.types.is_nested(item.type) for item in rows.schema) != bool(nested):
                raise ValueError("SERIALIZETOJSON is for nested columns, and for no others")
            taken = [_json(rows.column(index)) for index in range(len(columns))]
            loading = pa.Table.from_arrays(taken, names=[f"c{index}" for index in range(len(columns))])
            session.register("copied", loading)
            casts = ", ".join(f"CAST(c{index} AS {column[1]})" for index, column in enumerate(columns))
            session.execute(f'INSERT INTO "{stage}" SELECT {casts} FROM copied')
            session.unregister("copied")


def _json(column: Any) -> Any:
    """A nested column as text; a time as Redshift has it, without its zone."""
    if pa.types.is_nested(column.type):
        return pa.array([json.dumps(value) for value in column.to_pylist()], pa.string())
    return column.cast(pa.timestamp("us")) if pa.types.is_timestamp(column.type) else column


def _without_texts(sql: str) -> str:
    return re.sub(r"'[^']*'", "''", sql)


class _Raw:
    """A body as botocore reads it off the network."""

    def __init__(self, body: dict[str, Any]) -> None:
        self._body = json.dumps(body).encode()

    def stream(self, **_: Any) -> Any:
        yield self._body
