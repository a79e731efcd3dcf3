"""Which raw files are new, and what is remembered of those that are not; pure.

A file is named by its key within its table: ``ingest_date=2026-11-22/hour=10/part-0-0-99.parquet``. Keys sort by time.
Files are remembered by name and not by a highest offset: offsets have gaps, one batch can write two hours, and a topic
that was made anew begins at zero again. So that neither the memory nor the listing grows for ever, both cover the last
days only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby

# How far behind the newest ingest date of its table a file may still appear: landing catches up in the order of Kafka's
# time, so only a producer whose clock is this wrong can be missed. Counted in dates, so it is up to twice as long.
LOOKBACK = timedelta(days=1)

# A backlog is taken in by bites, so that the memory that a run needs is bounded.
MAX_FILES = 500

# Raised when tables change so that old results must not be kept: everything is then made from the raw zone again.
VERSION = 1

_DATE_KEY = "ingest_date="


@dataclass(frozen=True)
class State:
    """What is remembered between runs.

    ``since`` is the id of the first run that counts: what an earlier one wrote is made anew, not added to. ``seen``
    maps a table to the keys of the files taken in, ``superseded`` holds the locations that the last run replaced.
    """

    since: str
    seen: Mapping[str, frozenset[str]] = field(default_factory=dict)
    superseded: tuple[str, ...] = ()

    def to_json(self) -> bytes:
        """Keys are grouped by their folder, which keeps it small."""
        seen = {table: _by_folder(keys) for table, keys in sorted(self.seen.items())}
        document = {"version": VERSION, "since": self.since, "superseded": self.superseded, "seen": seen}
        return json.dumps(document, indent=1).encode()

    @classmethod
    def from_json(cls, text: bytes) -> State | None:
        """The state in ``text``; None when it was written by another version, which means to begin anew."""
        document = json.loads(text)
        if document.get("version") != VERSION:
            return None
        seen = {
            table: frozenset(f"{folder}/{name}" for folder, names in folders.items() for name in names)
            for table, folders in document["seen"].items()
        }
        return cls(document["since"], seen, tuple(document["superseded"]))


def listing_start(seen: frozenset[str], today: date) -> date | None:
    """The first ingest date that can hold new files; None when any can.

    A date in the future comes from a broken clock; it must not hide what everybody else sends.
    """
    if not seen:
        return None
    return min(_ingest_date(max(seen)), today) - LOOKBACK


def new_files(listed: Iterable[str], seen: frozenset[str], limit: int = MAX_FILES) -> list[str]:
    """What has not been taken in yet, oldest ingest hour first, at most ``limit``."""
    return sorted(set(listed) - seen)[:limit]


def advanced(state: State, taken: Mapping[str, Iterable[str]], superseded: Iterable[str], today: date) -> State:
    """The state after a run that has taken in these files; forgets what will not be listed again."""
    seen = dict(state.seen)
    for table, keys in taken.items():
        seen[table] = seen.get(table, frozenset()) | frozenset(keys)
    return State(state.since, {table: _recent(keys, today) for table, keys in seen.items()}, tuple(sorted(superseded)))


def _recent(seen: frozenset[str], today: date) -> frozenset[str]:
    start = listing_start(seen, today)
    return frozenset(key for key in seen if start is None or _ingest_date(key) >= start)


def _ingest_date(key: str) -> date:
    return date.fromisoformat(key.removeprefix(_DATE_KEY).partition("/")[0])


def _by_folder(keys: Iterable[str]) -> dict[str, list[str]]:
    split = sorted(key.rsplit("/", 1) for key in keys)
    return {folder: [name for _, name in group] for folder, group in groupby(split, key=lambda pair: pair[0])}
