"""Each record against the contract, fast: msgspec lets through what is good, the reference judges the rest.

What msgspec accepts, ``health_events.decode`` accepts (tested); what msgspec refuses is decided, and explained, by
``health_events.decode``, so there is one verdict however a record is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from health_events import ContractError, Event, Field, ListOf, Primitive, Struct, WireType, decode

from health_producer.sources import Broken, Item

_MAX_REASON_CHARS = 512
_INTEGER_RANGE = {
    Primitive.INTEGER: (-(2**31), 2**31 - 1),
    Primitive.LONG: (-(2**63), 2**63 - 1),
    Primitive.TIMESTAMP: (-(2**63), 2**63 - 1),
}


class Good(msgspec.Struct, frozen=True, gc=False):
    """A record that keeps the contract, untouched. ``observed_at`` in UTC ms."""

    key: str
    value: bytes
    cursor: str
    observed_at: int


class Bad(msgspec.Struct, frozen=True, gc=False):
    """A record that does not, or an item that cannot be read, whole, and why."""

    value: bytes
    cursor: str | None
    reason: str


class Checker:
    """Checks items of one event."""

    def __init__(self, event: Event) -> None:
        self._event = event
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(struct_type(event)).decode

    def __call__(self, item: Item | Broken) -> Good | Bad:
        """The verdict on an item."""
        if isinstance(item, Broken):
            return Bad(item.whole, item.cursor, item.reason[:_MAX_REASON_CHARS])
        value = bytes(item.record)
        try:
            record = self._decode(value)
            if not value.isascii():
                value.decode()  # msgspec does not look into strings that it skips
            return Good(getattr(record, self._event.key), value, item.cursor, record.observed_at)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._judge(value, item.cursor)

    def _judge(self, value: bytes, cursor: str) -> Good | Bad:
        try:
            record = decode(value, self._event)
        except ContractError as error:
            return Bad(value, cursor, str(error)[:_MAX_REASON_CHARS])
        return Good(record[self._event.key], value, cursor, record["observed_at"])


def struct_type(event: Event) -> type[msgspec.Struct]:
    """A msgspec struct that holds what the contract says of an event. Unknown members pass."""
    return _struct(event.name, event.fields)


def _struct(name: str, fields: tuple[Field, ...]) -> type[msgspec.Struct]:
    members: list[Any] = [
        (field.name, _type(field, field.type) | None, None)
        if field.nullable
        else (field.name, _type(field, field.type))
        for field in fields
    ]
    return msgspec.defstruct(name, members, frozen=True, gc=False, kw_only=True)


def _type(field: Field, kind: WireType) -> Any:
    if isinstance(kind, ListOf):
        return list[_type(field, kind.item)]  # type: ignore[misc]
    if isinstance(kind, Struct):
        return _struct(field.name, kind.fields)
    if kind is Primitive.BOOLEAN:
        return bool
    if kind is Primitive.STRING:
        return Literal[field.values] if field.values else Annotated[str, msgspec.Meta(max_length=field.max_length)]
    if kind is Primitive.DOUBLE:
        return Annotated[float, msgspec.Meta(ge=field.minimum, le=field.maximum)]
    low, high = _INTEGER_RANGE[kind]
    bounds = msgspec.Meta(
        ge=low if field.minimum is None else max(low, int(field.minimum)),
        le=high if field.maximum is None else min(high, int(field.maximum)),
    )
    return Annotated[int, bounds]
