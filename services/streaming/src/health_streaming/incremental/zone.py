"""The transformed zone as Spark reads and writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from health_catalog import TRANSFORMED
from health_pipeline.settings import LakeSettings
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from health_streaming.session import hadoop_uri
from health_streaming.transforms.tables import PARTITION_KEYS

# Nobody reads a run's folder before the catalogue points at it, so its files need not appear at once: version 2 commits
# with half of the copies, and S3 has no rename.
_WRITE_OPTIONS = {
    "mapreduce.fileoutputcommitter.algorithm.version": "2",
    "mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
}

# What the job's session is told beyond the rest, whoever runs it.
SPARK_CONF = {
    "spark.sql.session.timeZone": "UTC",
    # Spark 4's default and not Spark 3's: the same rows must come of both.
    "spark.sql.ansi.enabled": "true",
    # Every run has the same plans: keep their compiled code, and with it what the JIT has made of it.
    "spark.sql.codegen.cache.maxEntries": "1000",
    # One file per hour and 64 MB; Spark's own default is a file per core, however small.
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
    # INT96, the default, is what nobody else writes any more.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # Up to this many folders are listed by the driver, which is quicker than a Spark job that lists them.
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "1000",
}


class Zone:
    """Reads files and folders by their locations (``s3://...``), writes hours of tables.

    ``uri`` turns a location into what the session's file system calls it.
    """

    def __init__(self, spark: SparkSession, settings: LakeSettings, uri: Callable[[str], str] = hadoop_uri) -> None:
        self._spark = spark
        self._settings = settings
        self._uri = uri

    def read(self, schema: StructType, locations: Iterable[str]) -> DataFrame:
        """The rows of these Parquet files or folders; no rows when there are none."""
        uris = [self._uri(location) for location in locations]
        if uris:
            return self._spark.read.schema(schema).parquet(*uris)
        return self._spark.range(0).select(*[F.lit(None).cast(item.dataType).alias(item.name) for item in schema])

    def write(self, rows: DataFrame, table: str, time: str, run: str) -> int:
        """Add the rows to the run's folders, one for each hour of the column ``time``; how many there were."""
        written = Observation()
        (
            rows.withColumn("event_date", F.date_format(time, "yyyy-MM-dd"))
            .withColumn("hour", F.date_format(time, "HH"))
            .withColumn("run", F.lit(run))
            .observe(written, F.count(F.lit(1)).alias("rows"))
            .write.mode("append")
            .options(**_WRITE_OPTIONS)
            .partitionBy(*PARTITION_KEYS, "run")
            .parquet(self._uri(self._settings.table_uri(TRANSFORMED, table)))
        )
        return int(written.get["rows"])
