"""What another Kafka brings, counted from 0 again, never takes the place of what has landed already."""

from __future__ import annotations

import pyarrow as pa
from health_catalog import ensure_bucket, lake_filesystem, object_path
from health_pipeline.settings import LakeSettings
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
