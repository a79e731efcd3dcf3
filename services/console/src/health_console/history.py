"""What the components have said within the last minutes, and the rates that follow from it; pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from health_lag.readings import Readings, increase

KEPT = 150  # samples for a curve: five minutes, one every two seconds
COUNTED = ("alerts", "dispatch")  # curves of what is counted in Kafka
_SPAN_S = 10.0  # that a rate is taken over


@dataclass(frozen=True)
class Sample:
    """What the components said at ``at``, in seconds of a clock that only goes on; None of one that did not answer.

    ``rates`` are those that Kafka's records tell, by curve; None while they cannot be read.
    """

    at: float
    readings: Mapping[str, Readings | None]
    rates: Mapping[str, float | None] = field(default_factory=dict)


@dataclass
class Curve:
    """A rate as it was, one value a sample; None where it was not known."""

    values: deque[float | None] = field(default_factory=lambda: deque(maxlen=KEPT))

    @property
    def last(self) -> float | None:
        """The newest value."""
        return self.values[-1] if self.values else None


class History:
    """Samples long enough for rates, and the curves of the stages."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()
        self.curves: dict[str, Curve] = {name: Curve() for name in (*_RATES, *COUNTED)}

    def add(self, sample: Sample) -> None:
        """Take in a sample."""
        self._samples.append(sample)
        while len(self._samples) > 2 and self._samples[1].at <= sample.at - _SPAN_S:  # noqa: PLR2004
            self._samples.popleft()
        for name, grown in _RATES.items():
            self.curves[name].values.append(self._rate(grown))
        for name in COUNTED:
            self.curves[name].values.append(sample.rates.get(name))

    @property
    def latest(self) -> Mapping[str, Readings | None]:
        """The last sample's readings by component."""
        return self._samples[-1].readings if self._samples else {}

    def source_rates(self) -> dict[str, float]:
        """Events per second by source, over the last ten seconds."""
        found: dict[str, float] = {}
        for before, after, seconds in self._pairs():
            for source, events in increase(before, after).items():
                found[source] = found.get(source, 0.0) + events / seconds
        return found

    def _rate(self, grown: Callable[[Readings, Readings], float | None]) -> float | None:
        rates = [
            more / seconds
            for before, after, seconds in self._pairs()
            if (more := grown(before, after)) is not None
        ]  # fmt: skip
        return sum(rates) if rates else None

    def _pairs(self) -> Iterable[tuple[Readings, Readings, float]]:
        """What each component said first and last within the span."""
        for component in self.latest:
            said = [
                (sample.at, readings)
                for sample in self._samples
                if (readings := sample.readings.get(component)) is not None
            ]
            if len(said) > 1 and said[-1][0] > said[0][0]:
                yield said[0][1], said[-1][1], said[-1][0] - said[0][0]


def _events(before: Readings, after: Readings) -> float | None:
    return sum(increase(before, after).values()) if after.events else None


def _landed(before: Readings, after: Readings) -> float | None:
    return _growth(before.rows_landed, after.rows_landed) if after.landing_lag or after.rows_landed else None


def _growth(before: float, after: float) -> float:
    """Of a counter; one that went back has begun anew."""
    return after - before if after >= before else after


_RATES: dict[str, Callable[[Readings, Readings], float | None]] = {
    "sources": _events,
    "landing": _landed,
}
