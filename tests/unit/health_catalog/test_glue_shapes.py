from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from health_catalog import Table, column, raw_table
from health_catalog.errors import SchemaConflictError
from health_catalog.shapes import evolved, table_input, table_of
from health_events import EVENTS, VITALS
from hypothesis import given, settings
from hypothesis import strategies as st

AT = "s3://lake/raw/vitals"
TABLE = raw_table(VITALS)


def _registered(table: Table) -> dict[str, Any]:
    given: Any = table_input(table, AT)
    return {**given, "DatabaseName": "p_raw", "CreateTime": 1, "VersionId": "1", "CatalogId": "x"}


def _with(*fields: pa.Field[Any]) -> Table:
    return replace(TABLE, schema=pa.schema([*TABLE.schema, *fields]))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_a_table_comes_back_from_glue_as_it_was(event: Any) -> None:
    table = raw_table(event)
    found = table_of("raw", _registered(table))
    # All but nullability, which Glue cannot say.
    assert found.schema.equals(pa.schema([f.with_nullable(True) for f in table.schema]), check_metadata=True)
    assert replace(found, schema=table.schema) == table


def test_a_table_is_external_parquet() -> None:
    made = _registered(TABLE)
    assert made["TableType"] == "EXTERNAL_TABLE"
    assert made["Parameters"]["classification"] == "parquet"
    assert made["PartitionKeys"] == [{"Name": "ingest_date", "Type": "string"}, {"Name": "hour", "Type": "string"}]
    assert made["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"].endswith("ParquetHiveSerDe")
    assert made["StorageDescriptor"]["Location"] == AT


def test_athena_can_work_out_the_hours_of_some_days_by_itself() -> None:
    made: Any = table_input(TABLE, AT, 90)
    assert made["Parameters"]["projection.enabled"] == "true"
    assert made["Parameters"]["projection.ingest_date.range"] == "NOW-90DAYS,NOW"
    assert made["Parameters"]["projection.hour.digits"] == "2"
    template = "s3://lake/raw/vitals/ingest_date=${ingest_date}/hour=${hour}/"  # Athena wants the last slash
    assert made["Parameters"]["storage.location.template"] == template
    assert table_of("raw", {**_registered(TABLE), **made}) == table_of("raw", _registered(TABLE))


def test_projection_comes_and_goes_and_is_otherwise_left_alone() -> None:
    plain = {**_registered(TABLE), "Parameters": {"classification": "parquet", "team": "theirs"}}
    with_it: Any = evolved(plain, TABLE, AT, 90)
    assert with_it["Parameters"]["projection.enabled"] == "true"
    registered = {**plain, **with_it}
    assert evolved(registered, TABLE, AT, 90) is None
    assert evolved(registered, TABLE, AT) is None
    without: Any = evolved(registered, TABLE, AT, 0)
    assert without["Parameters"] == plain["Parameters"]


def test_the_same_table_is_left_alone() -> None:
    assert evolved(_registered(TABLE), TABLE, AT) is None
    # Terraform and the console like a slash at the end.
    registered = _registered(TABLE)
    registered["StorageDescriptor"]["Location"] += "/"
    assert evolved(registered, TABLE, AT) is None


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([f"new_{n}" for n in range(6)]), unique=True, min_size=1), st.integers(0, 10))
def test_new_nullable_columns_go_to_the_end_wherever_they_are_wanted(names: list[str], at: int) -> None:
    added = [column(name, pa.float64(), "New") for name in names]
    fields = list(TABLE.schema)
    wanted = replace(TABLE, schema=pa.schema([*fields[:at], *added, *fields[at:]]))
    made: Any = evolved(_registered(TABLE), wanted, AT)
    assert [item["Name"] for item in made["StorageDescriptor"]["Columns"]] == [*TABLE.schema.names, *names]
    assert not {"DatabaseName", "CreateTime", "VersionId", "CatalogId"} & set(made)
    assert evolved(made, wanted, AT) is None


def test_a_column_of_a_newer_version_stays_where_it_is() -> None:
    wider = table_input(_with(column("mood", pa.string(), "How the patient feels")), AT)
    assert evolved(wider, TABLE, AT) is None
    made: Any = evolved(wider, _with(column("more", pa.string(), "")), AT)
    assert [item["Name"] for item in made["StorageDescriptor"]["Columns"]] == [*TABLE.schema.names, "mood", "more"]


def test_comments_follow_the_contract_and_what_others_set_stays() -> None:
    registered = _registered(TABLE)
    registered["Parameters"]["recordCount"] = "12"
    registered["StorageDescriptor"]["Columns"][0]["Comment"] = "old"
    made: Any = evolved(registered, TABLE, AT)
    assert made["StorageDescriptor"]["Columns"] == table_input(TABLE, AT)["StorageDescriptor"]["Columns"]
    assert made["Parameters"]["recordCount"] == "12"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (replace(TABLE, schema=TABLE.schema.set(7, column("heart_rate", pa.int32(), ""))),
         "heart_rate would change from double to int"),
        (_with(column("must", pa.string(), "", nullable=False)), "must is new and must be nullable"),
        (replace(TABLE, partition_keys=("ingest_date",)), "partitioned by ingest_date, hour, not by ingest_date"),
    ],
    ids=["changed", "not-null", "keys"],
)  # fmt: skip
def test_what_would_break_readers_is_refused(wanted: Table, message: str) -> None:
    with pytest.raises(SchemaConflictError, match=message):
        evolved(_registered(TABLE), wanted, AT)


def test_two_pipelines_do_not_share_a_table() -> None:
    with pytest.raises(SchemaConflictError, match=r"registered at s3://lake/raw/vitals, not at s3://other/raw/vitals"):
        evolved(_registered(TABLE), TABLE, "s3://other/raw/vitals")
