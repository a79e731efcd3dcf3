"""YAML or JSON, already parsed to plain objects, to a HealthPipeline; every mistake named with its path.

The reader knows no field by name: it walks the dataclasses of ``spec``. What concerns several fields at once is in
``rules``. All mistakes are collected, so that one run shows them all.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import re
import sys
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from health_pipeline.quantities import Duration
from health_pipeline.rules import violations
from health_pipeline.spec import (
    API_VERSION,
    DEFAULT_NAMESPACE,
    KIND,
    LONGEST_TEXT,
    HealthPipeline,
    HealthPipelineSpec,
    camel,
)

NAME_PATTERN = r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?"


class SpecError(ValueError):
    """The document is not a valid HealthPipeline. ``problems`` holds one line for each mistake, path first."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class _Invalid(Exception):
    """A value could not be read; the problem is noted already."""


def read_pipeline(document: object, *, on_cluster: bool = False) -> HealthPipeline:
    """The pipeline in a parsed document; SpecError listing every mistake, ``on_cluster`` those of Kubernetes too."""
    problems: list[str] = []
    name, namespace, body = _envelope(document, problems)
    spec = None
    with contextlib.suppress(_Invalid):
        spec = _read(body, HealthPipelineSpec, "spec", {}, problems)
    if problems or spec is None:
        raise SpecError(problems)
    pipeline = HealthPipeline(name, spec, namespace)
    problems.extend(violations(pipeline, on_cluster=on_cluster))
    if problems:
        raise SpecError(problems)
    return pipeline


def _envelope(document: object, problems: list[str]) -> tuple[str, str, object]:
    if not isinstance(document, Mapping):
        raise SpecError([f"not a {KIND}: an object with apiVersion, kind, metadata and spec is needed"])
    for key, wanted in (("apiVersion", API_VERSION), ("kind", KIND)):
        if document.get(key) != wanted:
            problems.append(f"{key}: must be {wanted}, not {document.get(key)!r}")
    _name_unknown(document, ("apiVersion", "kind", "metadata", "spec", "status"), "", problems)
    metadata = document.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    name = metadata.get("name")
    if not isinstance(name, str) or not re.fullmatch(NAME_PATTERN, name, re.ASCII):
        problems.append(f"metadata.name: must be 1-40 lower-case letters, digits and hyphens, not {name!r}")
    return str(name), str(metadata.get("namespace", DEFAULT_NAMESPACE)), document.get("spec")


def _read(value: object, kind: Any, path: str, bounds: Mapping[str, Any], problems: list[str]) -> Any:
    """``value`` as ``kind`` (a type annotation); notes the problem and raises _Invalid when it is not."""
    origin = get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        (inner,) = [argument for argument in get_args(kind) if argument is not type(None)]
        return None if value is None else _read(value, inner, path, bounds, problems)
    if origin is Literal:
        if value not in get_args(kind):
            _refuse(problems, path, f"must be one of {', '.join(map(str, get_args(kind)))}, not {value!r}")
        return value
    if origin is tuple:
        return _bounded(_read_list(value, get_args(kind), path, problems), path, bounds, problems)
    if dataclasses.is_dataclass(kind):
        return _read_object(value, typing.cast(type, kind), path, problems)
    return _bounded(_scalar(value, kind, path, problems), path, bounds, problems)


def _read_list(value: object, items: tuple[Any, ...], path: str, problems: list[str]) -> tuple[Any, ...]:
    """A list of any length when ``items`` is (kind, ...), otherwise one of that many items."""
    if not isinstance(value, list | tuple):
        _refuse(problems, path, f"must be a list, not {value!r}")
    if items[-1] is not ... and len(value) != len(items):
        _refuse(problems, path, f"must have {len(items)} items, not {len(value)}")
    elements, read = typing.cast(list[object], value), []
    for index, element in enumerate(elements):
        with contextlib.suppress(_Invalid):
            read.append(_read(element, items[0], f"{path}[{index}]", {}, problems))
    if len(read) < len(elements):
        raise _Invalid
    return tuple(read)


def _read_object(value: object, kind: type, path: str, problems: list[str]) -> Any:
    if not isinstance(value, Mapping):
        _refuse(problems, path, "missing" if value is None else f"must be an object, not {value!r}")
    value = typing.cast(Mapping[str, object], value)
    hints = typing.get_type_hints(kind)
    fields = {camel(field.name): field for field in dataclasses.fields(kind)}
    _name_unknown(value, tuple(fields), f"{path}.", problems)
    arguments: dict[str, Any] = {}
    complete = True
    for key, field in fields.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if value.get(key) is None and not required:
            continue
        try:
            if value.get(key) is None:
                _refuse(problems, f"{path}.{key}", "missing")
            arguments[field.name] = _read(value[key], hints[field.name], f"{path}.{key}", field.metadata, problems)
        except _Invalid:
            complete = False
    if not complete:
        raise _Invalid
    return kind(**arguments)


def _scalar(value: object, kind: type, path: str, problems: list[str]) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind is Duration:
        try:
            return Duration.parse(str(value))
        except ValueError as error:
            _refuse(problems, path, str(error))
    if kind is float and is_number and abs(typing.cast(float, value)) <= sys.float_info.max:
        return float(typing.cast(float, value))
    if kind is int and is_number and (isinstance(value, int) or typing.cast(float, value).is_integer()):
        return int(typing.cast(float, value))  # 5.0 is a whole number, as it is to the API server
    if (kind is bool and isinstance(value, bool)) or (kind is str and isinstance(value, str)):
        return value
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    return _refuse(problems, path, f"must be {names[kind]}, not {value!r}")


def _bounded(value: Any, path: str, bounds: Mapping[str, Any], problems: list[str]) -> Any:
    low, high, pattern = bounds.get("minimum"), bounds.get("maximum"), bounds.get("pattern")
    if isinstance(value, str):
        high = high or LONGEST_TEXT
    size = len(value) if isinstance(value, str | tuple) else value
    if low is not None and size < low:
        _refuse(problems, path, f"must {_size(value, 'at least', low)}, not {size}")
    if high is not None and size > high:
        _refuse(problems, path, f"must {_size(value, 'at most', high)}, not {size}")
    if pattern is not None and not re.fullmatch(pattern, value, re.ASCII):
        _refuse(problems, path, f"does not look right: {value!r} (pattern {pattern})")
    return value


def _size(value: Any, which: str, bound: float) -> str:
    if isinstance(value, Duration):
        return f"be {which} {Duration(bound)}"
    if isinstance(value, str | tuple):
        one = "character" if isinstance(value, str) else "item"
        return f"have {which} {bound:g} {one}{'' if bound == 1 else 's'}"
    return f"be {which} {bound:g}"


def _name_unknown(value: Mapping[str, object], known: tuple[str, ...], prefix: str, problems: list[str]) -> None:
    for key in value:
        if key not in known:
            close = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
            problems.append(f"{prefix}{key}: unknown field ({hint})")


def _refuse(problems: list[str], path: str, problem: str) -> typing.NoReturn:
    problems.append(f"{path}: {problem}")
    raise _Invalid
