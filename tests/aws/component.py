"""A component's own code against the account, with the credentials in this environment: ``component.py NAME URL``.

A process for each: Spark's JVM and Arrow's S3 read their credentials once. Says what it did as its last line, in JSON.
"""

from __future__ import annotations

import functools
import json
import sys
import tempfile
from typing import Any

from health_catalog import GlueCatalog
from health_events import DISPATCHES, VITALS, encode, topic_name
from health_pipeline.settings import LandingSettings, TransformSettings
from health_streaming.incremental import plan, run
from health_streaming.incremental.store import Store
from health_streaming.incremental.zone import SPARK_CONF, Zone
from health_streaming.intake import from_kafka
from health_streaming.jobs import landing
from health_streaming.session import hadoop_uri, spark_session
from health_streaming.sinks.lake import LakeSource, options
from healthctl.embedded.jars import ensure_jars
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from tests.aws.account import BUCKET, PIPELINE, REGION
from tests.unit.health_producer.records import good_record

_BATCHES = 3


def main(name: str, url: str, epoch: str = "") -> None:
    """Run the component; an error of AWS ends the process with code 1."""
    common: dict[str, Any] = {
        "pipeline": PIPELINE, "lake": f"s3://{BUCKET}", "lake_endpoint": url, "glue_endpoint": url, "region": REGION,
        "database": PIPELINE, "tables": (VITALS.name, DISPATCHES.name), "checkpoint_epoch": epoch,
        "spark_master": "local[2]", "spark_jars": str(ensure_jars("spark")),
    }  # fmt: skip
    if name == "transform":
        print(json.dumps(_transform(TransformSettings(**common))))
    else:
        print(json.dumps(_stream(name, LandingSettings(**common, bootstrap_servers="none"))))


def _stream(name: str, settings: LandingSettings) -> dict[str, Any]:
    """Landing as it is, but for Kafka; of alerts, whose output is Kafka, the checkpoint."""
    spark = spark_session(settings, name, landing.SPARK)
    if name == landing.NAME:
        landing.prepare(settings)
        spark.dataSource.register(LakeSource)
        writer = from_kafka(_records(spark), landing.topics(PIPELINE)).writeStream.format(LakeSource.name())
        writer = writer.options(**options(settings))
    else:
        writer = _records(spark).writeStream.format("noop")
    query = writer.option("checkpointLocation", hadoop_uri(settings.checkpoint_uri(name))).start()
    while query.lastProgress is None or query.lastProgress["batchId"] < _BATCHES:
        if query.awaitTermination(1):
            raise RuntimeError("the query has ended")
    query.stop()
    spark.stop()
    return {"batches": _BATCHES}


def _records(spark: SparkSession) -> DataFrame:
    """Good readings, a few in each batch, in the columns of Kafka's source."""
    reading = encode(good_record(VITALS)).decode()
    rows = spark.readStream.format("rate-micro-batch").option("rowsPerBatch", 4).option("numPartitions", 1).load()
    headers = F.array(F.struct(F.lit("cursor").alias("key"), F.lit(b"1").alias("value")))
    return rows.select(
        F.lit(topic_name(PIPELINE, VITALS)).alias("topic"), F.lit(0).alias("partition"),
        F.col("value").alias("offset"), F.current_timestamp().alias("timestamp"), headers.alias("headers"),
        F.lit(reading).cast("binary").alias("value"),
    )  # fmt: skip


def _transform(settings: TransformSettings) -> dict[str, Any]:
    """A file at a time, so that later runs replace, and then delete, what earlier ones wrote."""
    run.new_files = functools.partial(plan.new_files, limit=1)
    spark = spark_session(settings, "transform", SPARK_CONF)
    transform = run.Transform(Zone(spark, settings), Store(settings), GlueCatalog(settings), settings.tables)
    transform.register()
    done = [each for each in iter(transform.run, None) if each]
    spark.stop()
    return {"runs": len(done), "rows": sum(each.rows_read for each in done)}


if __name__ == "__main__":
    tempfile.tempdir = tempfile.mkdtemp(prefix="component-")
    main(*sys.argv[1:])
