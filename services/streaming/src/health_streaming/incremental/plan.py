"""Which raw files are new, and what is remembered of those that are not; pure.

A file is named by its key within its table: ``ingest_date=2026-11-22/hour=10/part-0-0-99.parquet``. Keys sort by time.
Files are remembered by name and not by a highest offset: offsets have gaps, one batch can write two hours, and a topic
that was made anew begins at zero again.

So that neither the memory nor the listing grows for ever, both cover the last days, and older folders only where
landing has left word of them (``late``). That misses no file, in whatever order they land and whatever a producer's
clock says, as long as the clocks of landing, of the transform and of S3 agree within a day.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby

from health_streaming.late import Word

# What clocks may differ by, midnight with them.
_SLACK = timedelta(days=1)

# A backlog is taken in by bites, so that the memory that a run needs is bounded.
MAX_FILES = 500

# Raised when old results must not be kept, for tables have changed or files were missed: everything is then made from
# the raw zone again.
VERSION = 2

_DATE_KEY = "ingest_date="


@dataclass(frozen=True)
class Mark:
    """How far a table is taken in: all that had landed by ``looked`` of the ingest dates before ``done_before``."""

    looked: date
    done_before: date  # never after ``looked``


@dataclass(frozen=True)
class Window:
    """Where new files can be: in all folders from ``first`` on; in ``late`` ones, what was written from ``told`` on."""

    first: date = date.min
    told: date = date.min
    late: frozenset[date] = frozenset()

    def covers(self, ingested: date) -> bool:
        """Whether a folder is to be listed."""
        return ingested >= self.first or ingested in self.late

    def may_be_new(self, key: str, written: date) -> bool:
        """Whether a file that was written on this day can be new."""
        ingested = ingest_date(key)
        return ingested >= self.first or (ingested in self.late and written >= self.told)


@dataclass(frozen=True)
class Look:
    """What a look at a table found: the new files, oldest first, and whether these are all; the words before it."""

    files: list[str]
    is_all: bool
    words: Collection[Word] = ()


@dataclass(frozen=True)
class State:
    """What is remembered between runs.

    ``since`` is the id of the first run that counts: what an earlier one wrote is made anew, not added to. ``seen``
    maps a table to the keys of the files taken in, ``marks`` to how far it is; ``superseded`` holds the locations that
    the last run replaced.
    """

    since: str
    seen: Mapping[str, frozenset[str]] = field(default_factory=dict)
    marks: Mapping[str, Mark] = field(default_factory=dict)
    superseded: tuple[str, ...] = ()

    def to_json(self) -> bytes:
        """Keys are grouped by their folder, which keeps it small."""
        seen = {table: _by_folder(keys) for table, keys in sorted(self.seen.items())}
        marks = {
            table: [mark.looked.isoformat(), mark.done_before.isoformat()] for table, mark in sorted(self.marks.items())
        }
        document = {
            "version": VERSION, "since": self.since, "superseded": self.superseded, "marks": marks, "seen": seen
        }  # fmt: skip
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
        marks = {table: Mark(*map(date.fromisoformat, days)) for table, days in document["marks"].items()}
        return cls(document["since"], seen, marks, tuple(document["superseded"]))

    def window(self, table: str, words: Iterable[Word]) -> Window:
        """Where new files of the table can be; ``words`` must have been read before the files are listed."""
        return _window(self.marks.get(table), words)


def new_files(listed: Iterable[str], seen: frozenset[str], limit: int = MAX_FILES) -> tuple[list[str], bool]:
    """What has not been taken in yet, oldest ingest hour first, at most ``limit``; and whether that is all."""
    found = sorted(set(listed) - seen)
    return found[:limit], len(found) <= limit


def advanced(state: State, looks: Mapping[str, Look], superseded: Iterable[str], today: date) -> State:
    """The state after a run, on this day, that has taken in what it found; forgets what will not be listed again."""
    seen, marks = dict(state.seen), dict(state.marks)
    for table, look in looks.items():
        marks[table] = _moved(marks.get(table), look, today)
        window = _window(marks[table], look.words)
        known = seen.get(table, frozenset()) | frozenset(look.files)
        seen[table] = frozenset(key for key in known if window.covers(ingest_date(key)))
    return State(state.since, seen, marks, tuple(sorted(superseded)))


def ingest_date(key: str) -> date:
    """Of a file's key, or of a folder's name."""
    return date.fromisoformat(key.removeprefix(_DATE_KEY).partition("/")[0])


def _window(mark: Mark | None, words: Iterable[Word]) -> Window:
    if mark is None:
        return Window()
    told = mark.looked - _SLACK
    late = frozenset(word.ingested for word in words if word.landed >= told)
    return Window(mark.done_before - _SLACK, told, late)


def _moved(mark: Mark | None, look: Look, today: date) -> Mark:
    """After a bite, the older of what was found is done with.

    A date in the future comes from a broken clock; it must not hide what everybody else sends. Nor does a bite of late
    files take the mark back: where they are is told until all of them are taken in.
    """
    reached = today if look.is_all else min(today, ingest_date(look.files[-1]))
    return mark if mark and reached < mark.done_before else Mark(today, reached)


def _by_folder(keys: Iterable[str]) -> dict[str, list[str]]:
    split = sorted(key.rsplit("/", 1) for key in keys)
    return {folder: [name for _, name in group] for folder, group in groupby(split, key=lambda pair: pair[0])}
