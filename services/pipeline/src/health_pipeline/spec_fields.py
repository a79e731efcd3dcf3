"""How a field of the resource is written down, and the patterns that fields share; ``spec`` is made of them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

LONGEST_TEXT = 1024  # characters, where a field does not say otherwise
# Kubernetes quantities, and Spark's own way to write memory.
CPU, MEMORY, JVM_MEMORY = r"\d+m|\d+(\.\d+)?", r"\d+(\.\d+)?(k|[MGT]|[KMGT]i)?", r"\d+[mg]"
PORT = r"([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])"
# No user and password, which would be a secret in a spec, and no query.
URL = rf"https?://[-.\w]+(:{PORT})?(/[!-\"$->@-~]*)?"
OBJECT_NAME = r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?"
ROLE_ARN = r"arn:aws[-a-z]*:iam::\d{12}:role/[\w+=,.@/-]+"


def spec(
    doc: str,
    default: Any = dataclasses.MISSING,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    pattern: str | None = None,
    key: str | None = None,
) -> Any:
    """A documented, bounded field. Without a default it is required; a list's or object's default is made anew.

    ``minimum`` and ``maximum`` bound a number or a duration by its value, a list by its items and text by its
    characters. ``key`` names the field that tells the items of a list apart.
    """
    metadata = {"doc": doc, "minimum": minimum, "maximum": maximum, "pattern": pattern, "key": key}
    if callable(default):
        return dataclasses.field(default_factory=default, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def camel(name: str) -> str:
    """The name of a field in YAML: ``at_or_below`` -> ``atOrBelow``."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


@dataclass(frozen=True)
class SecretRef:
    """One key of a Secret in the pipeline's namespace."""

    name: str = spec("Name of the Secret", pattern=OBJECT_NAME, maximum=253)
    key: str = spec("Key in it", pattern=r"[-._a-zA-Z0-9]+", maximum=253)
