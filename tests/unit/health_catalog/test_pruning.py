from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from health_catalog import Partition
from health_catalog.pruning import pruned
from health_catalog.statements import TableName, read_statement
from health_pipeline.settings import LakeSettings
from hypothesis import given, settings
from hypothesis import strategies as st

LAKE = LakeSettings(pipeline="p", lake="s3://lake", database="london")
KEYS = ("day", "hour")
PARTITIONS = [Partition((day, hour), f"s3://lake/{day}/{hour}") for day in ("1", "2") for hour in ("03", "04", "05")]
ALL = "1/03 1/04 1/05 2/03 2/04 2/05"


def _left(sql: str) -> str:
    query = read_statement(sql, LAKE).query
    assert query is not None
    return " ".join(
        "/".join(item.values) for item in pruned(query, TableName("transformed", "t"), KEYS, PARTITIONS, LAKE)
    )


@pytest.mark.parametrize(
    ("sql", "left"),
    [
        ("SELECT * FROM transformed.t WHERE day = '1' AND hour = '03'", "1/03"),
        ("SELECT * FROM london_transformed.T AS x WHERE x.DAY = '1' AND (x.hour > '03' AND a = 5)", "1/04 1/05"),
        ("SELECT * FROM t WHERE hour BETWEEN '04' AND '05' AND day < '2'", "1/04 1/05"),
        ("SELECT * FROM t WHERE hour IN ('03', '05') AND day >= '2'", "2/03 2/05"),
        ("SELECT * FROM raw.s LEFT JOIN transformed.t ON s.a = t.a WHERE t.hour <= '03'", "1/03 2/03"),
        ("WITH w AS (SELECT * FROM t WHERE day = '2') SELECT * FROM w WHERE hour = '03'", "2/03 2/04 2/05"),
        # Each mention of the table needs its own.
        ("SELECT * FROM t WHERE hour = '03' UNION SELECT * FROM t WHERE day = '1'", "1/03 1/04 1/05 2/03"),
        ("SELECT * FROM t AS a JOIN t AS b ON true WHERE a.hour = '03'", ALL),
        # What need not hold, or not of this table, rules nothing out.
        ("SELECT * FROM t WHERE hour = '03' OR a = 1", ALL),
        ("SELECT * FROM t WHERE NOT hour = '03'", ALL),
        ("SELECT * FROM t WHERE hour <> '03'", ALL),
        ("SELECT * FROM t WHERE hour = other", ALL),
        ("SELECT * FROM t WHERE hour = 3", ALL),
        ("SELECT * FROM t WHERE lower(hour) = '03'", ALL),
        ("SELECT * FROM t WHERE hour IN (SELECT h FROM s)", ALL),
        ("SELECT * FROM t WHERE hour NOT IN ('03')", ALL),
        ("SELECT * FROM t JOIN raw.s ON true WHERE s.hour = '03'", ALL),
        ("SELECT * FROM t JOIN raw.s ON true WHERE hour = '03'", ALL),
        ("SELECT * FROM t LEFT JOIN raw.s ON t.hour = '03'", ALL),
        ("SELECT count(*) FILTER (WHERE hour = '03') FROM t", ALL),
        ("SELECT * FROM (t) WHERE 'x' = '03'", ALL),
        ("SELECT * FROM raw.s WHERE s.hour = '03' AND EXISTS (SELECT 1 FROM t)", ALL),
    ],
)
def test_what_is_left(sql: str, left: str) -> None:
    assert _left(sql) == left


COLUMNS = st.sampled_from(["day", "hour", "t.hour"])
WORDS = st.sampled_from(["'1'", "'2'", "'03'", "'04'", "'05'", "''"])
COMPARISONS = st.builds("{} {} {}".format, COLUMNS, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), WORDS)
RANGES = st.builds("{} BETWEEN {} AND {}".format, COLUMNS, WORDS, WORDS)
SETS = st.builds("{} {} ({}, {})".format, COLUMNS, st.sampled_from(["IN", "NOT IN"]), WORDS, WORDS)
JOINED = st.sampled_from(["AND", "OR"])


def _wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds("({} {} {})".format, inner, JOINED, inner) | inner.map("NOT {}".format)


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    rows = ", ".join(f"('{day}', '{hour}')" for day, hour in (item.values for item in PARTITIONS))
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t AS SELECT * FROM (VALUES {rows}) AS t (day, hour)")
        yield connection


@settings(max_examples=50, deadline=None)
@given(st.recursive(COMPARISONS | RANGES | SETS, _wider, max_leaves=5))
def test_no_partition_with_a_row_in_the_answer_is_left_out(engine: duckdb.DuckDBPyConnection, condition: str) -> None:
    answer = engine.execute(f"SELECT * FROM t WHERE {condition}").fetchall()
    left = _left(f"SELECT * FROM t WHERE {condition}").split()
    assert {"/".join(row) for row in answer} <= set(left)
