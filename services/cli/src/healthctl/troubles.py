"""Sources that cannot be read, as whoever runs a pipeline is told of them; the rest of it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from health_lag.readings import Readings

_WARNING = " WARNING "
_WHY = "healthctl query \"SELECT reason, payload FROM raw.dead_letters WHERE source = '{}'\""


class Troubles:
    """Judges by what producers count; ``log_of(component)`` gives the last lines of a log.

    A source is in trouble from when a request fails, or what it sends is no item or breaks the contract, with nothing
    good in between, until something good comes.
    """

    def __init__(self, log_of: Callable[[str], Iterable[str]]) -> None:
        self._log_of = log_of
        self._counts: dict[tuple[str, str], float] = {}
        self._found: dict[str, str] = {}

    def note(self, seen: Readings) -> dict[str, str]:
        """What is wrong now, a line by source, after one more look."""
        published = self._gone_on("published", seen.produced)
        failed = self._gone_on("failed", seen.source_errors)
        for source in published:
            self._found.pop(source, None)
        for source in self._gone_on("dead", seen.dead_lettered) - published - failed:
            self._found[source] = (
                f"nothing that it sends can be used, it is all dead letters; why: {_WHY.format(source)}"
            )
        for source in failed - published:
            self._found[source] = self._failure(source)
        return dict(self._found)

    def _gone_on(self, what: str, counts: Mapping[str, float]) -> set[str]:
        """Sources with a counter that has gone on; one that went back has begun anew, with its producer."""
        before = {source: self._counts.get((what, source), 0) for source in counts}
        self._counts |= {(what, source): count for source, count in counts.items()}
        return {source for source, count in counts.items() if count > before[source] or 0 < count < before[source]}

    def _failure(self, source: str) -> str:
        component = f"producer-{source}"
        told = [line.partition(f"{_WARNING}{component} ")[2] for line in self._log_of(component)]
        said = [line for line in told if line]
        return said[-1] if said else f"it cannot be read: see healthctl logs {component}"
