"""Land what a topic holds through one of two sinks, from the same parsed rows, and say how fast, as JSON on stdout.

Run as ``python -m tests.bench.landing_job SINK``, SINK being ``lake`` (ours) or ``native`` (Spark's Parquet sink), with
the variables of LandingSettings. Every batch but the first, which warms up, counts.
"""

from __future__ import annotations

import json
import sys

from health_events import VITALS
from health_pipeline.settings import LandingSettings
from health_streaming.jobs import landing
from health_streaming.parsing import landed
from health_streaming.session import hadoop_uri, spark_session
from health_streaming.sinks.lake import LakeSource, options
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.streaming.readwriter import DataStreamWriter


def to_lake(rows: DataFrame, settings: LandingSettings) -> DataStreamWriter:
    """Through our sink, as the landing job does."""
    return rows.writeStream.format(LakeSource.name()).options(**options(settings))


def to_native(rows: DataFrame, settings: LandingSettings) -> DataStreamWriter:
    """Through Spark's file sink, in the same layout."""
    flat = rows.where(F.col(VITALS.name).isNotNull()).select(
        f"{VITALS.name}.*",
        "kafka_partition",
        "kafka_offset",
        "kafka_timestamp",
        "source_cursor",
        F.date_format("kafka_timestamp", "yyyy-MM-dd").alias("ingest_date"),
        F.date_format("kafka_timestamp", "HH").alias("hour"),
    )
    path = hadoop_uri(settings.table_uri("native", VITALS.name))
    return flat.writeStream.format("parquet").option("path", path).partitionBy("ingest_date", "hour")


def main(sink: str) -> None:
    """Land everything, then say rows per second."""
    settings = LandingSettings.from_env()
    landing.prepare(settings)
    spark = spark_session(settings, f"landing-{sink}", landing.SPARK)
    spark.dataSource.register(LakeSource)
    rows = landed(landing.read(spark, settings), landing.topics(settings.pipeline))
    writer = to_lake(rows, settings) if sink == "lake" else to_native(rows, settings)
    checkpoint = hadoop_uri(settings.checkpoint_uri(f"bench-{sink}"))
    query = writer.option("checkpointLocation", checkpoint).trigger(availableNow=True).start()
    query.awaitTermination()
    batches = [progress for progress in query.recentProgress if progress.numInputRows][1:]
    taken = sum(progress.batchDuration for progress in batches) / 1000
    print(json.dumps({"rows": sum(progress.numInputRows for progress in batches), "seconds": taken}))  # noqa: T201
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1])
