"""How long to leave alone what has failed: ever longer, so that what fails always costs little."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from health_catalog.errors import CatalogError

_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _DOUBLINGS = 15.0, 900.0, 6


@dataclass(frozen=True)
class Surroundings:
    """Time and chance, for tests to make up. ``now``: monotonic seconds; ``chance``: from 0 to 1."""

    now: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random


REAL = Surroundings()


def pause(failures: int, jitter: float) -> float:
    """Exponential, and from half of it to all of it by chance, so that many do not come back at once."""
    longest: float = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * float(2 ** min(failures - 1, _DOUBLINGS)))
    return longest * (0.5 + 0.5 * jitter)


@dataclass(frozen=True)
class _Failed:
    error: CatalogError
    failures: int
    not_before: float


class Patience:
    """What has failed, by a name, and whether it is to be left alone still."""

    def __init__(self, around: Surroundings = REAL) -> None:
        self._around = around
        self._failed: dict[str, _Failed] = {}

    def waits(self, name: str) -> bool:
        """Whether it has failed so shortly ago that it is to be left alone."""
        known = self._failed.get(name)
        return known is not None and self._around.now() < known.not_before

    def failed(self, name: str, error: CatalogError) -> None:
        """It has failed, perhaps once more: the pause begins now."""
        failures = self._failed[name].failures + 1 if name in self._failed else 1
        self._failed[name] = _Failed(error, failures, self._around.now() + pause(failures, self._around.chance()))

    def went_well(self, names: Collection[str]) -> None:
        """These have failed no longer."""
        self._failed = {name: known for name, known in self._failed.items() if name not in names}

    def errors(self) -> dict[str, CatalogError]:
        """What each has failed by last, of those that have not gone well since."""
        return {name: known.error for name, known in self._failed.items()}
