"""Durations as people write them: ``250ms``, ``10s``, ``5m``, ``7d``."""

from __future__ import annotations

import re

_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
DURATION_PATTERN = r"(\d{1,10})(ms|s|m|h|d)"
_DURATION = re.compile(DURATION_PATTERN, re.ASCII)


class Duration(int):
    """A length of time, a whole number of milliseconds."""

    @classmethod
    def parse(cls, text: str) -> Duration:
        """``'10s'`` -> 10000 ms; ValueError, saying how to write it, for anything else."""
        match = _DURATION.fullmatch(text)
        if match is None:
            raise ValueError(f"not a duration: {text!r} (write 250ms, 10s, 5m, 1h or 7d)")
        return cls(int(match[1]) * _UNITS_MS[match[2]])

    @property
    def seconds(self) -> float:
        """The same in seconds."""
        return self / 1000

    def __str__(self) -> str:
        for unit in ("d", "h", "m", "s"):
            if self and self % _UNITS_MS[unit] == 0:
                return f"{self // _UNITS_MS[unit]}{unit}"
        return f"{int(self)}ms"
