"""How far a query in Athena is and what it costs, on a line of standard error."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from health_catalog.athena import Progress

_MEGABYTE = 1_000_000


class Meter:
    """A line that is written again and again on a terminal; elsewhere only the last word is said."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._last: Progress | None = None

    def show(self, progress: Progress) -> None:
        """What is known now."""
        self._last = progress
        if self._out.isatty():
            self._out.write(f"\r\x1b[KAthena: {progress.state.lower()}, {_told(progress)}")
            self._out.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if self._out.isatty():
            self._out.write("\r\x1b[K")
        if self._last is not None:
            stopped = "" if kind is None else " until it was stopped"
            self._out.write(f"Athena: {_told(self._last)}{stopped}, about {self._last.usd:.5f} USD\n")
        self._out.flush()


def _told(progress: Progress) -> str:
    return f"{progress.seconds:.0f} s, {progress.scanned_bytes / _MEGABYTE:.1f} MB read"
