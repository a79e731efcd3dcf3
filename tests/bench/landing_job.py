"""Land what a topic holds through one of two sinks, and say how fast, as JSON on stdout.

Run as ``python -m tests.bench.landing_job SINK``, SINK being ``lake`` (ours: raw records to the sink, which reads them
in Arrow) or ``native`` (records parsed and checked in Spark SQL, into Spark's Parquet sink), with the variables of
LandingSettings. Both keep the same rows in the same columns and the same layout; ours keeps broken records as well.
Every batch but the first, which warms up, counts.
"""

from __future__ import annotations

import json
import sys

from health_events import VITALS
from health_pipeline.settings import LandingSettings
from health_streaming.intake import ORIGIN, from_kafka
from health_streaming.jobs import landing
from health_streaming.parsing import valid
from health_streaming.session import hadoop_uri, spark_session
from health_streaming.sinks.lake import LakeSource, options
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.streaming.readwriter import DataStreamWriter


def to_lake(rows: DataFrame, settings: LandingSettings) -> DataStreamWriter:
    """Through our sink, as the landing job does."""
    return rows.writeStream.format(LakeSource.name()).options(**options(settings))


def to_native(rows: DataFrame, settings: LandingSettings) -> DataStreamWriter:
    """Through Spark's file sink."""
    times = F.timestamp_millis("observed_at").alias("observed_at")
    columns = [times if field.name == "observed_at" else F.col(field.name) for field in VITALS.fields]
    flat = (
        valid(rows, VITALS, *ORIGIN)
        .where("canary IS NOT TRUE")
        .select(
            *columns,
            *ORIGIN,
            F.date_format("kafka_timestamp", "yyyy-MM-dd").alias("ingest_date"),
            F.date_format("kafka_timestamp", "HH").alias("hour"),
        )
    )
    path = hadoop_uri(settings.table_uri("native", VITALS.name))
    return flat.writeStream.format("parquet").option("path", path).partitionBy("ingest_date", "hour")


def main(sink: str) -> None:
    """Land everything, then say rows per second."""
    settings = LandingSettings.from_env()
    landing.prepare(settings)
    spark = spark_session(settings, f"landing-{sink}", landing.SPARK)
    spark.dataSource.register(LakeSource)
    rows = from_kafka(landing.read(spark, settings), landing.topics(settings.pipeline))
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
