"""AWS clients that write down what they are asked, and answer with something of the right form."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import validate_parameters

_PLAIN: Mapping[str, Any] = {
    "string": "x", "boolean": False, "integer": 1, "long": 1, "float": 1.0, "double": 1.0, "blob": b"x",
    "timestamp": datetime(2026, 11, 22, tzinfo=UTC),
}  # fmt: skip
# An answer that would be asked on for ever, and what only a fault has.
_LEFT_OUT = ("NextToken", "NextContinuationToken", "UnprocessedKeys", "Errors")
_DEPTH = 6


@cache
def operations(service: str) -> dict[str, str]:
    """All of a service's: boto3's name, and AWS's."""
    return {xform_name(name): name for name in _model(service).operation_names}


@cache
def _model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


class Recorder:
    """Clients by service. ``asked``: all that was asked of them. ``answers``: what differs from just any answer.
    ``lacks``: operations that find nothing.

    Arguments that AWS's own description of an operation does not take are an error.
    """

    def __init__(self, answers: Mapping[str, Mapping[str, Any]], lacks: Collection[str] = ()) -> None:
        self.asked: set[tuple[str, str]] = set()
        self._answers, self._lacks = answers, lacks

    def client(self, service: str) -> Any:
        """One of boto3's, as far as anybody can tell."""
        return _Client(service, self._ask)

    def _ask(self, service: str, operation: str, given: Mapping[str, Any]) -> Any:
        model = _model(service).operation_model(operation)
        if model.input_shape is not None:
            validate_parameters(given, model.input_shape)
        self.asked.add((service, operation))
        if operation in self._lacks:
            raise ClientError({"Error": {"Code": "EntityNotFoundException"}}, operation)
        answer = _made(model.output_shape, _DEPTH) if model.output_shape is not None else {}
        return {**answer, **self._answers.get(operation, {}), "ResponseMetadata": {"HTTPHeaders": {}}}


class _Client:
    def __init__(self, service: str, ask: Callable[[str, str, Mapping[str, Any]], Any]) -> None:
        self._service, self._ask = service, ask

    def __getattr__(self, name: str) -> Any:
        operation = operations(self._service)[name]
        return lambda **given: self._ask(self._service, operation, given)

    def get_paginator(self, name: str) -> _Pages:
        return _Pages(getattr(self, name))


class _Pages:
    def __init__(self, ask: Callable[..., Any]) -> None:
        self._ask = ask

    def paginate(self, **given: Any) -> Iterator[Any]:
        yield self._ask(**given)


def _made(shape: Any, depth: int) -> Any:
    if shape.type_name == "structure":
        members = shape.members.items() if depth else ()
        return {name: _made(member, depth - 1) for name, member in members if name not in _LEFT_OUT}
    if shape.type_name == "list":
        return [_made(shape.member, depth - 1)] if depth else []
    if shape.type_name == "map":
        return {}
    return shape.enum[0] if getattr(shape, "enum", None) else _PLAIN[shape.type_name]
