"""Raw zone to transformed zone: once, or on a schedule with the JVM kept warm.

``python -m health_streaming.jobs.transform``.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

from health_catalog import TRANSFORMED, CatalogError, GlueCatalog
from health_pipeline.settings import SettingsError, TransformSettings
from health_pipeline.stream_metrics import LAG_SECONDS
from health_pipeline.telemetry import Telemetry, set_up_logging, stop_on_signals
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from health_streaming.freshness import Freshness
from health_streaming.incremental.run import Increment, Transform, catch_up
from health_streaming.incremental.schedule import Schedule, ScheduleError, parse_schedule
from health_streaming.incremental.store import Store
from health_streaming.incremental.zone import SPARK_CONF, Zone
from health_streaming.jobs.application import keep_signals
from health_streaming.progress import BATCH_SECONDS, ROWS
from health_streaming.session import spark_session

NAME, RAW = "transform", "raw"  # what it reads is a zone, in a topic's place
_LOG = logging.getLogger(__name__)

# On a laptop runs are short and the cores are shared: the optimising compiler takes more time than it ever saves there
# (measured: 23 instead of 40 CPU seconds for the first run, 12 instead of 15 for a later one). Executors keep it.
_QUICK_COMPILER = {"spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m"}

# What the lake, the catalogue or a Spark job can fail with while the rest of us is well.
_FAILURES = (CatalogError, OSError, PySparkException, Py4JJavaError)
# After so many in a row it may be us after all: end, and be started anew.
_FAILURES_MAX = 5


def main() -> int:
    """The exit status: 2 when the settings are wrong, 1 when the work cannot be done."""
    set_up_logging(NAME)
    try:
        settings = TransformSettings.from_env()
        schedule = parse_schedule(settings.schedule) if settings.schedule else None
        telemetry = Telemetry(settings)
    except (SettingsError, ScheduleError) as error:
        print(f"{NAME}: {error}", file=sys.stderr)  # noqa: T201 (it is for whoever started this)
        return 2
    stop = stop_on_signals()
    is_local = settings.spark_master.startswith("local")
    spark = spark_session(settings, NAME, SPARK_CONF | (_QUICK_COMPILER if is_local else {}))
    keep_signals(stop)
    try:
        with _cancelled_by(stop, spark):
            transform = Transform(Zone(spark, settings), Store(settings), GlueCatalog(settings), settings.tables)
            transform.register()
            telemetry.ready.set()
            told = Told(settings.pipeline)
            if schedule:
                _keep_up(transform, told, schedule, stop)
            else:
                _catch_up(transform, told, stop)
    except _FAILURES as error:
        if not stop.is_set():  # a job that was cancelled because we are to stop has failed as it should
            _LOG.error("%s", error)
            return 1
    finally:
        telemetry.ready.clear()
        spark.stop()
    stop.wait(settings.linger_s)
    return 0


def _keep_up(transform: Transform, told: Told, schedule: Schedule, stop: threading.Event) -> None:
    """Catch up now and whenever it is due, until we are to stop."""
    failures = 0
    while not stop.is_set():
        start = datetime.now(UTC)
        try:
            _catch_up(transform, told, stop)
            failures = 0
        except _FAILURES as error:
            failures += 1
            if stop.is_set() or failures == _FAILURES_MAX:
                raise
            _LOG.warning("failed and will be tried again: %s", error)
        stop.wait((schedule(start) - datetime.now(UTC)).total_seconds())


def _since(moment: float) -> float:
    return time.monotonic() - moment


def _catch_up(transform: Transform, told: Told, stop: threading.Event) -> None:
    """Take in all that has landed by now, unless we are to stop."""
    begin = time.monotonic()
    for done in catch_up(transform.run, stop.is_set):
        if done is None or done.is_all:
            told.caught_up(begin)
        if done:
            told.increment(done, _since(begin))
        begin = time.monotonic()


class Told:
    """What is told of a pipeline's runs."""

    def __init__(self, pipeline: str) -> None:
        self._pipeline = pipeline
        self._freshness = Freshness(pipeline, TRANSFORMED)

    def caught_up(self, begin: float) -> None:
        """All is taken in that had landed then."""
        LAG_SECONDS.labels(self._pipeline, NAME, RAW, "").set_function(partial(_since, begin))

    def increment(self, done: Increment, seconds: float) -> None:
        """A run has done its work."""
        BATCH_SECONDS.labels(self._pipeline, NAME).observe(seconds)
        ROWS.labels(self._pipeline, NAME, "read").inc(done.rows_read)
        ROWS.labels(self._pipeline, NAME, "written").inc(done.rows_written)
        self._freshness.note(done.newest)
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
