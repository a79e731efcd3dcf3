"""The bad days of a source: records spoiled, sent late or sent again. Seeded, so a bad day can be had twice."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from health_events import Event, Primitive
from health_pipeline.settings import SimulatedSource

from health_simulator import chance

_LATE_S = (60.0, 3600.0)
_REPEAT_AFTER_S = 5.0


class Item(NamedTuple):
    """What a client gets. ``record`` may be no object on a bad day; ``left`` is the part of the line that is sent."""

    record: Any
    left: float = 1.0


class Faults:
    """Spoils records as configured.

    At most one of malformed, out of range and late befalls a record, in this order when their fractions add up to more
    than 1. Whatever a record looks like, it may be sent again: its repetition comes on top, up to five seconds later.
    """

    def __init__(self, source: SimulatedSource, event: Event) -> None:
        self._event, self._duplicated = event, source.duplicated
        self._bounds = np.cumsum([source.malformed, source.out_of_range, source.late])
        self._longest = max(1, int(_REPEAT_AFTER_S * source.events_per_second))
        self._draws, self._details = (chance.stream(source.seed, source.name, key) for key in ("faults", "details"))
        self._repeats: list[tuple[int, int, Item]] = []
        self._kinds: tuple[Callable[[dict[str, Any]], Item], ...] = (
            self._without_field, self._of_wrong_type, self._no_object, self._cut,
        )  # fmt: skip

    def apply(self, records: list[dict[str, Any]], first: int) -> list[Item]:
        """What goes out for the readings from number ``first`` on, with repetitions that are due among them."""
        if not self._bounds[-1] and not self._duplicated:
            return [Item(record) for record in records]
        items: list[Item] = []
        fates, repeats = self._draws.random((len(records), 2)).T
        fates = np.searchsorted(self._bounds, fates, side="right")
        for number, (record, fate, repeat) in enumerate(
            zip(records, fates.tolist(), repeats.tolist(), strict=True), first
        ):
            items += self.due(number)
            items.append(self._befall(record, fate))
            if repeat < self._duplicated:
                heapq.heappush(self._repeats, (number + 1 + self._pick(self._longest), number, items[-1]))
        return items

    def due(self, number: int | None = None) -> list[Item]:
        """The repetitions that come before reading ``number``; all that are left without one."""
        items = []
        while self._repeats and (number is None or self._repeats[0][0] <= number):
            items.append(heapq.heappop(self._repeats)[2])
        return items

    def _befall(self, record: dict[str, Any], fate: int) -> Item:
        if fate == 0:
            return self._kinds[self._pick(len(self._kinds))](record)
        if fate == 1:
            return self._out_of_range(record)
        if fate == 2:  # noqa: PLR2004 (the third of the bounds)
            late_ms = int(1000 * self._details.uniform(*_LATE_S))
            return Item({**record, "observed_at": record["observed_at"] - late_ms})
        return Item(record)

    def _without_field(self, record: dict[str, Any]) -> Item:
        required = [field.name for field in self._event.fields if not field.nullable]
        missing = required[self._pick(len(required))]
        return Item({name: value for name, value in record.items() if name != missing})

    def _of_wrong_type(self, record: dict[str, Any]) -> Item:
        names = [field.name for field in self._event.fields if record.get(field.name) is not None]
        wrong = names[self._pick(len(names))]
        return Item({**record, wrong: {"value": record[wrong]}})

    def _no_object(self, record: dict[str, Any]) -> Item:
        return Item(("upstream timeout", 502, [record["event_id"]], None)[self._pick(4)])

    def _cut(self, record: dict[str, Any]) -> Item:
        return Item(record, left=float(self._details.uniform(0, 0.999)))

    def _out_of_range(self, record: dict[str, Any]) -> Item:
        numbers = (Primitive.DOUBLE, Primitive.INTEGER)
        bounded = [field for field in self._event.fields if field.type in numbers and field.maximum is not None]
        field = bounded[self._pick(len(bounded))]
        beyond = (field.maximum or 0) + 1 + self._pick(1000)
        return Item({**record, field.name: beyond})

    def _pick(self, count: int) -> int:
        return int(self._details.integers(count))
