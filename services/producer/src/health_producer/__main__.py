"""``python -m health_producer``: one source to its topic, until SIGTERM."""

from __future__ import annotations

import logging
import sys
import threading

from health_events import SOURCES, by_name
from health_pipeline.settings import ProducerSettings, SettingsError
from health_pipeline.telemetry import Telemetry, set_up_logging, stop_on_signals

from health_producer.checking import Checker
from health_producer.metrics import Metrics
from health_producer.pseudonyms import pseudonyms_of
from health_producer.publisher import DeliveryError, Publisher
from health_producer.sources import batches

log = logging.getLogger(__name__)

_REPORTS_S = 0.1
_AFTER_FAILURE_S = 2.0


class Reader(threading.Thread):
    """Reads the source, checks and publishes, in a thread that may be stuck in the network when the process ends.

    ``error`` holds what ended it before its time.
    """

    def __init__(
        self, settings: ProducerSettings, check: Checker, publisher: Publisher, place: str | None, metrics: Metrics
    ) -> None:
        super().__init__(name="reader", daemon=True)
        self.stop = threading.Event()
        self.error: Exception | None = None
        self._settings = settings
        self._check = check
        self._publisher = publisher
        self._place = place
        self._metrics = metrics

    def run(self) -> None:
        """Until ``stop`` is set or the publisher fails."""
        try:
            for batch in batches(
                self._settings, self._place, self.stop, lambda error: self._metrics.source_failed(error.kind)
            ):
                self._publisher.give([self._check(item) for item in batch.items], batch.place)
        except Exception as error:  # kept for the thread that waits for this one
            self.error = error


def main() -> int:
    """Run; the process's exit code: 0 after a signal, 2 for settings that cannot work."""
    try:
        settings = _settings()
        set_up_logging(f"producer-{settings.source}")
        check = Checker(by_name(settings.source), pseudonyms_of(settings))
        telemetry = Telemetry(settings)
        stop = stop_on_signals()
        metrics = Metrics(settings.pipeline, settings.source)
        while not stop.is_set():
            try:
                run(settings, check, metrics, telemetry, stop)
            except DeliveryError as error:
                log.error("%s; going on from the last delivered item in %.0f s", error, _AFTER_FAILURE_S)
                stop.wait(_AFTER_FAILURE_S)
    except SettingsError as error:
        sys.stderr.write(f"health_producer: {error}\n")
        return 2
    telemetry.close()
    return 0


def run(
    settings: ProducerSettings, check: Checker, metrics: Metrics, telemetry: Telemetry, stop: threading.Event
) -> None:
    """From the stored place on until ``stop``; DeliveryError when Kafka refused a record."""
    publisher = Publisher(settings, metrics)
    reader = None
    try:
        publisher.wait_for_topics(stop)
        if stop.is_set():
            return
        place = publisher.stored_place()
        log.info("reading %s from %s", settings.url, "the beginning" if place is None else f"after cursor {place!r}")
        telemetry.ready.set()
        reader = Reader(settings, check, publisher, place, metrics)
        reader.start()
        while reader.is_alive() and not stop.is_set():
            publisher.serve(_REPORTS_S)
        if reader.error:
            raise reader.error
    finally:
        if reader:
            reader.stop.set()
        publisher.close()


def _settings() -> ProducerSettings:
    settings = ProducerSettings.from_env()
    names = [event.name for event in SOURCES]
    if settings.source not in names:
        raise SettingsError(f"HEALTH_SOURCE is {settings.source!r}; there are {', '.join(names)}")
    if settings.mode not in ("stream", "poll"):
        raise SettingsError(f"HEALTH_MODE is {settings.mode!r}; it must be stream or poll")
    if not settings.url.startswith(("http://", "https://")):
        raise SettingsError(f"HEALTH_URL is {settings.url!r}; it must begin with http:// or https://")
    return settings


if __name__ == "__main__":
    sys.exit(main())
