"""Dead letters: how many by source and reason, and the newest as samples; pure."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

from health_console.privacy import Role, shape, unquoted

SAMPLES, _REASONS = 20, 30
_OTHERS = ("other reasons", "")
_SHOWN = 400  # characters of a payload
_LONGEST_REASON = 200


@dataclass(frozen=True)
class Letter:
    """A dead letter as it is on Kafka; ``written_at`` in UTC ms, ``payload`` may be anything."""

    source: str
    reason: str
    written_at: int
    payload: bytes


class Letters:
    """The newest letters, and a count of those that were read."""

    def __init__(self) -> None:
        self._samples: deque[Letter] = deque(maxlen=SAMPLES)
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, letter: Letter) -> None:
        """A letter was read."""
        self._samples.append(letter)
        kind = letter.source[:64], unquoted(letter.reason)[:_LONGEST_REASON]
        # Reasons are few, unless somebody makes them up; then only their number matters.
        self._counts[kind if kind in self._counts or len(self._counts) < _REASONS else _OTHERS] += 1

    def document(self, role: Role, ever: int | None = None) -> dict[str, Any]:
        """For the page: ``total``, ``counts`` (most first, last what is not told apart) and ``samples`` (newest first).

        ``ever`` is how many there were by the watcher, who looks every second, and whom those read here can precede.
        Whoever may not see patients gets samples without content.
        """
        counts = sorted(self._counts.most_common(), key=lambda each: each[0] == _OTHERS)
        return {
            "total": max(ever or 0, self._counts.total()),
            "counts": [{"source": kind[0], "reason": kind[1], "count": count} for kind, count in counts],
            "samples": [_sample(letter, role) for letter in reversed(self._samples)],
        }


def _sample(letter: Letter, role: Role) -> dict[str, Any]:
    payload = letter.payload[: 4 * _SHOWN].decode(errors="replace")[:_SHOWN]
    is_open = role >= Role.PATIENTS
    return {
        "source": letter.source[:64],
        "reason": (letter.reason if is_open else unquoted(letter.reason))[:_LONGEST_REASON],
        "written_at": letter.written_at,
        "bytes": len(letter.payload),
        "payload": payload if is_open else shape(payload),
    }
