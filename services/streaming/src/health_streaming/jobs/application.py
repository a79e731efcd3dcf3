"""What every streaming application does around its query: settings, session, waiting, readiness, a clean end."""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

from health_catalog import CatalogError
from health_pipeline.settings import AlertsSettings, LandingSettings, Settings, SettingsError
from health_pipeline.telemetry import Telemetry, set_up_logging, stop_on_signals
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from health_streaming.groups import Groups
from health_streaming.kafka import GroupOffsets
from health_streaming.progress import Progress
from health_streaming.session import spark_session

_LOG = logging.getLogger(__name__)
# They tell of every call at the level that we tell of ours.
_TALKATIVE = ("py4j", "botocore")
# While something starts; and of a running query, where Spark takes whole seconds.
_POLL_S, _LOOK_EVERY_S = 0.1, 1
_SPARK = {
    # A batch that does not end in time is left to the next start, which repeats it.
    "spark.sql.streaming.stopTimeout": "2s",
    # That a query has nothing to read is told as often as it looks, if not more than once a second.
    "spark.sql.streaming.noDataProgressEventInterval": "1s",
}

S = TypeVar("S", bound=Settings)


def main(name: str, kind: type[S], start: Callable[[S, threading.Event], StreamingQuery | None]) -> None:
    """Run the application ``name`` until a signal, or until its query dies.

    ``start`` makes the query and returns once it truly works; None when it was told to stop before. A dead query ends
    the process with code 1: its supervisor starts it anew, and it goes on at its checkpoint.
    """
    set_up_logging(name)
    for library in _TALKATIVE:
        logging.getLogger(library).setLevel(logging.WARNING)
    try:
        settings = kind.from_env()
        telemetry = Telemetry(settings)
    except SettingsError as error:
        print(f"{name}: {error}", file=sys.stderr)  # noqa: T201 (it is for whoever started this)
        raise SystemExit(2) from None
    stop = stop_on_signals()
    try:
        query = start(settings, stop)
        if query is not None:
            telemetry.ready.set()
            _LOG.info("ready")
            _watch(query, stop)
    except (PySparkException, Py4JError, CatalogError, OSError) as error:
        if not stop.is_set():
            _LOG.error("%s", error)
            raise SystemExit(1) from None
    finally:
        telemetry.ready.clear()
        _end_session()


def stream_session(
    settings: LandingSettings | AlertsSettings,
    name: str,
    conf: Mapping[str, str],
    stop: threading.Event,
    *,
    is_realtime: bool = False,
) -> SparkSession:
    """The session of a streaming application, with its metrics and its consumer group. Raises SystemExit when told to
    stop meanwhile.
    """
    spark = spark_session(settings, name, {**_SPARK, **conf})
    keep_signals(stop)
    if stop.is_set():
        raise SystemExit(0)
    spark.streams.addListener(Progress(settings.pipeline, is_realtime=is_realtime))
    if not is_realtime:  # there a batch lasts for minutes; the pipeline's watcher knows better, and commits
        spark.streams.addListener(Groups(settings.pipeline, GroupOffsets(spark, settings).commit, stop))
    return spark


def keep_signals(stop: threading.Event) -> None:
    """Take the interrupt back: a Spark session installs a handler of its own for it."""
    signal.signal(signal.SIGINT, lambda *_: stop.set())


def wait_for_batch(query: StreamingQuery, stop: threading.Event) -> bool:
    """Wait until the query has found its place and handles its first batch. False when told to stop before that."""
    while not stop.wait(_POLL_S):
        if not query.isActive:
            query.awaitTermination()  # raises what it died of
        if not query.status["message"].startswith("Initializing"):
            return True
    return False


def _end_session() -> None:
    session = SparkSession.getActiveSession()
    # Java may be what has died; then there is nothing to end.
    with contextlib.suppress(Py4JError, OSError):
        if session is not None:
            session.stop()


def _watch(query: StreamingQuery, stop: threading.Event) -> None:
    """Until told to stop; raises what the query died of."""
    while not stop.is_set():
        if query.awaitTermination(_LOOK_EVERY_S):
            return
    query.stop()
