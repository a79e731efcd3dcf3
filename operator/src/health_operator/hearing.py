"""What the watch of the pipelines has told: whether an event is news, and whether the watch is deaf.

A watch can be open and silent for good while all looks well. So what it told is compared with what a list says now and
then: a version that was listed and is not heard of within the grace, nor any later one, means deafness.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Key = tuple[str, str]


@dataclass(frozen=True)
class _Heard:
    version: str
    at: float
    news: tuple[Any, ...]


@dataclass(frozen=True)
class _Listed:
    version: str
    first: float


class Hearing:
    """Not thread-safe; times are monotonic seconds."""

    def __init__(self) -> None:
        self._heard: dict[Key, _Heard] = {}
        self._unheard: dict[Key, _Listed] = {}

    def hear(self, event: Mapping[str, Any]) -> tuple[Key, bool]:
        """An event of the watch: whose it is, and whether the user or a deletion is behind it rather than a status."""
        metadata = event["object"]["metadata"]
        key = (str(metadata.get("namespace", "")), str(metadata["name"]))
        if event["type"] == "DELETED":
            self._heard.pop(key, None)
            return key, True
        before = self._heard.get(key)
        news = (
            metadata.get("uid"), metadata.get("generation"), metadata.get("deletionTimestamp"),
            tuple(sorted((metadata.get("annotations") or {}).items())), tuple(metadata.get("finalizers") or ()),
        )  # fmt: skip
        self._heard[key] = _Heard(str(metadata["resourceVersion"]), time.monotonic(), news)
        return key, before is None or before.news != news

    def compare(self, listed: Iterable[Mapping[str, Any]], now: float) -> list[Key]:
        """What a list says, in metadata; gives the pipelines that have not been heard of in that version yet."""
        unheard: dict[Key, _Listed] = {}
        for item in listed:
            metadata = item["metadata"]
            key, version = (str(metadata["namespace"]), str(metadata["name"])), str(metadata["resourceVersion"])
            heard, known = self._heard.get(key), self._unheard.get(key)
            if heard is not None and (heard.version == version or (known is not None and heard.at >= known.first)):
                continue
            unheard[key] = known or _Listed(version, now)
        self._unheard = unheard
        return list(unheard)

    def silent_seconds(self, now: float) -> float:
        """For how long the oldest listed and unheard change has been known; 0 when all was heard."""
        return max((now - listed.first for listed in self._unheard.values()), default=0.0)
