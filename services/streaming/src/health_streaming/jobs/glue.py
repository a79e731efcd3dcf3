"""Raw zone to transformed zone as a job of AWS Glue: the same transform, on whatever session Glue has.

Glue 5.0 is Spark 3.5 on Python 3.11 (Glue's developer guide, "AWS Glue versions"). Its own S3 connector reads and
writes ``s3://`` with the job's role, so nothing of S3A is said here, nor where the master is.
Settings come as the job's arguments.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from health_catalog import GlueCatalog, lake_filesystem
from health_pipeline.settings import TransformSettings
from health_pipeline.settings_glue import from_arguments
from pyspark.sql import SparkSession

from health_streaming.incremental.run import Transform, catch_up
from health_streaming.incremental.store import Store
from health_streaming.incremental.zone import SPARK_CONF, Zone

_LOG = logging.getLogger(__name__)


def main(arguments: Sequence[str]) -> None:
    """Take in all that has landed. An error is raised: Glue then calls the run failed."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("py4j").setLevel(logging.WARNING)
    settings = from_arguments(TransformSettings, arguments)
    builder = SparkSession.builder
    for key, value in SPARK_CONF.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    # boto3 is at home in Glue. Arrow has been seen to ask as nobody there (apache/arrow issue 38421).
    store = Store(settings, lake_filesystem(settings, as_boto3=True))
    transform = Transform(Zone(spark, settings, uri=str), store, GlueCatalog(settings), settings.tables)
    transform.register()
    take_in(transform)


def take_in(transform: Transform) -> None:
    """All that has landed by now, and no more: a run that always finds something new would end at its timeout."""
    for done in filter(None, catch_up(transform.run)):
        _LOG.info("%d files, %d hours: %d rows read, %d written", done.files, done.hours, done.rows_read,
                  done.rows_written)  # fmt: skip
