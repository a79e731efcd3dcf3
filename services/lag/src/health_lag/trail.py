"""The pipeline's audit: what the operator has put on record goes to the topic ``NAME.audit``, each entry once.

The operator has no Kafka client. Its latest entries are in a file, where the kubelet shows them: numbered, each with
the uid of its pipeline. Which of them the topic has, the topic says; so nothing is kept here, and whoever is killed
while it writes has either written all or nothing.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from health_events import AUDIT_TOPIC, topic_name
from health_pipeline.settings import LagSettings

from health_lag.kafka import Complaints, Journal, Unwritten

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 2.0

Entry = dict[str, Any]


class Scribe(threading.Thread):
    """Looks for new entries in a thread of its own. ``error`` is what ended it before its time, if anything."""

    def __init__(self, settings: LagSettings, stop: threading.Event) -> None:
        super().__init__(name="audit", daemon=True)
        self.error: Exception | None = None
        self._settings, self._stop_event = settings, stop
        self._complaints = Complaints()
        self._done = ""

    def run(self) -> None:
        """Until stopped."""
        try:
            while not self._stop_event.is_set():
                self._look()
                self._stop_event.wait(_LOOK_EVERY_S)
        except Exception as error:  # kept for the thread that watches this one
            self.error = error

    def _look(self) -> None:
        try:
            text = Path(self._settings.audit_file).read_text()
            entries = read(text)
        except FileNotFoundError:  # there is no record yet
            return
        except (OSError, ValueError) as error:
            self._complaints.about("the audit cannot be read", str(error))
            return
        if text == self._done or not entries:
            return
        try:
            self._write(entries)
        except Unwritten as error:
            self._complaints.about("the audit waits", str(error))
        else:
            self._done = text if not self._stop_event.is_set() else ""

    def _write(self, entries: list[Entry]) -> None:
        topic = topic_name(self._settings.pipeline, AUDIT_TOPIC)
        journal = Journal(self._settings, topic, self._stop_event)
        held = {key for key in map(key_of, map(_object, journal.records())) if key}
        new = missing(entries, held)
        if new and not self._stop_event.is_set():
            journal.write([(key_of(entry), json.dumps(entry, separators=(",", ":")).encode()) for entry in new])
            log.info("%d entries of the audit are in %s", len(new), topic)


def read(text: str) -> list[Entry]:
    """The entries of a file; ValueError when it holds anything else."""
    found = json.loads(text)
    if not isinstance(found, list) or not all(key_of(entry) for entry in found):
        raise ValueError("not a list of numbered entries")
    return found


def missing(entries: Iterable[Entry], held: Collection[str]) -> list[Entry]:
    """Those that the topic has not, by their numbers."""
    return sorted((entry for entry in entries if key_of(entry) not in held), key=lambda entry: int(entry["sequence"]))


def key_of(entry: object) -> str:
    """By which an entry is told from all others, also of a pipeline that had the name before; empty of what is none."""
    if not isinstance(entry, dict) or not isinstance(entry.get("uid"), str):
        return ""
    sequence = entry.get("sequence")
    return f"{entry['uid']}/{sequence}" if isinstance(sequence, int) and not isinstance(sequence, bool) else ""


def _object(payload: bytes) -> object:
    try:
        return json.loads(payload)
    except ValueError:  # somebody else's
        return None
