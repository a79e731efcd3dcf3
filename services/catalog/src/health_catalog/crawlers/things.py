"""What there is and what there should be in AWS beside the data, and the calls that make the one of the other."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from health_catalog.errors import CatalogError

# In the order in which they are made; removed in the other.
Kind = Literal["queue", "crawler", "job", "workflow", "trigger", "workgroup", "query"]


@dataclass(frozen=True)
class Account:
    """Where in AWS we are."""

    number: str
    region: str
    partition: str = "aws"

    def arn(self, service: str, rest: str) -> str:
        """Of something in this account."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.number}:{rest}"


@dataclass(frozen=True)
class Thing:
    """Something that must exist: ``given`` as its Create call takes it, without name and tags."""

    kind: Kind
    name: str
    given: dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """All that must exist. ``told`` is what of the bucket's notifications must be ours."""

    things: tuple[Thing, ...] = ()
    told: tuple[dict[str, Any], ...] = ()
    crawled: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # crawler -> its tables


@dataclass(frozen=True)
class Found:
    """Something in AWS. ``address`` is what its calls want beside the name: a queue's URL. ``state`` as Glue has it."""

    kind: Kind
    name: str
    given: Mapping[str, Any]
    tags: Mapping[str, str]
    state: str = ""
    address: str = ""


@dataclass(frozen=True)
class Observation:
    """``told``: the bucket's whole configuration of notifications, ours and others'; None where it cannot be seen.

    ``unseen``: kinds that could not be looked at, so nothing of them is made, changed or removed. ``errors``: why.
    """

    found: tuple[Found, ...]
    bucket: str
    told: Mapping[str, Any] | None = field(default_factory=dict)
    unseen: Collection[Kind] = ()
    errors: tuple[CatalogError, ...] = ()


@dataclass(frozen=True)
class Call:
    """One call of AWS, with its arguments as boto3 has them."""

    service: str
    operation: str
    arguments: dict[str, Any]
