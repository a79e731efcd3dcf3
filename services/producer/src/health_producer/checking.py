"""Each record against the contract, fast: msgspec lets through what is good, the reference judges the rest.

What msgspec accepts, ``health_events.decode`` accepts (tested); what msgspec refuses is decided, and explained, by
``health_events.decode``, so there is one verdict however a record is read.

With pseudonyms a good record is written anew: those instead of who is in it, and nothing that the contract does not
know, for nobody knows what that tells. A bad one is sealed whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from health_events import (
    CLOCK_MARGIN_MS,
    INTEGER_BOUNDS,
    ContractError,
    Event,
    Field,
    ListOf,
    Primitive,
    Struct,
    WireType,
    decode,
    encode,
)

from health_producer.pseudonyms import Pseudonyms
from health_producer.sources import Broken, Item

_MAX_REASON_CHARS = 512


class Good(msgspec.Struct, frozen=True, gc=False):
    """A record that keeps the contract, untouched but for pseudonyms. ``observed_at`` in UTC ms."""

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
    """Checks items of one event. ``now_ms`` is the clock that the future is told by, UTC ms."""

    def __init__(
        self,
        event: Event,
        pseudonyms: Pseudonyms | None = None,
        now_ms: Callable[[], float] = lambda: time.time() * 1000,
    ) -> None:
        self._event = event
        self._now_ms = now_ms
        self._pseudonyms = pseudonyms
        self._encode = msgspec.json.Encoder().encode
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(struct_type(event)).decode

    def __call__(self, item: Item | Broken) -> Good | Bad:
        """The verdict on an item."""
        if isinstance(item, Broken):
            return self._bad(item.whole, item.cursor, item.reason)
        value = bytes(item.record)
        try:
            record = self._decode(value)
            if not value.isascii():
                value.decode()  # msgspec does not look into strings that it skips
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._judge(value, item.cursor)
        refusal = self._refusal(record.observed_at, getattr(record, "canary", None))
        if refusal:
            return self._bad(value, item.cursor, refusal)
        if self._pseudonyms:
            value = self._renamed(record, self._pseudonyms)
        return Good(getattr(record, self._event.key), value, item.cursor, record.observed_at)

    def _judge(self, value: bytes, cursor: str) -> Good | Bad:
        try:
            record = decode(value, self._event)
        except ContractError as error:
            return self._bad(value, cursor, str(error))
        refusal = self._refusal(record["observed_at"], record.get("canary"))
        if refusal:
            return self._bad(value, cursor, refusal)
        if self._pseudonyms:
            known = {field.name: record[field.name] for field in self._event.fields if field.name in record}
            names = {field: name(field, record[field]) for field, name in self._pseudonyms.namers}
            record = known | names
            value = encode(record)
        return Good(record[self._event.key], value, cursor, record["observed_at"])

    def _refusal(self, observed_at: int, canary: object) -> str:
        """Why a record that keeps the contract may still not come from a source; empty when it may.

        A canary is neither landed nor dispatched, so whoever could call a reading one could make a patient vanish. What
        is of the future would be the newest there is until then.
        """
        if canary:
            return "canary: only the pipeline's own watcher sends canaries"
        if observed_at > self._now_ms() + CLOCK_MARGIN_MS:
            return f"observed_at: more than {CLOCK_MARGIN_MS // 60_000} minutes ahead of the clock"
        return ""

    def _bad(self, whole: bytes, cursor: str | None, reason: str) -> Bad:
        value = self._pseudonyms.seal(whole) if self._pseudonyms else whole
        return Bad(value, cursor, reason[:_MAX_REASON_CHARS])

    def _renamed(self, record: Any, pseudonyms: Pseudonyms) -> bytes:
        for field, name in pseudonyms.namers:
            setattr(record, field, name(field, getattr(record, field)))
        return self._encode(record)


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
    return msgspec.defstruct(name, members, gc=False, kw_only=True, omit_defaults=True)


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
    low, high = INTEGER_BOUNDS[kind]
    bounds = msgspec.Meta(
        ge=low if field.minimum is None else max(low, int(field.minimum)),
        le=high if field.maximum is None else min(high, int(field.maximum)),
    )
    return Annotated[int, bounds]
