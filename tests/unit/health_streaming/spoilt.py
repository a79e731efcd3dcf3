"""Records for tests of readers: what is not quite JSON, and good records spoilt in every field in every way."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from health_events import DEAD_LETTERS, EVENTS, ContractError, Event, Field, ListOf, Primitive, Struct, decode

GOOD = (
    '{"event_id":"a","source":"vitals","entity_id":"p1","observed_at":1700000000000,"latitude":1.5,"longitude":2,'
    '"device_id":"d","heart_rate":70,"spo2":null,"activity":"resting","more":{"event_id":[1]}}'
)

NEARLY_JSON = [
    GOOD.encode(),
    b" \n" + GOOD.encode() + b"\t ",
    GOOD.replace('"d"', r'"\ud83d\ude00"').encode(),
    GOOD.replace('"a"', '"12"').encode(),
    GOOD.replace('"a"', '"true"').replace('"d"', r'"[\"{"').encode(),
    GOOD.replace('"event_id":"a"', '"event_id":5,"event_id":"a"').encode(),
    *(GOOD.encode() + garbage for garbage in (b"}", b" x", b"]", b",", GOOD.encode(), b"," + GOOD.encode())),
    b"[" + GOOD.encode() + b"]",
    *(b"", b'"x"', b"12", b"null", b"{}", b"\xff\xfe", b"{'event_id': 'a'}"),
    GOOD.encode()[:60],
    GOOD.encode().replace(b'"d"', b'"\xff"'),
    GOOD.replace('"d"', '"\x01"').encode(),
    GOOD.replace("70", "070").encode(),
    GOOD.replace("70", "NaN").encode(),
    GOOD.replace("70", "1e400").encode(),
    GOOD.replace("1700000000000", "1.7e12").encode(),
    GOOD.replace("1700000000000", "1" + "0" * 20).encode(),
]


def all_spoilt() -> list[tuple[Event, bytes]]:
    """Of every event that is parsed."""
    rng = random.Random(11)
    events = [event for event in EVENTS if event is not DEAD_LETTERS]
    return [(event, json.dumps(record).encode()) for event in events for record in spoilt(event, rng)]


def reason(event: Event, value: bytes) -> str:
    """What the contract says is wrong with a record; empty when nothing is."""
    try:
        decode(value, event)
    except ContractError as error:
        return str(error)
    return ""


def spoilt(event: Event, rng: random.Random) -> Iterator[dict[str, Any]]:
    """A good record, and for each field one record for each way to spoil it."""
    yield _record(event.fields, rng)
    for field in event.fields:
        for value in _wrong(field, rng):
            yield {**_record(event.fields, rng), field.name: value}
        yield {name: value for name, value in _record(event.fields, rng).items() if name != field.name}


def _record(fields: tuple[Field, ...], rng: random.Random) -> dict[str, Any]:
    record = {field.name: _good(field, rng) for field in fields}
    return {name: value for name, value in record.items() if value is not None or rng.random() < 0.5}


def _good(field: Field, rng: random.Random) -> Any:
    if field.nullable and rng.random() < 0.3:
        return None
    if isinstance(field.type, ListOf):
        assert isinstance(field.type.item, Struct)
        return [_record(field.type.item.fields, rng) for _ in range(rng.randrange(3))]
    if field.values:
        return rng.choice(field.values)
    low, high = field.minimum or 0, field.maximum if field.maximum is not None else 100
    return {
        Primitive.STRING: lambda: rng.choice(["x", "12", "true", "é", "[1", "", "-7e3"]),
        Primitive.DOUBLE: lambda: rng.choice([low, high, rng.uniform(low, high)]),
        Primitive.BOOLEAN: lambda: False,
    }.get(field.type, lambda: rng.randint(int(low), int(high)))()


def _wrong(field: Field, rng: random.Random) -> Iterator[Any]:
    """Values of every JSON type, most of them of the wrong one, and those just over a bound."""
    yield from (None, True, 5, 2.5, "text", "12", "NaN", [], [1], {}, {"a": 1}, 10**12, -1, 2**40)
    yield "x" * field.max_length
    yield "é" * (field.max_length + 1)
    if field.maximum is not None:
        yield from (field.maximum, field.maximum + 1)
    if field.minimum is not None:
        yield from (field.minimum, field.minimum - 1)
    if isinstance(field.type, ListOf) and isinstance(field.type.item, Struct):
        yield [None]
        for inner in field.type.item.fields:
            for value in (None, 5, "12", [], -1):
                yield [
                    _record(field.type.item.fields, rng),
                    {**_record(field.type.item.fields, rng), inner.name: value},
                ]
