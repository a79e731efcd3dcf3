from __future__ import annotations

import re

import pytest
from health_catalog.errors import QueryError
from health_catalog.statements import TableName, for_athena, read_statement
from health_pipeline.settings import LakeSettings
from hypothesis import given, settings
from hypothesis import strategies as st

LAKE = LakeSettings(pipeline="p", lake="s3://lake", database="london")
VITALS, MINUTES = TableName("raw", "vitals"), TableName("transformed", "vitals_minute")


def _tables(sql: str) -> set[str]:
    return {str(table) for table in read_statement(sql, LAKE).tables}


@pytest.mark.parametrize(
    "sql",
    [
        "COPY raw.vitals TO '/tmp/x'",
        "COPY (SELECT 1) TO '/tmp/x'",
        "ATTACH '/tmp/x'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "PRAGMA database_list",
        "SET enable_external_access = true",
        "CALL enable_profiling()",
        "USE raw",
        "EXPORT DATABASE '/tmp/x'",
        "CREATE TABLE raw.x AS SELECT 1",
        "CREATE VIEW x AS SELECT 1",
        "INSERT INTO raw.vitals VALUES (1)",
        "DELETE FROM raw.vitals",
        "UPDATE raw.vitals SET a = 1",
        "MERGE INTO raw.vitals USING x ON 1 = 1 WHEN MATCHED THEN DELETE",
        "DROP TABLE raw.vitals",
        "ALTER TABLE raw.vitals ADD COLUMNS (a int)",
        "MSCK REPAIR TABLE raw.vitals",
        "UNLOAD (SELECT 1) TO 's3://x'",
        "PREPARE p FROM SELECT 1",
        "SHOW CREATE TABLE raw.vitals",
        "SELECT 1 INTO x",
        "WITH x AS (INSERT INTO raw.vitals VALUES (1)) SELECT 1",
        "EXPLAIN DROP TABLE raw.vitals",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM READ_CSV_AUTO('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_parquet(['/etc/passwd'])",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM query('SELECT 1')",
        "SELECT * FROM raw.vitals, LATERAL read_text('/etc/passwd')",
        "SELECT (SELECT content FROM read_text('/etc/passwd'))",
        "SELECT 1 WHERE EXISTS (SELECT * FROM read_csv('/etc/passwd'))",
        "WITH x AS (SELECT * FROM read_csv('/etc/passwd')) SELECT * FROM x",
        "SELECT * FROM raw.vitals UNION ALL SELECT * FROM read_csv('/etc/passwd')",
    ],
)
def test_what_does_more_than_read_is_refused(sql: str) -> None:
    with pytest.raises(QueryError, match="not allowed"):
        read_statement(sql, LAKE)


@pytest.mark.parametrize("sql", ["SELECT 1; DROP TABLE raw.vitals", "SELECT 1; SELECT 2"])
def test_a_second_statement_is_not_taken_along(sql: str) -> None:
    with pytest.raises(QueryError, match="one statement at a time, not 2"):
        read_statement(sql, LAKE)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("", "no statement"),
        ("-- nothing", "no statement"),
        ("SELECT 'a", "quote or a comment is not closed"),
        ("SELECT *\nFRM raw.vitals", "line 2, column 7: .*near 'raw'"),
        ("EXPLAIN SELECT *\nFRM raw.vitals", "line 2, column 7: .*near 'raw'"),
        ("SELECT FROM FROM", "line 1, column"),
        ("SELECT * FROM nowhere.vitals", "no database 'nowhere': there are raw and transformed"),
        ("SELECT * FROM information_schema.tables", "no database 'information_schema'"),
        ("SELECT * FROM other.raw.vitals", "no catalog 'other'"),
        ("SHOW TABLES IN nowhere", "no database 'nowhere'"),
    ],
)
def test_mistakes_are_told_with_their_place(sql: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        read_statement(sql, LAKE)


@pytest.mark.parametrize(
    "name",
    [
        "raw.vitals",
        "RAW.Vitals",
        "london_raw.vitals",
        '"london_raw"."vitals"',
        "AwsDataCatalog.london_raw.vitals",
        "vitals",
    ],
)
def test_a_table_has_several_names(name: str) -> None:
    assert read_statement(f"SELECT * FROM {name}", LAKE).tables == (VITALS,)
    assert read_statement(f"EXPLAIN SELECT * FROM {name} AS v", LAKE).tables == (VITALS,)


def test_a_table_without_a_database_is_where_tables_of_its_name_are() -> None:
    assert _tables("SELECT * FROM vitals, Vitals_Minute") == {"raw.vitals", "transformed.vitals_minute"}
    assert read_statement("DESCRIBE vitals_minute", LAKE).tables == (MINUTES,)


def test_names_of_a_with_are_no_tables() -> None:
    assert _tables("WITH v AS (SELECT * FROM raw.vitals) SELECT * FROM v") == {"raw.vitals"}
    assert _tables("WITH vitals AS (SELECT 1), w AS (SELECT * FROM vitals) SELECT * FROM w") == set()
    assert _tables("WITH gps AS (SELECT * FROM gps) SELECT * FROM gps") == {"raw.gps"}
    assert _tables("WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT * FROM t) SELECT * FROM t") == set()
    # A WITH in one place says nothing about another.
    assert _tables("SELECT * FROM (WITH gps AS (SELECT 1) SELECT * FROM gps), gps") == {"raw.gps"}
    assert _tables("SELECT * FROM raw.vitals v JOIN transformed.vitals_minute m ON v.a = m.a") == {
        str(VITALS), str(MINUTES)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SHOW TABLES", "show tables"),
        ("/* all */ show tables in raw ;", "show tables"),
        ("SHOW PARTITIONS raw.vitals", "show partitions"),
        ("DESCRIBE raw.vitals", "describe"),
        ("desc `london_raw`.`vitals`;", "describe"),
        ("(SELECT 1)", "select"),
        ("SELECT 1; -- and that is all", "select"),
    ],
)
def test_small_statements(sql: str, kind: str) -> None:
    assert read_statement(sql, LAKE).kind == kind


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        ("SELECT 'raw.x' FROM raw.vitals -- raw.x", "SELECT 'raw.x' FROM \"london_raw\".vitals -- raw.x"),
        ('SELECT raw.vitals.spo2 FROM "raw".vitals', 'SELECT "london_raw".vitals.spo2 FROM "london_raw".vitals'),
        ("EXPLAIN SELECT * FROM Transformed.x;", 'EXPLAIN SELECT * FROM "london_transformed".x'),
        ("SELECT * FROM london_raw.vitals", "SELECT * FROM london_raw.vitals"),
        ("SELECT raw.spo2 FROM vitals AS raw", 'SELECT raw.spo2 FROM "london_raw".vitals AS raw'),
        ("WITH w AS (SELECT 1) SELECT * FROM w, X", 'WITH w AS (SELECT 1) SELECT * FROM w, "london_transformed".X'),
        ("SHOW TABLES IN transformed", "SHOW TABLES IN `london_transformed`"),
        ("SHOW PARTITIONS vitals", "SHOW PARTITIONS `london_raw`.`vitals`"),
        ("DESC transformed.vitals_minute", "DESCRIBE `london_transformed`.`vitals_minute`"),
    ],
)  # fmt: skip
def test_athena_gets_the_users_own_text_with_the_databases_names(sql: str, wanted: str) -> None:
    assert for_athena(read_statement(sql, LAKE), LAKE) == wanted


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="selctfromwhxp raw.vitals()'\",;*-1\n", max_size=40))
def test_no_text_makes_it_fail_in_another_way(text: str) -> None:
    try:
        statement = read_statement(text, LAKE)
    except QueryError as error:
        assert str(error)
        assert not re.search("<class|Token", str(error))
    else:
        assert statement.kind
