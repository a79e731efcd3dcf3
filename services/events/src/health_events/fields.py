"""What a field of an event can be: a small closed set of types, so that every schema can be derived from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Primitive(Enum):
    """The scalar types. The value is the name that people read; on the wire everything is JSON."""

    STRING = "string"
    INTEGER = "integer"  # 32 bits, signed
    LONG = "long"  # 64 bits, signed
    DOUBLE = "double"  # IEEE 754, finite
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"  # UTC; on the wire a whole number of milliseconds since 1970


# What the whole numbers of each type can be.
INTEGER_BOUNDS = {
    Primitive.INTEGER: (-(2**31), 2**31 - 1),
    Primitive.LONG: (-(2**63), 2**63 - 1),
    Primitive.TIMESTAMP: (-(2**63), 2**63 - 1),
}


@dataclass(frozen=True)
class Struct:
    """A record inside an event."""

    fields: tuple[Field, ...]


@dataclass(frozen=True)
class ListOf:
    """A list whose items are all of one type."""

    item: WireType


WireType = Primitive | Struct | ListOf


@dataclass(frozen=True)
class Field:
    """One field, with everything that is known about it.

    ``unit`` is a UCUM unit (https://ucum.org) or empty. ``codes`` are (system, code) pairs that say what is measured in
    the words of the field. ``minimum`` and ``maximum`` are inclusive and bound what a record may carry, not what is
    healthy. ``values``, when given, is the whole set of what a string may be. What is ``personal`` may tell
    who a person is, and gets a pseudonym where a pipeline wants that.
    """

    name: str
    type: WireType
    doc: str
    unit: str = ""
    codes: tuple[tuple[str, str], ...] = ()
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] = ()
    max_length: int = 256
    personal: bool = False


@dataclass(frozen=True)
class Event:
    """One kind of event: a topic on Kafka, a table in the raw zone.

    ``name`` is the word for it everywhere (source, topic suffix, table, label). ``key`` is the field whose value keys
    the Kafka record, so that all events of one key stay in order.
    """

    name: str
    doc: str
    fields: tuple[Field, ...]
    key: str = "entity_id"

    def field(self, name: str) -> Field:
        """The field of that name; KeyError when there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(f"{self.name} has no field {name!r}")
