"""What Athena answers, asked of the local engine. Wanted values are those of Trino's documentation."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from health_catalog.errors import QueryError
from health_catalog.sql import LocalSql
from health_pipeline.settings import LakeSettings

LOCAL = LocalSql(LakeSettings(pipeline="p", lake="s3://lake", database="p"))

# A table of its own, so that nothing here needs a catalogue.
T = """WITH t AS (
  SELECT * FROM (VALUES
    (1, 70.5, TIMESTAMP '2026-01-01 10:00:59', 'a,b', ARRAY[1, 2, 3], '{"n": 5, "s": "x"}'),
    (2, 80.5, TIMESTAMP '2026-01-01 10:01:00', NULL, ARRAY[4], '{"n": 6, "s": "y"}')
  ) AS v(id, x, ts, s, xs, payload)
) """


def _column(sql: str) -> list[Any]:
    return LOCAL.query(sql).column(0).to_pylist()


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        # Numbers
        ("7 / 2", 3),
        ("7.0 / 2", 3.5),
        ("-7 % 3", -1),
        ("TRY(1 / 0)", None),
        ("TRY_CAST('x' AS integer)", None),
        ("width_bucket(3.5, 0, 10, 5)", 2),
        ("is_nan(nan()) AND is_infinite(infinity()) AND is_finite(1.5)", True),
        ("greatest(1, NULL)", None),
        # New York to London; the sphere's answer
        ("round(great_circle_distance(40.7128, -74.0060, 51.5074, -0.1278))", 5570),
        # Text
        ("concat('a', NULL)", None),
        ("split('a,b', ',')[2]", "b"),
        ("split_part('a,b', ',', 1)", "a"),
        ("regexp_like('heart', 'ea')", True),
        ("regexp_extract('bed-12', '(\\d+)', 1)", "12"),
        ('json_extract_scalar(\'{"a": {"b": "c"}}\', \'$.a.b\')', "c"),
        ("CAST(json_extract('{\"a\": \"c\"}', '$.a') AS varchar)", "c"),
        ("CAST(json_extract('{\"a\": 5}', '$.a') AS integer)", 5),
        ("lpad(CAST(7 AS varchar), 2, '0')", "07"),
        ("strpos('abc', 'c')", 3),
        # Time
        ("date_trunc('hour', TIMESTAMP '2026-01-01 10:11:12')", datetime(2026, 1, 1, 10)),
        ("date_diff('minute', TIMESTAMP '2026-01-01 10:00:59', TIMESTAMP '2026-01-01 10:01:00')", 0),
        ("date_diff('minute', TIMESTAMP '2026-01-01 10:01:58', TIMESTAMP '2026-01-01 10:00:00')", -1),
        ("date_diff('day', DATE '2026-01-01', DATE '2026-02-01')", 31),
        ("date_add('minute', 5, TIMESTAMP '2026-01-01 10:00:00')", datetime(2026, 1, 1, 10, 5)),
        ("from_unixtime(0)", datetime(1970, 1, 1, tzinfo=UTC)),
        ("from_unixtime_nanos(1500000000)", datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)),
        ("to_unixtime(TIMESTAMP '1970-01-02 00:00:00')", 86400),
        ("from_iso8601_timestamp('2026-01-01T01:00:00+01:00')", datetime(2026, 1, 1, tzinfo=UTC)),
        ("to_iso8601(TIMESTAMP '2026-01-01 10:11:12.345')", "2026-01-01T10:11:12.345"),
        ("date_parse('2026-01-02 03:04:05', '%Y-%m-%d %H:%i:%s')", datetime(2026, 1, 2, 3, 4, 5)),
        ("date_format(TIMESTAMP '2026-01-02 03:04:05', '%H:%i')", "03:04"),
        ("format_datetime(TIMESTAMP '2026-01-02 03:04:05', 'yyyy-MM-dd''T''HH:mm')", "2026-01-02T03:04"),
        ("parse_datetime('02/01/2026', 'dd/MM/yyyy')", datetime(2026, 1, 2)),
        ("at_timezone(from_unixtime(0), 'Europe/London')", datetime(1970, 1, 1, 1)),
        ("from_unixtime(0) AT TIME ZONE 'Asia/Tokyo'", datetime(1970, 1, 1, 9)),
        ("day_of_week(DATE '2026-01-01')", 4),
        ("to_milliseconds(INTERVAL '1' SECOND)", 1000),
        ("TIMESTAMP '2026-01-01 00:00:00' + INTERVAL '1' HOUR", datetime(2026, 1, 1, 1)),
        ("last_day_of_month(DATE '2026-02-01')", date(2026, 2, 28)),
        # Lists and lambdas
        ("cardinality(ARRAY[1, 2])", 2),
        ("element_at(ARRAY[1, 2], 5)", None),
        ("transform(ARRAY[1, 2], n -> n + 1)", [2, 3]),
        ("filter(ARRAY[1, 2], n -> n > 1)", [2]),
        ("reduce(ARRAY[1, 2], 0, (s, n) -> s + n, s -> s)", 3),
        ("any_match(ARRAY[1, 2], n -> n > 1)", True),
        ("all_match(ARRAY[1, 2], n -> n > 1)", False),
        ("NOT none_match(ARRAY[1, 2], n -> n > 1)", True),
        ("array_join(ARRAY[1, 2], '-')", "1-2"),
        ("contains(sequence(1, 3), 2)", True),
    ],
)
def test_expressions_mean_what_they_mean_in_athena(expression: str, wanted: Any) -> None:
    assert _column(f"SELECT {expression}") == [wanted]


@pytest.mark.parametrize(
    ("select", "wanted"),
    [
        ("approx_percentile(x, 0.5) BETWEEN 70 AND 81 FROM t", [True]),
        ("approx_percentile(x, ARRAY[0.0, 1.0]) FROM t", [[70.5, 80.5]]),
        ("approx_distinct(id) FROM t", [2]),
        ("count_if(x > 75) FROM t", [1]),
        ("max_by(id, ts) FROM t", [2]),
        ("arbitrary(id) IN (1, 2) FROM t", [True]),
        ("array_agg(id ORDER BY ts DESC) FROM t", [[2, 1]]),
        ("avg(x) FILTER (WHERE id = 1) FROM t", [70.5]),
        ("sum(id) FROM t", [3]),
        ("row_number() OVER (ORDER BY ts DESC) FROM t ORDER BY id", [2, 1]),
        ("x - lag(x) OVER (ORDER BY ts) FROM t ORDER BY id", [None, 10.0]),
        ("rank() OVER w FROM t WINDOW w AS (ORDER BY id) ORDER BY 1", [1, 2]),
        ("n FROM t CROSS JOIN UNNEST(xs) AS u(n) ORDER BY n", [1, 2, 3, 4]),
        ("i * 10 + n FROM t CROSS JOIN UNNEST(xs) WITH ORDINALITY AS u(n, i) ORDER BY 1", [11, 14, 22, 33]),
        ("s FROM t ORDER BY s", ["a,b", None]),
        ("s FROM t ORDER BY s DESC", ["a,b", None]),
        ("count(*) FROM t GROUP BY ROLLUP (id) ORDER BY 1 DESC", [2, 1, 1]),
        ("id FROM t ORDER BY id OFFSET 1 LIMIT 1", [2]),
        ("json_extract_scalar(payload, '$.s') FROM t ORDER BY 1", ["x", "y"]),
    ],
)
def test_queries_mean_what_they_mean_in_athena(select: str, wanted: list[Any]) -> None:
    found = [float(value) if hasattr(value, "as_tuple") else value for value in _column(f"{T} SELECT {select}")]
    assert found == wanted


def test_columns_without_a_name_get_athenas() -> None:
    assert LOCAL.query("SELECT 1, 2 AS two, 'x' || 'y' UNION SELECT 3, 4, ''").schema.names == ["_col0", "two", "_col2"]


def test_a_sum_of_whole_numbers_is_a_bigint() -> None:
    assert LOCAL.query(f"{T} SELECT sum(id) FROM t").schema.types == [pa.int64()]
    too_many = LOCAL.query("SELECT sum(n) FROM (VALUES (9223372036854775807), (1)) AS v(n)")
    assert too_many.column(0).to_pylist() == [2**63]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT human_readable_seconds(96)", "no such function .*human_readable_seconds"),
        ("SELECT approx_percentile(1, 2, 0.5)", "no weights for approx_percentile"),
        ("SELECT format_datetime(now(), 'GG')", "does not know 'GG' in the date pattern"),
        ("SELECT nope FROM (SELECT 1 AS a) AS t", '"nope" not found'),
        ("SELECT 1 / 0", "Division by zero"),
        ("SELECT CAST('x' AS integer)", "Could not convert"),
    ],
)
def test_what_cannot_be_done_is_told(sql: str, message: str) -> None:
    with pytest.raises(QueryError, match=message) as caught:
        LOCAL.query(sql)
    assert "LINE 1" not in str(caught.value)


def test_behind_the_parser_the_engine_is_closed_as_well(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a statement to come past the parser, duckdb itself would not touch a file or a variable of ours."""
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    monkeypatch.setattr("health_catalog.sql.to_duckdb", lambda *_: f"SELECT * FROM read_csv('{secret}')")
    with pytest.raises(QueryError, match="disabled by configuration"):
        LOCAL.query("SELECT 1")
    monkeypatch.setattr("health_catalog.sql.to_duckdb", lambda *_: "SELECT * FROM tables")
    with pytest.raises(QueryError, match="tables does not exist"):
        LOCAL.query("SELECT 1")
