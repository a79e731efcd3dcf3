"""The alerts job as tutorials write it: a watermark nobody needs, the default trigger, no partition key of meaning.

Run as ``python -m tests.bench.tutorial_job BOOTSTRAP VITALS ALERTS CHECKPOINT JARS``; ours is measured against it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

SCHEMA = (
    "event_id STRING, source STRING, entity_id STRING, observed_at LONG, latitude DOUBLE, longitude DOUBLE, "
    "device_id STRING, heart_rate DOUBLE, spo2 DOUBLE"
)


def main(bootstrap: str, vitals: str, alerts: str, checkpoint: str, jars: str) -> None:
    """Run until ended."""
    classpath = ":".join(str(jar) for jar in sorted(Path(jars).glob("*.jar")))
    spark = (
        SparkSession.builder.master("local[3]")
        .appName("tutorial")
        .config("spark.driver.extraClassPath", classpath)
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    source = spark.readStream.format("kafka").option("kafka.bootstrap.servers", bootstrap)
    readings = (
        source.option("subscribe", vitals)
        .option("startingOffsets", "latest")
        .load()
        .select(F.from_json(F.col("value").cast("string"), SCHEMA).alias("vital"))
        .select("vital.*")
        .withColumn("moment", F.timestamp_millis("observed_at"))
        .withWatermark("moment", "2 minutes")
    )
    abnormal = readings.where("heart_rate >= 131 OR heart_rate <= 40 OR spo2 <= 91")
    query = (
        abnormal.select(F.to_json(F.struct("*")).alias("value"))
        .writeStream.format("kafka")
        .option("kafka.bootstrap.servers", bootstrap)
        .option("topic", alerts)
        .option("checkpointLocation", checkpoint)
        .outputMode("append")
        .start()
    )
    query.awaitTermination()


if __name__ == "__main__":
    main(*sys.argv[1:])
