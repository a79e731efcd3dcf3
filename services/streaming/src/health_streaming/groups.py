"""A consumer group for each query, with the offsets that it has reached: for kafka-exporter, KMinion, KEDA and people.

Spark keeps its place in its checkpoint and commits nothing to Kafka. Whoever knows Kafka looks for a group, so there
is one, ``<pipeline>.<query>``. Nobody is a member of it, and no query ever goes on by it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping

from health_events import group_name
from py4j.protocol import Py4JError
from pyspark.sql.streaming.listener import (
    QueryIdleEvent,
    QueryProgressEvent,
    QueryStartedEvent,
    QueryTerminatedEvent,
    StreamingQueryListener,
)

from health_streaming.progress import offsets

_LOG = logging.getLogger(__name__)

# Batches may end several times a second; nobody looks as often.
_CALM_S = 1.0
_RETRY_S = 15.0
# Kafka forgets the offsets of a group without members after days (offsets.retention.minutes), also of a quiet topic.
_AGAIN_S = 3600.0

Offsets = Mapping[str, Mapping[str, int]]


class Group:
    """What is to be committed for one query, and when; pure. Times are seconds of any clock."""

    def __init__(self) -> None:
        self._reached: Offsets = {}
        self._committed: Offsets = {}
        self._again_at = self._retry_at = 0.0
        self._trouble = ""

    def reached(self, reached: Offsets) -> None:
        """The query has processed all before these offsets."""
        self._reached = reached

    def due(self, now: float) -> Offsets:
        """What is to be committed now; empty when there is nothing."""
        is_known = self._reached == self._committed and now < self._again_at
        return {} if is_known or now < self._retry_at else self._reached

    def committed(self, told: Offsets, now: float) -> None:
        """Kafka has them."""
        self._committed, self._again_at = told, now + _AGAIN_S
        self._trouble = ""

    def failed(self, why: str, now: float) -> bool:
        """It has not taken them. Whether that is news."""
        is_news, self._trouble = why != self._trouble, why
        self._retry_at = now + _RETRY_S
        return is_news


class Groups(StreamingQueryListener):
    """Has the offsets of all queries of a session committed, by ``commit(group, offsets)``, until stopped.

    That is done in a thread of its own: Kafka may take seconds to answer, or to be found away, and the queries go on.
    """

    def __init__(self, pipeline: str, commit: Callable[[str, Offsets], None], stop: threading.Event) -> None:
        self._pipeline, self._commit, self._stop = pipeline, commit, stop
        self._groups: dict[str, Group] = {}
        self._news = threading.Event()
        threading.Thread(target=self._run, name="groups", daemon=True).start()

    def onQueryStarted(self, event: QueryStartedEvent) -> None:  # noqa: N802 (Spark's name)
        """Where it goes on is not told."""

    def onQueryIdle(self, event: QueryIdleEvent) -> None:  # noqa: N802
        """It is where it was: what could not be committed then, or long ago, can be now."""
        del event
        self._news.set()

    def onQueryTerminated(self, event: QueryTerminatedEvent) -> None:  # noqa: N802
        """The job's loop sees it as well."""

    def onQueryProgress(self, event: QueryProgressEvent) -> None:  # noqa: N802
        """A batch is done, with all before its end."""
        reached: Offsets = {}
        for source in event.progress.sources:
            reached = {**reached, **offsets(source.endOffset)}
        self._groups.setdefault(event.progress.name or "", Group()).reached(reached)
        self._news.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._news.wait()
            self._news.clear()
            for query, group in list(self._groups.items()):
                self._tell(group_name(self._pipeline, query), group)
            self._stop.wait(_CALM_S)

    def _tell(self, name: str, group: Group) -> None:
        told = group.due(time.monotonic())
        if not told:
            return
        try:
            self._commit(name, told)
        except (Py4JError, OSError) as error:
            why = _reason(error)
            if group.failed(why, time.monotonic()) and not self._stop.is_set():
                _LOG.warning("the offsets of group %s cannot be committed: %s", name, why)
        else:
            group.committed(told, time.monotonic())


def _reason(error: Exception) -> str:
    """In one line, without Java's trace."""
    java = getattr(error, "java_exception", None)
    return str(java.toString() if java is not None else error).partition("\n")[0]
