"""Where items come from: HTTP APIs, live (``stream``) or by pages (``poll``)."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Iterator

from health_pipeline.settings import ProducerSettings

from health_producer.sources.api import Api, SourceError
from health_producer.sources.items import Batch, Broken, Item
from health_producer.sources.poll import follow_pages
from health_producer.sources.stream import follow_stream

__all__ = ["Backoff", "Batch", "Broken", "Item", "SourceError", "batches"]

log = logging.getLogger(__name__)


class Backoff:
    """How long to wait after the nth failure in a row, in seconds: doubling, with jitter, bounded.

    Jitter keeps the producers of many pipelines from coming back to a recovered source all at once.
    """

    _FIRST_S, _LONGEST_S, _LASTING_S = 0.25, 10.0, 30.0

    def __init__(self) -> None:
        self._failures = 0

    def succeeded(self) -> None:
        """Begin anew."""
        self._failures = 0

    def after(self, error: SourceError) -> float:
        """The wait after one more failure."""
        self._failures += 1
        growing = min(self._LONGEST_S, self._FIRST_S * 2 ** min(self._failures - 1, 10))
        wait = self._LASTING_S if error.lasting else growing
        return max(error.retry_after_s, wait * random.uniform(0.5, 1.0))  # noqa: S311 (no secret)


def batches(
    settings: ProducerSettings,
    after: str | None,
    stop: threading.Event,
    failed: Callable[[SourceError], None],
    api: Api | None = None,
) -> Iterator[Batch]:
    """Everything that the source has after ``after`` (None: from its beginning) until ``stop``.

    A failed request is logged, told to ``failed`` and repeated from where it got to.
    """
    api = api or Api(settings)
    backoff = Backoff()
    while not stop.is_set():
        try:
            for batch in _follow(settings, api, after, stop):
                backoff.succeeded()
                yield batch
                after = batch.place or after
        except SourceError as error:
            failed(error)
            wait = backoff.after(error)
            log.warning("%s %s; next try in %.1f s", settings.url, error, wait)
            stop.wait(wait)


def _follow(settings: ProducerSettings, api: Api, after: str | None, stop: threading.Event) -> Iterator[Batch]:
    if settings.mode == "poll":
        return follow_pages(api, after, settings.poll_interval_s, stop)
    return follow_stream(api, after)
