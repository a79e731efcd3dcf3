"""What a source has said, kept for its clients: numbered, bounded in memory, what was given out counted."""

from __future__ import annotations

import asyncio
import bisect
import json
from dataclasses import dataclass
from typing import Any

import msgspec

from health_simulator.faults import Item

HISTORY_BYTES = 256 * 1024 * 1024
_READ_BYTES = 256 * 1024
_encoder = msgspec.json.Encoder()


class Gone(Exception):
    """The items after a cursor are kept no longer. ``first`` is the first one that is."""

    def __init__(self, cursor: int, first: int) -> None:
        super().__init__(
            f"what follows cursor {cursor} is kept no longer; the first item that is kept has cursor {first}"
        )
        self.first = first


@dataclass(frozen=True)
class _Chunk:
    """The lines of items ``first`` to ``last``, each with its newline."""

    first: int
    last: int
    lines: bytes


class Feed:
    """The items of one source, the first of them with the cursor ``begin``. To be used from one event loop."""

    def __init__(self, begin: int, history_bytes: int = HISTORY_BYTES) -> None:
        self.begin = begin
        self._budget, self._kept = history_bytes, 0
        self._chunks: list[_Chunk] = []
        self._served = Ranges()
        self._news = asyncio.Event()
        self.last = begin - 1
        self.complete = False
        self.closed = False

    @property
    def first(self) -> int:
        """The first cursor that is kept; the next one when there is none yet."""
        return self._chunks[0].first if self._chunks else self.last + 1

    @property
    def generated(self) -> int:
        """How many items there have been, kept or not."""
        return self.last - self.begin + 1

    @property
    def served(self) -> int:
        """How many distinct items were given to clients."""
        return len(self._served)

    def publish(self, items: list[Item]) -> None:
        """Number the items, keep them and wake whoever waits."""
        if not items:
            return
        first, self.last = self.last + 1, self.last + len(items)
        lines = _lines(items, first)
        self._chunks.append(_Chunk(first, self.last, lines))
        self._kept += len(lines)
        if self._kept > self._budget:
            self._forget()
        self._wake()

    def close(self) -> None:
        """Let whoever waits go home: the server stops."""
        self.closed = True
        self._wake()

    async def wait(self, after: int, seconds: float) -> bool:
        """Until there is something after that cursor or the feed is closed; False when the time has run out."""
        if self.last > after or self.closed:
            return True
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    def start(self) -> int:
        """The cursor to read after, for all there is."""
        return self.first - 1

    def check(self, after: int) -> None:
        """Gone, unless all that follows that cursor is kept."""
        if after < self.first - 1:
            raise Gone(after, self.first)

    def lines(self, after: int) -> tuple[bytes, int]:
        """Some of the lines after a cursor as a stream shows them, and the last one's cursor. They count as served."""
        self.check(after)
        index = bisect.bisect_right(self._chunks, after, key=lambda chunk: chunk.last)
        parts, size, last = [], 0, after
        while index < len(self._chunks) and size < _READ_BYTES:
            chunk = self._chunks[index]
            parts.append(_rest(chunk, last))
            size, last, index = size + len(parts[-1]), chunk.last, index + 1
        self._served.add(after + 1, last)
        return b"".join(parts), last

    def page(self, after: int, limit: int) -> tuple[bytes, int]:
        """Up to ``limit`` items after a cursor as a JSON list, and the last one's cursor. They count as served."""
        self.check(after)
        index = bisect.bisect_right(self._chunks, after, key=lambda chunk: chunk.last)
        lines: list[bytes] = []
        while index < len(self._chunks) and len(lines) < limit:
            lines += _rest(self._chunks[index], after + len(lines)).splitlines()
            index += 1
        lines = [_whole(line) for line in lines[:limit]]
        last = after + len(lines)
        self._served.add(after + 1, last)
        return b"[" + b",".join(lines) + b"]", last

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _forget(self) -> None:
        """Drop the oldest, a little more than needed so that it is not done at every tick."""
        drop = 0
        while self._kept > 0.95 * self._budget and drop < len(self._chunks) - 1:
            self._kept -= len(self._chunks[drop].lines)
            drop += 1
        del self._chunks[:drop]


class Ranges:
    """A set of whole numbers that come in long runs."""

    def __init__(self) -> None:
        self._runs: list[tuple[int, int]] = []

    def add(self, first: int, last: int) -> None:
        """All numbers from ``first`` to ``last``; none when ``last`` is before ``first``."""
        if last < first:
            return
        touching = [run for run in self._runs if run[0] <= last + 1 and run[1] >= first - 1]
        merged = (min([first, *(run[0] for run in touching)]), max([last, *(run[1] for run in touching)]))
        self._runs = sorted([run for run in self._runs if run not in touching] + [merged])

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self._runs)


def _lines(items: list[Item], first: int) -> bytes:
    whole = [{"cursor": str(cursor), "record": item.record} for cursor, item in enumerate(items, first)]
    lines = _encoder.encode_lines(whole)
    if all(item.left == 1 for item in items):
        return lines
    cut = [_cut(line, item.left) for line, item in zip(lines.splitlines(), items, strict=True)]
    return b"\n".join(cut) + b"\n"


def _cut(line: bytes, left: float) -> bytes:
    """A part of a line: at least its cursor, and never its last two braces, so that a cut can be told by the end."""
    if left == 1:
        return line
    least, most = line.index(b",") + 1, len(line) - 2
    return line[: least + int(left * (most - least))]


def _whole(line: bytes) -> bytes:
    """The line as JSON. A page cannot be cut in the middle, so in it the cut record is a text."""
    if line.endswith(b"}"):
        return line
    start = line.index(b",") + 1
    text: Any = line[start:].removeprefix(b'"record":').decode()
    return line[:start] + b'"record":' + json.dumps(text).encode() + b"}"


def _rest(chunk: _Chunk, after: int) -> bytes:
    """The chunk's lines after a cursor."""
    if after < chunk.first:
        return chunk.lines
    return b"".join(chunk.lines.splitlines(keepends=True)[after + 1 - chunk.first :])
