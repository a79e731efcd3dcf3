"""Landing: every topic of a pipeline to the raw zone, exactly once. ``python -m health_streaming.jobs.landing``.

One query reads all topics: a batch then costs one plan, one checkpoint and one commit, not nine of each.
"""

from __future__ import annotations

import atexit
import re
import shutil
import tempfile
import threading
from pathlib import Path

from health_catalog import GlueCatalog, ensure_bucket, raw_table
from health_events import EVENTS, Event, by_name, topic_name
from health_pipeline.settings import LandingSettings
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from health_streaming import kafka, places
from health_streaming.intake import from_kafka
from health_streaming.jobs import application
from health_streaming.landings import Landings
from health_streaming.session import hadoop_uri
from health_streaming.sinks.lake import LakeSource, options

NAME = "landing"
# Bounds the memory of a worker, which holds the rows of a task until it knows their offsets: some 200 MB at most.
_MAX_PER_BATCH = 400_000
SPARK = {
    # Without a limit of bytes: Spark would sum up the sizes of all columns anew for each row.
    "spark.sql.execution.arrow.maxBytesPerBatch": str(2**31 - 1),
    "spark.sql.execution.arrow.maxRecordsPerBatch": "20000",
}


def main() -> None:
    """Run until told to stop; an error ends the process, and its supervisor starts it anew."""
    application.main(NAME, LandingSettings, start)


def start(settings: LandingSettings, stop: threading.Event) -> StreamingQuery | None:
    """Prepare lake and catalogue and start the query; None when told to stop before that."""
    prepare(settings)
    spark = application.stream_session(settings, NAME, SPARK, stop)
    spark.dataSource.register(LakeSource)
    wanted = [topic_name(settings.pipeline, name) for name in settings.tables]
    if not kafka.wait_for_topics(spark, settings, wanted, stop):
        return None
    settings = places.settled(settings, NAME, kafka.topic_ids(spark, settings, wanted))
    tallies = Path(tempfile.mkdtemp(prefix="landing-"))
    atexit.register(shutil.rmtree, tallies, ignore_errors=True)
    spark.streams.addListener(Landings(settings.pipeline, tallies))
    query = (
        from_kafka(read(spark, settings), topics(settings.pipeline))
        .writeStream.queryName(NAME)
        .format(LakeSource.name())
        .options(**options(settings, tallies, settings.on_new_folder))
        .option("checkpointLocation", hadoop_uri(settings.checkpoint_uri(NAME)))
        .trigger(processingTime=f"{settings.trigger_interval_s} seconds")
        .start()
    )
    return query if application.wait_for_batch(query, stop) else None


def prepare(settings: LandingSettings) -> None:
    """Make bucket, database and tables, so that a table can be queried before its first row.

    Where crawlers make the tables they make all of them: one of ours would be in their way.
    """
    ensure_bucket(settings)
    catalog = GlueCatalog(settings)
    catalog.ensure_database("raw")
    for table in settings.tables if settings.on_new_folder == "register" else ():
        catalog.ensure_table(raw_table(by_name(table)), settings.projected_days)


def read(spark: SparkSession, settings: LandingSettings) -> DataFrame:
    """All topics of the pipeline, from their beginning or from the checkpoint."""
    return (
        spark.readStream.format("kafka")
        .options(**kafka.source_options(settings))
        # A pattern, not the tables of today: a source that is taken out of the spec must not look like lost data, and
        # one that is put in is found without a new checkpoint.
        .option("subscribePattern", "|".join(map(re.escape, topics(settings.pipeline))))
        .option("kafka.isolation.level", "read_committed")
        .option("includeHeaders", "true")
        # Spark asks for a partition's bounds anew at each fetch, so few and large ones.
        .option("kafka.max.poll.records", "20000")
        .option("kafka.max.partition.fetch.bytes", str(8 * 1024 * 1024))
        .option("maxOffsetsPerTrigger", _MAX_PER_BATCH)
        .load()
    )


def topics(pipeline: str) -> dict[str, Event]:
    """Every topic that a pipeline can have, with its event."""
    return {topic_name(pipeline, event): event for event in EVENTS}


if __name__ == "__main__":
    main()
