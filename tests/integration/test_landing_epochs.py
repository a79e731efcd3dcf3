"""Where landing puts files: another Kafka's, counted from 0 again, never in the place of what is there; late ones with
word of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
from health_catalog import ensure_bucket, lake_filesystem, object_path
from health_pipeline.settings import LakeSettings
from health_streaming.incremental.plan import Window
from health_streaming.incremental.store import Store
from health_streaming.sinks.lake import LakeSource, options
from pyarrow.fs import FileSelector
from pyspark.sql.types import StructType

from tests.unit.health_streaming.test_stream_sink import _rows


def test_each_epoch_has_files_of_its_own(aws_endpoint: str) -> None:
    written: list[pa.RecordBatch] = _rows(["good"], [0])
    for epoch in ("", "4", "4"):
        settings = LakeSettings(
            pipeline="epochs", lake="s3://epochs", lake_endpoint=aws_endpoint, database="epochs", checkpoint_epoch=epoch
        )
        ensure_bucket(settings)
        LakeSource(dict(options(settings))).streamWriter(StructType([]), overwrite=False).write(iter(written))
    selector = FileSelector(object_path("s3://epochs/raw/vitals"), recursive=True)
    files = lake_filesystem(settings).get_file_info(selector)
    assert sorted(file.base_name for file in files if file.is_file) == [
        "e4-part-3-100-100.parquet",
        "part-3-100-100.parquet",
    ]


def test_a_late_file_is_told_of_and_found_by_that_word_alone(aws_endpoint: str) -> None:
    settings = LakeSettings(pipeline="late", lake="s3://late/lake", lake_endpoint=aws_endpoint, database="late")
    ensure_bucket(settings)
    store, today = Store(settings), datetime.now(UTC).date()
    of_now = Window(first=today - timedelta(days=1), told=today - timedelta(days=1))
    assert store.late("vitals") == frozenset()
    writer = LakeSource(dict(options(settings))).streamWriter(StructType([]), overwrite=False)
    for _ in range(2):
        writer.write(iter(_rows(["good"], [-60 * 24 * 2000])))
    (word,) = store.late("vitals")
    assert word.ingested == date(2021, 6, 1)
    assert today <= word.landed
    assert store.raw_files("vitals", of_now) == []
    told = replace(of_now, late=frozenset([word.ingested]))
    (key,) = store.raw_files("vitals", told)
    assert key.startswith("ingest_date=2021-06-01/hour=10/part-3-")
    assert store.raw_files("vitals", replace(told, told=today + timedelta(days=2))) == []
    assert store.raw_files("vitals", Window()) == [key]
