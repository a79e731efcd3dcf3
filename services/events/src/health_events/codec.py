"""Bytes to event and back, and what is wrong with a record.

This is the reference reading of the contract, in plain Python. The fast paths (msgspec in the producer, Arrow in
landing, Spark SQL in alerts) are derived from the same fields and tested to agree with it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from health_events.fields import INTEGER_BOUNDS, Event, Field, ListOf, Primitive, Struct, WireType

_LONGEST_INTEGER = len(str(INTEGER_BOUNDS[Primitive.LONG][0]))


class ContractError(ValueError):
    """A record breaks the contract; the message says where and how."""


def encode(record: Mapping[str, Any]) -> bytes:
    """An event as compact UTF-8 JSON."""
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def decode(payload: bytes, event: Event) -> dict[str, Any]:
    """The event in ``payload``; ContractError when it is not JSON or breaks the contract. Unknown fields pass."""
    record = _parse(payload)
    for violation in violations(record, event):
        raise ContractError(violation)
    result: dict[str, Any] = record
    return result


def violations(record: object, event: Event) -> Iterator[str]:
    """Everything that is wrong with a record, each as one line that starts with the field's path."""
    if not isinstance(record, dict):
        yield f"not an object but {type(record).__name__}"
        return
    yield from _struct_violations(record, event.fields, "")


def _parse(payload: bytes) -> Any:
    """JSON as RFC 8259 has it, in UTF-8; stricter than ``json.loads``, as other readers are."""
    try:
        parsed = json.loads(payload.decode(), parse_int=_parse_int, parse_constant=_refuse_constant)
        if b"\\u" in payload:
            json.dumps(parsed, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        raise ContractError(f"not UTF-8 at byte {error.start}") from error
    except UnicodeEncodeError as error:
        raise ContractError("not JSON: half a surrogate pair in a string") from error
    except ValueError as error:
        raise ContractError(f"not JSON: {error}") from error
    except RecursionError as error:
        raise ContractError("nested too deeply") from error
    return parsed


def _parse_int(digits: str) -> int | float:
    """A whole number; beyond the longest integer type it can only be meant as a double."""
    return int(digits) if len(digits) <= _LONGEST_INTEGER else float(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _struct_violations(record: dict[str, Any], fields: tuple[Field, ...], prefix: str) -> Iterator[str]:
    for field in fields:
        path = prefix + field.name
        value = record.get(field.name)
        if value is None:
            if not field.nullable:
                yield f"{path}: missing"
        else:
            yield from _value_violations(value, field, field.type, path)


def _value_violations(value: Any, field: Field, kind: WireType, path: str) -> Iterator[str]:
    if isinstance(kind, ListOf):
        if not isinstance(value, list):
            yield f"{path}: not a list"
            return
        for index, item in enumerate(value):
            yield from _value_violations(item, field, kind.item, f"{path}[{index}]")
    elif isinstance(kind, Struct):
        if isinstance(value, dict):
            yield from _struct_violations(value, kind.fields, f"{path}.")
        else:
            yield f"{path}: not an object"
    elif not _is_of(value, kind):
        yield f"{path}: not of type {kind.value}"
    else:
        yield from _bound_violations(value, field, path)


def _is_of(value: Any, kind: Primitive) -> bool:
    if kind is Primitive.STRING:
        return isinstance(value, str)
    if kind is Primitive.BOOLEAN:
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if kind is Primitive.DOUBLE:
        return isinstance(value, int | float) and abs(value) <= sys.float_info.max
    low, high = INTEGER_BOUNDS[kind]
    return isinstance(value, int) and low <= value <= high


def _bound_violations(value: Any, field: Field, path: str) -> Iterator[str]:
    if isinstance(value, str):
        if field.values and value not in field.values:
            yield f"{path}: not one of {', '.join(field.values)}"
        elif len(value) > field.max_length:
            yield f"{path}: longer than {field.max_length} characters"
    elif field.minimum is not None and value < field.minimum:
        yield f"{path}: below {field.minimum:g}"
    elif field.maximum is not None and value > field.maximum:
        yield f"{path}: above {field.maximum:g}"
