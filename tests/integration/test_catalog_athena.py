"""The way to Athena and back, against an endpoint that gives the answers it was told to give."""

from __future__ import annotations

import json
import urllib.request
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from health_catalog.athena import AthenaSql, Progress, typed
from health_catalog.clients import make_client
from health_catalog.errors import CatalogError, QueryError
from health_pipeline.settings import LakeSettings

TYPES = ("varchar", "bigint", "double", "boolean", "date", "timestamp", "timestamp with time zone", "row(a integer)")


@pytest.fixture
def settings(aws_endpoint: str) -> LakeSettings:
    return LakeSettings(
        pipeline="london", lake="s3://lake", database="london", lake_endpoint=aws_endpoint, glue_endpoint=aws_endpoint
    )


@pytest.fixture
def athena(settings: LakeSettings) -> Any:
    client = make_client("athena", settings.glue_endpoint, settings.region)
    if "london" not in [group["Name"] for group in client.list_work_groups()["WorkGroups"]]:
        client.create_work_group(Name="london")
    return client


def _answer_with(settings: LakeSettings, names: tuple[str, ...], rows: list[tuple[str | None, ...]]) -> None:
    """What the next query is answered with (moto's own interface)."""
    cells = [[{} if value is None else {"VarCharValue": value} for value in row] for row in rows]
    columns = [
        {"CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": name, "Label": name, "Type": kind}
        for name, kind in zip(names, TYPES, strict=False)
    ]
    body = {"results": [{"rows": [{"Data": row} for row in cells], "column_info": columns}]}
    request = urllib.request.Request(  # noqa: S310 (the endpoint is our own)
        f"{settings.glue_endpoint}/moto-api/static/athena/query-results",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        assert answer.status == 201


def _last(athena: Any) -> dict[str, Any]:
    (started, *_) = athena.list_query_executions()["QueryExecutionIds"][::-1]
    found: dict[str, Any] = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]
    return found


def test_a_query_goes_to_athena_and_comes_back_typed(settings: LakeSettings, athena: Any) -> None:
    names = ("patient", "n", "mean", "ok", "day", "at", "there", "candidate")
    row = (
        "p1",
        "12",
        "61.5",
        "true",
        "2026-11-22",
        "2026-11-22 03:00:00.123",
        "2026-11-22 12:00:00.000 Asia/Tokyo",
        "{a=1}",
    )
    _answer_with(settings, names, [names, row, (None,) * 8])
    answer = AthenaSql(settings, "london").query("SELECT * FROM transformed.x WHERE hour = 'raw.x'")
    assert answer.schema.names == list(names)
    assert [tuple(found.values()) for found in answer.to_pylist()] == [
        ("p1", 12, 61.5, True, date(2026, 11, 22), datetime(2026, 11, 22, 3, 0, 0, 123_000, UTC),
         datetime(2026, 11, 22, 3, tzinfo=UTC), "{a=1}"),
        (None,) * 8,
    ]  # fmt: skip
    asked = _last(athena)
    assert asked["Query"] == """SELECT * FROM "london_transformed".x WHERE hour = 'raw.x'"""
    assert asked["WorkGroup"] == "london"
    assert asked["QueryExecutionContext"]["Database"] == "london_raw"


def test_show_has_no_header(settings: LakeSettings, athena: Any) -> None:
    _answer_with(settings, ("tab_name",), [("tab_name",), ("vitals",)])
    answer = AthenaSql(settings, "london", athena).query("SHOW TABLES")
    assert answer.column(0).to_pylist() == ["tab_name", "vitals"]  # a table may well be called so
    assert _last(athena)["Query"] == "SHOW TABLES IN `london_raw`"


def test_a_workgroup_that_is_not_there(settings: LakeSettings) -> None:
    with pytest.raises(CatalogError, match="athena:StartQueryExecution on workgroup nowhere"):
        AthenaSql(settings, "nowhere").query("SELECT 1")


def test_what_does_more_than_read_never_leaves(settings: LakeSettings) -> None:
    with pytest.raises(QueryError, match="not allowed"):
        AthenaSql(settings, "nowhere").query("DROP TABLE raw.vitals")


class _Scripted:
    """A client of the endpoint, but for the answers that it cannot be made to give: states, reasons and pages."""

    def __init__(self, athena: Any, states: list[Any], pages: tuple[Any, ...] = ()) -> None:
        self.athena, self.states, self.pages = athena, states, list(pages)
        self.stopped: list[str] = []

    def start_query_execution(self, **given: Any) -> Any:
        return self.athena.start_query_execution(**given)

    def get_query_execution(self, **_: Any) -> Any:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if isinstance(state, BaseException):
            raise state
        return {"QueryExecution": {"Status": state, "Statistics": {"DataScannedInBytes": 40_000_000}}}

    def get_query_results(self, **given: Any) -> Any:
        number = int(given.get("NextToken", "0"))
        more = {"NextToken": str(number + 1)} if number + 1 < len(self.pages) else {}
        columns = [{"Name": "n", "Type": "bigint"}]
        rows = [{"Data": [{"VarCharValue": value}]} for value in self.pages[number]]
        return {"ResultSet": {"Rows": rows, "ResultSetMetadata": {"ColumnInfo": columns}}, **more}

    def stop_query_execution(self, **given: Any) -> Any:
        self.stopped.append(given["QueryExecutionId"])
        return self.athena.stop_query_execution(**given)


RUNNING, DONE = {"State": "RUNNING"}, {"State": "SUCCEEDED"}


def test_every_page_is_read_and_one_header_dropped(settings: LakeSettings, athena: Any) -> None:
    client = _Scripted(athena, [{"State": "QUEUED"}, RUNNING, DONE], (["n", "1", "2"], ["3"], ["4"]))
    assert AthenaSql(settings, "london", client).query("SELECT n FROM t").column(0).to_pylist() == [1, 2, 3, 4]
    assert client.stopped == []


def test_how_far_it_is_and_what_it_costs_is_told(settings: LakeSettings, athena: Any) -> None:
    seen: list[Progress] = []
    client = _Scripted(athena, [{"State": "QUEUED"}, RUNNING, DONE], (["n", "1"],))
    AthenaSql(settings, "london", client, on_progress=seen.append).query("SELECT n FROM t")
    assert [each.state for each in seen] == ["QUEUED", "RUNNING", "SUCCEEDED"]
    assert seen[-1].usd == pytest.approx(0.0002)
    assert [Progress("SUCCEEDED", 1, read).usd for read in (0, 1)] == [0, pytest.approx(0.00005)]


def test_athenas_own_reason_is_told(settings: LakeSettings, athena: Any) -> None:
    client = _Scripted(athena, [{"State": "FAILED", "StateChangeReason": "SYNTAX_ERROR: line 1:8: Column 'x'"}])
    with pytest.raises(QueryError, match="failed: SYNTAX_ERROR: line 1:8"):
        AthenaSql(settings, "london", client).query("SELECT x FROM t")


@pytest.mark.parametrize("ending", ["deadline", "interrupt"])
def test_a_query_that_is_given_up_is_cancelled(settings: LakeSettings, athena: Any, ending: str) -> None:
    client = _Scripted(athena, [RUNNING] if ending == "deadline" else [RUNNING, KeyboardInterrupt()])
    sql = AthenaSql(settings, "london", client, deadline_s=0.25 if ending == "deadline" else 60)
    with pytest.raises(QueryError if ending == "deadline" else KeyboardInterrupt):
        sql.query("SELECT 1")
    assert client.stopped == [_last(athena)["QueryExecutionId"]]
    assert _last(athena)["Status"]["State"] == "CANCELLED"


@pytest.mark.parametrize(
    ("text", "kind", "wanted"),
    [
        ("NaN", "double", "nan"),
        ("Infinity", "double", "inf"),
        ("1.5E9", "real", "1500000000.0"),
        ("-9223372036854775808", "bigint", "-9223372036854775808"),
        ("12.50", "decimal(5,2)", "12.50"),
        ("2026-11-22 03:00:00.000 UTC", "timestamp with time zone", "2026-11-22 03:00:00+00:00"),
        ("2026-11-22 03:00:00.000 +01:00", "timestamp with time zone", "2026-11-22 02:00:00+00:00"),
        ("2026-11-22 03:00:00", "timestamp", "2026-11-22 03:00:00+00:00"),
    ],
)
def test_values_get_their_types(text: str, kind: str, wanted: str) -> None:
    assert str(typed([text, None], kind)[0].as_py()) == wanted
    assert typed([None], kind).null_count == 1
    assert isinstance(typed([], kind), pa.Array)


def test_a_time_that_cannot_be_read_is_told() -> None:
    with pytest.raises(QueryError, match="cannot be read: 'yesterday'"):
        typed(["yesterday"], "timestamp")
