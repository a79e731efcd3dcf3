"""Records for tests: good ones, and hypothesis strategies that bend them."""

from __future__ import annotations

import json
from typing import Any

from health_events import Event, Field, ListOf, Primitive, Struct, WireType
from hypothesis import strategies as st


def good_record(event: Event) -> dict[str, Any]:
    """A record that keeps the contract, every field present."""
    return {field.name: _good_value(field, field.type) for field in event.fields}


def _good_value(field: Field, kind: WireType) -> Any:
    if isinstance(kind, ListOf):
        return [_good_value(field, kind.item)]
    if isinstance(kind, Struct):
        return {inner.name: _good_value(inner, inner.type) for inner in kind.fields}
    if kind is Primitive.STRING:
        return field.values[0] if field.values else f"{field.name}-1"
    if kind is Primitive.BOOLEAN:
        return False
    if kind is Primitive.TIMESTAMP:
        return 1_700_000_000_000
    return 1


NUMBERS = st.one_of(
    st.integers(),
    st.integers(-400, 400),
    st.sampled_from([0, -1, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 2**64, 10**30, 10**308, 10**309, 10**400, 10**4000]),
    st.sampled_from([946_684_799_999, 946_684_800_000, 4_102_444_800_000, 4_102_444_800_001]),
    st.floats(),
    st.sampled_from([90.0, 90.00000000000001, 1e999, -0.0, 300.0, 300.00000000000006]),
)
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=())),  # halves of surrogate pairs too
    st.integers(0, 3000).map(lambda length: "é" * length),
    st.sampled_from(["idle", "Idle", "", "x" * 64, "x" * 65, "\U0001f691" * 64, "\U0001f691" * 65]),
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=5)


@st.composite
def bent_records(draw: st.DrawFn, event: Event) -> bytes:
    """A good record after up to three changes to its fields, and some to its bytes."""
    record = good_record(event)
    names = st.one_of(st.sampled_from([field.name for field in event.fields]), TEXTS)
    for _ in range(draw(st.integers(0, 3))):
        name = draw(names)
        if draw(st.booleans()):
            record.pop(name, None)
        else:
            record[name] = draw(VALUES)
    encoded = _dumps(record, ascii_only=draw(st.booleans()))
    return draw(st.one_of(st.just(encoded), _bent_bytes(encoded)))


def _dumps(record: dict[str, Any], *, ascii_only: bool) -> bytes:
    return json.dumps(record, ensure_ascii=ascii_only, default=str).encode(errors="surrogatepass")


@st.composite
def _bent_bytes(draw: st.DrawFn, encoded: bytes) -> bytes:
    at = draw(st.integers(0, len(encoded)))
    until = draw(st.integers(at, min(len(encoded), at + 3)))
    return encoded[:at] + draw(st.binary(max_size=3)) + encoded[until:]
