"""The Spark session of a job: made from its settings, quick to start, quiet, reachable from this machine only."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from health_pipeline.settings import SparkSettings
from pyspark.sql import SparkSession

# The S3 connector under both names, so that the catalogue's s3:// locations need no translation.
_S3A = {
    "fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
    "fs.s3a.connection.maximum": "64",
    # Each of these costs a request or a thread for what our paths never are.
    "fs.s3a.bucket.probe": "0",
    "fs.s3a.directory.marker.retention": "keep",
    "fs.s3a.change.detection.mode": "none",
}
_LOCAL = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "4",
    "spark.default.parallelism": "4",
}


def spark_session(settings: SparkSettings, name: str, extra: Mapping[str, str] | None = None) -> SparkSession:
    """The session of the job ``name``. ``extra`` holds Spark settings of the job's own; they win.

    Where ``settings.spark_master`` is empty, master, jars and resources are left to spark-submit.
    """
    # Workers run in this very environment: it has pyarrow and our packages.
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    if settings.spark_master.startswith("local"):
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    builder = SparkSession.builder.appName(f"{settings.pipeline}-{name}")
    for key, value in (spark_conf(settings) | dict(extra or {})).items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("WARN")
    return session


def spark_conf(settings: SparkSettings) -> dict[str, str]:
    """What Spark is told for these settings, by Spark's own names."""
    conf = {
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        # Java never compiles methods over 8,000 bytes; generated code that would be so large is better split up.
        "spark.sql.codegen.hugeMethodLimit": "8000",
    }
    conf |= {f"spark.hadoop.{key}": value for key, value in (_S3A | _endpoint(settings)).items()}
    if settings.spark_master:
        conf |= {"spark.master": settings.spark_master}
    if settings.spark_master.startswith("local"):
        conf |= _LOCAL
    if settings.spark_jars:
        # On the class path, not in spark.jars: that would copy each jar at every start.
        jars = str(Path(settings.spark_jars, "*"))
        conf |= {"spark.driver.extraClassPath": jars, "spark.executor.extraClassPath": jars}
    return conf


def hadoop_uri(uri: str) -> str:
    """``s3://`` as Hadoop's connector calls itself, ``s3a://``; any other URI as it is."""
    return "s3a://" + uri.removeprefix("s3://") if uri.startswith("s3://") else uri


def _endpoint(settings: SparkSettings) -> dict[str, str]:
    """S3 itself when no endpoint is given. Credentials come by the AWS SDK's own chain, never from here."""
    chain = "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider"
    conf = {"fs.s3a.endpoint.region": settings.region, "fs.s3a.aws.credentials.provider": chain}
    if settings.lake_endpoint:
        is_tls = urlsplit(settings.lake_endpoint).scheme == "https"
        conf |= {
            "fs.s3a.endpoint": settings.lake_endpoint,
            "fs.s3a.path.style.access": "true",
            "fs.s3a.connection.ssl.enabled": str(is_tls).lower(),
        }
    return conf
