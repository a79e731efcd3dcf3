"""The jars for Spark are enough: S3A on the embedded endpoint, and the Kafka source on the embedded broker."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from confluent_kafka import Producer
from pyspark.sql import SparkSession


@pytest.mark.spark
def test_spark_reads_and_writes_parquet_by_s3a_and_reads_kafka(
    spark: SparkSession, broker: str, aws_endpoint: str, make_pipeline_topics: Callable[[], dict[str, str]]
) -> None:
    topic = make_pipeline_topics()["vitals"]
    producer = Producer({"bootstrap.servers": broker})
    for number in range(7):
        producer.produce(topic, str(number))
    assert producer.flush(20) == 0
    assert httpx.put(f"{aws_endpoint}/jars-lake").status_code == httpx.codes.OK
    # Of this bucket alone, and before anything of it is opened.
    spark._jsc.hadoopConfiguration().set("fs.s3a.bucket.jars-lake.multipart.size", "5M")

    table, big = "s3a://jars-lake/t", "s3a://jars-lake/big"
    spark.range(1000).selectExpr("id", "id % 3 AS part").write.partitionBy("part").parquet(table)
    # More than one part of a multipart upload.
    spark.range(400_000).selectExpr("id", "uuid() AS text").coalesce(1).write.parquet(big)
    assert spark.read.parquet(table).where("part = 1").count() == 333
    assert spark.read.parquet(big).where("length(text) = 36").count() == 400_000
    kafka = spark.read.format("kafka").option("kafka.bootstrap.servers", broker).option("subscribe", topic)
    assert kafka.load().count() == 7
