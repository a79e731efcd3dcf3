"""Arrow types and the names that Glue, Hive and Athena have for them; pure.

Hive types: https://docs.aws.amazon.com/athena/latest/ug/data-types.html. A Hive ``timestamp`` is read as Arrow
timestamp[us, UTC]: everything in this lake is UTC. Hive has no nullability, so it does not survive the way back.
"""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa

TIMESTAMP = pa.timestamp("us", tz="UTC")

_PRIMITIVES: dict[pa.DataType, str] = {
    pa.bool_(): "boolean",
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.string(): "string",
    pa.binary(): "binary",
    pa.date32(): "date",
    TIMESTAMP: "timestamp",
}
_BY_NAME = {name: kind for kind, name in _PRIMITIVES.items()}
_TOKEN = re.compile(r"[<>,:()]|[^<>,:()\s]+")


def hive_type(kind: pa.DataType) -> str:
    """``array<struct<vehicle_id:string,distance_km:double>>``; TypeError for what Hive does not have."""
    if kind in _PRIMITIVES:
        return _PRIMITIVES[kind]
    if isinstance(kind, pa.Decimal128Type):
        return f"decimal({kind.precision},{kind.scale})"
    if isinstance(kind, pa.ListType):
        return f"array<{hive_type(kind.value_type)}>"
    if isinstance(kind, pa.MapType):
        return f"map<{hive_type(kind.key_type)},{hive_type(kind.item_type)}>"
    if isinstance(kind, pa.StructType):
        members = [kind.field(index) for index in range(kind.num_fields)]
        return f"struct<{','.join(f'{member.name}:{hive_type(member.type)}' for member in members)}>"
    raise TypeError(f"Glue has no type for Arrow's {kind}")


def arrow_type(text: str) -> pa.DataType:
    """The Arrow type that a Hive type stands for; TypeError for one that is not known."""
    tokens = _TOKEN.findall(text)[::-1]
    try:
        kind = _parse(tokens)
    except IndexError:
        raise TypeError(f"the Glue type {text!r} ends too early") from None
    if tokens:
        raise TypeError(f"the Glue type {text!r} goes on after its end")
    return kind


def _parse(tokens: list[str]) -> pa.DataType:
    """One type off the end of ``tokens`` (which are in reverse)."""
    name = tokens.pop().lower()
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name == "decimal":
        _take(tokens, "(")
        precision = int(tokens.pop())
        _take(tokens, ",")
        scale = int(tokens.pop())
        _take(tokens, ")")
        return pa.decimal128(precision, scale)
    if name not in ("array", "map", "struct"):
        raise TypeError(f"no Arrow type for the Glue type {name!r}")
    _take(tokens, "<")
    kind = _parse_nested(name, tokens)
    _take(tokens, ">")
    return kind


def _parse_nested(name: str, tokens: list[str]) -> pa.DataType:
    if name == "array":
        return pa.list_(_parse(tokens))
    if name == "map":
        key = _parse(tokens)
        _take(tokens, ",")
        return pa.map_(key, _parse(tokens))
    members = [_parse_member(tokens)]
    while tokens[-1] == ",":
        tokens.pop()
        members.append(_parse_member(tokens))
    return pa.struct(members)


def _parse_member(tokens: list[str]) -> pa.Field[Any]:
    name = tokens.pop()
    _take(tokens, ":")
    return pa.field(name, _parse(tokens))


def _take(tokens: list[str], wanted: str) -> None:
    found = tokens.pop()
    if found != wanted:
        raise TypeError(f"{found!r} in a Glue type where {wanted!r} should be")
