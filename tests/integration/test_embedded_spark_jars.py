"""The jars for Spark are enough: S3A on the embedded endpoint, and the Kafka source on the embedded broker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from confluent_kafka import Producer

_JOB = """
import glob, json, sys
from pyspark.sql import SparkSession
jars, endpoint, bootstrap, topic = sys.argv[1:]
spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.jars", ",".join(glob.glob(jars + "/*.jar")))
    .config("spark.ui.enabled", "false")
    .config("spark.hadoop.fs.s3a.endpoint", endpoint)
    .config("spark.hadoop.fs.s3a.path.style.access", "true")
    .config("spark.hadoop.fs.s3a.multipart.size", "5M")
    .getOrCreate()
)
spark.range(1000).selectExpr("id", "id % 3 AS part").write.partitionBy("part").parquet("s3a://jars-lake/t")
# More than one part of a multipart upload.
spark.range(400_000).selectExpr("id", "uuid() AS text").coalesce(1).write.parquet("s3a://jars-lake/big")
kafka = spark.read.format("kafka").option("kafka.bootstrap.servers", bootstrap).option("subscribe", topic).load()
print("ANSWER", json.dumps({
    "rows": spark.read.parquet("s3a://jars-lake/t").where("part = 1").count(),
    "texts": spark.read.parquet("s3a://jars-lake/big").where("length(text) = 36").count(),
    "records": kafka.count(),
}))
spark.stop()
"""


@pytest.mark.spark
def test_spark_reads_and_writes_parquet_by_s3a_and_reads_kafka(
    broker: str, aws_endpoint: str, spark_jars: Path, make_pipeline_topics: Callable[[], dict[str, str]]
) -> None:
    topic = make_pipeline_topics()["vitals"]
    producer = Producer({"bootstrap.servers": broker})
    for number in range(7):
        producer.produce(topic, str(number))
    assert producer.flush(20) == 0
    assert httpx.put(f"{aws_endpoint}/jars-lake").status_code == httpx.codes.OK

    command = [sys.executable, "-c", _JOB, str(spark_jars), aws_endpoint, broker, topic]
    environ = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=240, check=False)
    answers = [line.removeprefix("ANSWER ") for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
    assert answers, done.stderr[-3000:]
    assert json.loads(answers[0]) == {"rows": 333, "texts": 400_000, "records": 7}
