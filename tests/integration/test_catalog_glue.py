"""The catalogue against a real HTTP endpoint that has Glue's and S3's API."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from health_catalog import GlueCatalog, Partition, Table, column, ensure_bucket, lake_filesystem, object_path, raw_table
from health_catalog.clients import make_client
from health_catalog.datasets import open_dataset
from health_catalog.errors import CatalogError, NotFoundError, SchemaConflictError
from health_catalog.glue import PARTITIONS
from health_events import EVENTS, VITALS
from health_pipeline.settings import LakeSettings
from pyarrow.fs import FileSelector

TABLE = raw_table(VITALS)
WIDER = replace(TABLE, schema=TABLE.schema.append(column("mood", pa.string(), "How the patient feels")))
_NUMBERS = itertools.count(1)


@pytest.fixture
def lake(aws_endpoint: str) -> LakeSettings:
    name = f"catalog-glue-{next(_NUMBERS)}"
    return LakeSettings(
        pipeline=name, lake=f"s3://{name}/lake", lake_endpoint=aws_endpoint, glue_endpoint=aws_endpoint,
        database=name.replace("-", "_"),
    )  # fmt: skip


@pytest.fixture
def catalog(lake: LakeSettings) -> GlueCatalog:
    made = GlueCatalog(lake)
    made.ensure_database("raw")
    return made


def _partitions(lake: LakeSettings, number: int) -> list[Partition]:
    values = [(f"2026-{1 + n // 672:02}-{1 + n // 24 % 28:02}", f"{n % 24:02}") for n in range(number)]
    return [Partition(item, f"{lake.lake}/raw/vitals/ingest_date={item[0]}/hour={item[1]}") for item in values]


def _counted(lake: LakeSettings) -> dict[str, float]:
    samples = PARTITIONS.collect()[0].samples
    mine = [sample for sample in samples if sample.labels.get("pipeline") == lake.pipeline]
    return {sample.labels["result"]: sample.value for sample in mine if sample.name.endswith("_total") and sample.value}


def _at_once(number: int, call: Callable[[int], Any]) -> None:
    """Let that many threads make the call at the same moment; what one of them raises is raised."""
    barrier = threading.Barrier(number)

    def run(index: int) -> None:
        barrier.wait(10)
        call(index)

    with ThreadPoolExecutor(number) as pool:
        list(pool.map(run, range(number)))


def test_the_lakes_bucket_is_made_once(lake: LakeSettings) -> None:
    for settings in (lake, replace(lake, region="eu-west-2", lake=lake.lake.replace("lake", "lake-eu"))):
        ensure_bucket(settings)
        ensure_bucket(settings)
        filesystem = lake_filesystem(settings)
        path = object_path(settings.table_uri("raw", "vitals")) + "/x"
        with filesystem.open_output_stream(path) as stream:
            stream.write(b"x")
        assert [info.path for info in filesystem.get_file_info(FileSelector(object_path(settings.lake), recursive=True))
                if info.is_file] == [path]  # fmt: skip


def test_every_raw_table_comes_back(lake: LakeSettings, catalog: GlueCatalog) -> None:
    for event in EVENTS:
        catalog.ensure_table(raw_table(event))
        catalog.ensure_table(raw_table(event))
    assert [table.name for table in catalog.tables("raw")] == sorted(event.name for event in EVENTS)
    glue = make_client("glue", lake.glue_endpoint, lake.region)
    versions = glue.get_table_versions(DatabaseName=lake.glue_database("raw"), TableName="vitals")["TableVersions"]
    assert len(versions) == 1  # nothing to change, nothing changed
    assert catalog.table("raw", "nowhere") is None
    assert catalog.tables("transformed") == []


def test_a_new_nullable_column_is_added_and_a_broken_schema_refused(catalog: GlueCatalog) -> None:
    catalog.ensure_table(TABLE)
    catalog.ensure_table(WIDER)
    found = catalog.table("raw", "vitals")
    assert found is not None
    assert found.schema.names == WIDER.schema.names
    assert found.schema.field("mood").metadata == {b"comment": b"How the patient feels"}
    changed = replace(TABLE, schema=TABLE.schema.append(column("mood", pa.int32(), "")))
    with pytest.raises(SchemaConflictError, match="mood would change from string to int"):
        catalog.ensure_table(changed)


def test_an_older_version_goes_on_beside_what_a_newer_one_has_added(lake: LakeSettings, catalog: GlueCatalog) -> None:
    catalog.ensure_table(WIDER)
    catalog.ensure_table(TABLE)
    ensure_bucket(lake)
    (partition,) = _partitions(lake, 1)
    catalog.put_partitions(TABLE, [partition])
    rows, file = pa.table({"event_id": ["a"]}), f"{object_path(partition.location)}/old.parquet"
    pq.write_table(rows, file, filesystem=lake_filesystem(lake))
    found = catalog.table("raw", "vitals")
    assert found is not None
    assert found.schema.names == WIDER.schema.names
    dataset = open_dataset(found, catalog.partitions(found), lake_filesystem(lake))
    assert dataset.to_table(columns=["event_id", "mood"]).to_pylist() == [{"event_id": "a", "mood": None}]


def test_partitions_are_put_once_and_moved_where_they_differ(lake: LakeSettings, catalog: GlueCatalog) -> None:
    catalog.ensure_table(TABLE)
    partitions = _partitions(lake, 250)
    catalog.put_partitions(TABLE, partitions[:120])
    catalog.put_partitions(TABLE, partitions)
    assert catalog.partitions(TABLE) == partitions
    assert _counted(lake) == {"created": 250, "unchanged": 120}
    moved = [replace(item, location=item.location + "/v2") for item in partitions[:110]]
    catalog.put_partitions(TABLE, moved)
    assert catalog.partitions(TABLE) == moved + partitions[110:]
    assert _counted(lake) == {"created": 250, "unchanged": 120, "updated": 110}
    catalog.put_partitions(TABLE, [])


def test_a_partitions_location_is_its_last(lake: LakeSettings, catalog: GlueCatalog) -> None:
    catalog.ensure_table(TABLE)
    ensure_bucket(lake)
    (partition,) = _partitions(lake, 1)
    catalog.put_partitions(TABLE, [replace(partition, location="s3://elsewhere/x"), partition])
    assert catalog.partitions(TABLE) == [partition]


def test_many_at_once_agree(lake: LakeSettings) -> None:
    partitions = _partitions(lake, 130)

    def start(index: int) -> None:
        catalog = GlueCatalog(lake)
        catalog.ensure_database("raw")
        catalog.ensure_table(TABLE)
        for _ in range(2):
            catalog.put_partitions(TABLE, partitions[index * 10 :])

    _at_once(4, start)
    assert GlueCatalog(lake).partitions(TABLE) == partitions
    assert _counted(lake)["created"] == len(partitions)


def test_a_table_in_no_database_is_an_error(lake: LakeSettings) -> None:
    with pytest.raises(NotFoundError, match=r"glue:CreateTable on .*_raw.vitals"):
        GlueCatalog(lake).ensure_table(TABLE)
    with pytest.raises(NotFoundError, match="glue:BatchGetPartition"):
        GlueCatalog(lake).put_partitions(TABLE, _partitions(lake, 1))
    with pytest.raises(NotFoundError, match="glue:GetPartitions"):
        GlueCatalog(lake).partitions(TABLE)


def test_a_bucket_that_cannot_be_made_says_why(lake: LakeSettings) -> None:
    with pytest.raises(CatalogError, match="s3:CreateBucket on x: InvalidBucketName"):
        ensure_bucket(replace(lake, lake="s3://x"))


def test_a_table_without_partition_keys(catalog: GlueCatalog) -> None:
    table = Table("raw", "areas", pa.schema([column("name", pa.string(), "Its name")]), (), "Service areas")
    catalog.ensure_table(table)
    assert catalog.partitions(table) == []
    found = catalog.table("raw", "areas")
    assert found is not None
    assert found.partition_keys == ()


def test_what_others_put_beside_our_tables_is_passed_over(lake: LakeSettings, catalog: GlueCatalog) -> None:
    catalog.ensure_table(TABLE)
    glue = make_client("glue", lake.glue_endpoint, lake.region)
    storage = {"Columns": [{"Name": "a", "Type": "varchar"}], "Location": ""}
    view = {"Name": "a_view", "TableType": "VIRTUAL_VIEW", "StorageDescriptor": storage}
    glue.create_table(DatabaseName=lake.glue_database("raw"), TableInput=view)
    assert [table.name for table in catalog.tables("raw")] == ["vitals"]
    assert catalog.table("raw", "a_view") is None
    strange = {**view, "Name": "strange", "Parameters": {"classification": "parquet"}}
    glue.create_table(DatabaseName=lake.glue_database("raw"), TableInput=strange)
    with pytest.raises(CatalogError, match=r"table strange in zone raw: .*'varchar'"):
        catalog.table("raw", "strange")
