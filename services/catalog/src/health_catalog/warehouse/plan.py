"""What is to be loaded: the partitions of the catalogue that the ledger does not have in this version; pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from health_catalog.schemas import Partition, Table

Values = tuple[str, ...]

# A load is one transaction. The Data API takes 40 statements in one: three for each layout of a partition's files, and
# five for all of them together.
MOST_LAYOUTS = 11


@dataclass(frozen=True)
class Entry:
    """A row of the ledger: where the rows of a partition came from, and by which load."""

    table: str
    values: Values
    location: str
    load: str


@dataclass(frozen=True)
class File:
    """A Parquet file; ``columns`` in its own order, which COPY goes by, ``size`` in bytes."""

    uri: str
    size: int
    rows: int
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Pending:
    """A partition whose rows the warehouse does not have; ``replaces`` is the load of those that it has instead."""

    table: Table
    partition: Partition
    replaces: str = ""


@dataclass(frozen=True)
class Part:
    """A partition with its files, as it is loaded."""

    partition: Partition
    replaces: str
    files: tuple[File, ...]

    @property
    def rows(self) -> int:
        """Of all its files."""
        return sum(file.rows for file in self.files)

    def layouts(self) -> list[tuple[tuple[str, ...], tuple[File, ...]]]:
        """Its files by their columns: files of an older schema have fewer."""
        by_columns = sorted(self.files, key=lambda file: (file.columns, file.uri))
        return [(columns, tuple(group)) for columns, group in groupby(by_columns, key=lambda file: file.columns)]


@dataclass(frozen=True)
class Load:
    """Partitions of one table that are loaded in one transaction."""

    table: Table
    parts: tuple[Part, ...]

    @property
    def rows(self) -> int:
        """Of all its partitions."""
        return sum(part.rows for part in self.parts)

    @cached_property
    def id(self) -> str:
        """The same for the same files in place of the same loads, so no two loads of a table have one id."""
        told = [
            [part.partition.values, part.partition.location, part.replaces, [file.uri for file in part.files]]
            for part in self.parts
        ]
        return hashlib.sha256(json.dumps([self.table.name, told]).encode()).hexdigest()[:32]

    def entries(self) -> list[Entry]:
        """What the ledger has of it."""
        return [Entry(self.table.name, each.partition.values, each.partition.location, self.id) for each in self.parts]


def pending(committed: Iterable[tuple[Table, Sequence[Partition]]], ledger: Iterable[Entry]) -> list[Pending]:
    """What the catalogue has and the ledger has not, oldest hour first.

    A partition that has left the catalogue stays in the warehouse: an empty catalogue is more likely a mishap than a
    wish to lose the warehouse too.
    """
    known = {(entry.table, entry.values): entry for entry in ledger}
    found = []
    for table, partitions in committed:
        for partition in partitions:
            entry = known.get((table.name, partition.values))
            if entry is None or entry.location != partition.location:
                found.append(Pending(table, partition, entry.load if entry else ""))
    return sorted(found, key=lambda item: (item.partition.values, item.table.name))


def loads(wanted: Sequence[Pending], files: Mapping[str, Sequence[File]]) -> Iterator[Load]:
    """Loads of the wanted partitions, ``files`` by location; oldest hours first.

    A location without files is passed over: it was replaced since the catalogue was read, and the next look finds where
    its rows are now.
    """
    made: list[Load] = []
    for _, group in groupby(sorted(wanted, key=lambda item: item.table.name), key=lambda item: item.table.name):
        items = list(group)
        parts = [_part(item, files[item.partition.location]) for item in items if files.get(item.partition.location)]
        made += [Load(items[0].table, tuple(chunk)) for chunk in _chunks(parts)]
    yield from sorted(made, key=lambda load: (load.parts[0].partition.values, load.table.name))


def _part(item: Pending, files: Sequence[File]) -> Part:
    return Part(item.partition, item.replaces, tuple(sorted(files, key=lambda file: file.uri)))


def _chunks(parts: Iterable[Part]) -> Iterator[list[Part]]:
    """Runs of parts, none with more layouts than a load can have; a single part goes by itself whatever it has."""
    chunk: list[Part] = []
    layouts = 0
    for part in parts:
        count = len(part.layouts())
        if chunk and layouts + count > MOST_LAYOUTS:
            yield chunk
            chunk, layouts = [], 0
        chunk.append(part)
        layouts += count
    if chunk:
        yield chunk


def partition_text(values: Values) -> str:
    """A partition as a ledger has it: ``2026-11-22/10``."""
    return "/".join(values)


def partition_values(text: str) -> Values:
    """The values in such a text."""
    return tuple(text.split("/"))
