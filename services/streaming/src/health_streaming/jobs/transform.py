"""Raw zone to transformed zone: once, or on a schedule with the JVM kept warm."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from health_catalog import CatalogError, GlueCatalog
from health_pipeline.settings import SettingsError, TransformSettings
from health_pipeline.telemetry import Telemetry, set_up_logging, stop_on_signals
from prometheus_client import Counter, Histogram
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from health_streaming.incremental.run import Transform
from health_streaming.incremental.schedule import Schedule, parse_schedule
from health_streaming.incremental.store import Store
from health_streaming.incremental.zone import SPARK_CONF, Zone
from health_streaming.session import spark_session

_LOG = logging.getLogger("transform")
_QUERY = "transform"

# What the lake, the catalogue or a Spark job can fail with while the rest of us is well.
_FAILURES = (CatalogError, OSError, PySparkException, Py4JJavaError)
# After so many in a row it may be us after all: end, and be started anew.
_FAILURES_MAX = 5

BATCH_SECONDS = Histogram(
    "health_streaming_batch_seconds", "How long a batch took", ["pipeline", "query"],
    buckets=(0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600),
)  # fmt: skip
ROWS = Counter(
    "health_streaming_rows", "Rows of the transform: read from the raw zone, written to the transformed zone",
    ["pipeline", "query", "result"],
)  # fmt: skip


def main() -> int:
    """The exit status."""
    set_up_logging("transform")
    try:
        settings = TransformSettings.from_env()
        schedule = parse_schedule(settings.schedule) if settings.schedule else None
    except (SettingsError, ValueError) as error:
        _LOG.error("%s", error)
        return 2
    telemetry = Telemetry(settings)
    spark = spark_session(settings, "transform", SPARK_CONF)
    stop = stop_on_signals()  # after the session, which wants SIGINT for itself
    try:
        with _cancelled_by(stop, spark):
            transform = Transform(Zone(spark, settings), Store(settings), GlueCatalog(settings), settings.tables)
            transform.register()
            telemetry.ready.set()
            if schedule:
                _keep_up(transform, settings.pipeline, schedule, stop)
            else:
                _catch_up(transform, settings.pipeline, stop)
    except _FAILURES:
        if not stop.is_set():  # a job that was cancelled because we are to stop has failed as it should
            _LOG.exception("the transform has failed")
            return 1
    finally:
        spark.stop()
        telemetry.close()
    return 0


def _keep_up(transform: Transform, pipeline: str, schedule: Schedule, stop: threading.Event) -> None:
    """Catch up now and whenever it is due, until we are to stop."""
    failures = 0
    while not stop.is_set():
        start = datetime.now(UTC)
        try:
            _catch_up(transform, pipeline, stop)
            failures = 0
        except _FAILURES as error:
            failures += 1
            if stop.is_set() or failures == _FAILURES_MAX:
                raise
            _LOG.warning("failed and will be tried again: %s", error)
        stop.wait((schedule(start) - datetime.now(UTC)).total_seconds())


def _catch_up(transform: Transform, pipeline: str, stop: threading.Event) -> None:
    """Runs, until there is nothing new."""
    while not stop.is_set():
        begin = time.monotonic()
        done = transform.run()
        if done is None:
            return
        seconds = time.monotonic() - begin
        BATCH_SECONDS.labels(pipeline, _QUERY).observe(seconds)
        ROWS.labels(pipeline, _QUERY, "read").inc(done.rows_read)
        ROWS.labels(pipeline, _QUERY, "written").inc(done.rows_written)
        _LOG.info("%d files, %d hours: %d rows read, %d written, %.1f s", done.files, done.hours, done.rows_read,
                  done.rows_written, seconds)  # fmt: skip


@contextmanager
def _cancelled_by(stop: threading.Event, spark: SparkSession) -> Iterator[None]:
    """Cancel Spark's jobs once we are to stop; those too that are started meanwhile."""
    ended = threading.Event()

    def cancel() -> None:
        stop.wait()
        while not ended.wait(0.2):
            spark.sparkContext.cancelAllJobs()

    canceller = threading.Thread(target=cancel, name="canceller", daemon=True)
    canceller.start()
    try:
        yield
    finally:
        ended.set()


if __name__ == "__main__":
    sys.exit(main())
