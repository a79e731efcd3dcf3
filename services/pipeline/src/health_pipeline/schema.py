"""Dataclasses of ``spec`` to structural OpenAPI v3 schemas, as a CustomResourceDefinition wants them; pure."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any, Literal, get_args, get_origin

from health_pipeline.quantities import DURATION_PATTERN, Duration
from health_pipeline.rules import CHECKS, TRANSITIONS
from health_pipeline.spec import LONGEST_TEXT, camel
from health_pipeline.status import Timestamp
from health_pipeline.writer import plain

_LONGEST_DURATION = 12  # ten digits and a unit
_SCALARS: dict[type, dict[str, Any]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer", "format": "int64"},
    float: {"type": "number", "format": "double"},
    str: {"type": "string"},
    Timestamp: {"type": "string", "format": "date-time"},
    Duration: {"type": "string", "maxLength": _LONGEST_DURATION},
}
_MILLISECONDS = (
    "int(self.find('[0-9]+')) * (self.endsWith('ms') ? 1 : self.endsWith('s') ? 1000 : self.endsWith('m') ? 60000"
    " : self.endsWith('h') ? 3600000 : 86400000)"
)
_NOTHING: dict[str, Any] = {}


def object_schema(kind: type, doc: str = "") -> dict[str, Any]:
    """The schema of a dataclass; ``doc`` instead of its own first line. Fields without a default are required."""
    hints = typing.get_type_hints(kind)
    fields = dataclasses.fields(typing.cast(Any, kind))
    schema: dict[str, Any] = {"description": doc or (kind.__doc__ or "").splitlines()[0].rstrip("."), "type": "object"}
    required = [camel(item.name) for item in fields if _is_required(item)]
    if required:
        schema["required"] = required
    schema["properties"] = {camel(item.name): _field(item, hints[item.name]) for item in fields}
    if told := validations(kind):
        schema["x-kubernetes-validations"] = told
    return schema


def validations(kind: type) -> list[dict[str, str]]:
    """What the rules say of objects of this kind."""
    return [
        {"rule": rule.cel, "message": rule.message} | ({"fieldPath": f".{camel(rule.field)}"} if rule.field else {})
        for rule in (*CHECKS, *TRANSITIONS)
        if rule.of is kind
    ]


def _is_required(item: dataclasses.Field[Any]) -> bool:
    return item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING


def _field(item: dataclasses.Field[Any], hint: Any) -> dict[str, Any]:
    schema = {"description": item.metadata["doc"]} | _value(hint, item.metadata)
    if _is_required(item):
        return schema
    default = item.default_factory() if item.default_factory is not dataclasses.MISSING else item.default
    if default is not None:
        schema["default"] = plain(default)  # whole: the API server checks a default before it fills it up
    return schema


def _value(hint: Any, metadata: Any) -> dict[str, Any]:
    """The schema of a type annotation; ``metadata`` as ``spec()`` writes it."""
    origin = get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        (inner,) = [argument for argument in get_args(hint) if argument is not type(None)]
        return _value(inner, metadata)
    if origin is Literal:
        return {"type": "string", "enum": list(get_args(hint))}
    if origin is tuple:
        return _list(get_args(hint), metadata)
    if dataclasses.is_dataclass(hint):
        return object_schema(typing.cast(type, hint), metadata.get("doc", ""))
    return _scalar(hint, metadata)


def _list(items: tuple[Any, ...], metadata: Any) -> dict[str, Any]:
    shape: dict[str, Any] = {"type": "array", "items": _value(items[0], _NOTHING)}
    least, most = (metadata.get("minimum"), metadata.get("maximum")) if items[-1] is ... else (len(items), len(items))
    if least:
        shape["minItems"] = least
    shape["maxItems"] = most
    if metadata.get("key"):
        return shape | {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [metadata["key"]]}
    return shape | {"x-kubernetes-list-type": "atomic"}


def _scalar(kind: type, metadata: Any) -> dict[str, Any]:
    schema = dict(_SCALARS[kind])
    low, high, pattern = metadata.get("minimum"), metadata.get("maximum"), metadata.get("pattern")
    if kind is Duration:
        schema["pattern"] = f"^{DURATION_PATTERN}$"
        rules = [(">=", "at least", low), ("<=", "at most", high)]
        bounds = [
            {"rule": f"{_MILLISECONDS} {sign} {bound}", "message": f"must be {words} {Duration(bound)}"}
            for sign, words, bound in rules
            if bound
        ]
        return schema | ({"x-kubernetes-validations": bounds} if bounds else {})
    names = ("minLength", "maxLength") if kind is str else ("minimum", "maximum")
    high = high or (LONGEST_TEXT if kind is str else None)
    schema |= {name: bound for name, bound in zip(names, (low, high), strict=True) if bound is not None}
    if pattern:
        schema["pattern"] = f"^({pattern})$"
    return schema
