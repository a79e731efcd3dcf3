"""Roles and grants as data. Texts hold placeholders such as ``${Bucket}`` (see ``PLACEHOLDERS``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# operator -> key -> values, as IAM writes them
Conditions = Mapping[str, Mapping[str, tuple[str, ...]]]

# What differs from installation to installation, and how CloudFormation calls it.
PLACEHOLDERS: Mapping[str, str] = {
    "Partition": "AWS::Partition",
    "Region": "AWS::Region",
    "Account": "AWS::AccountId",
    "Pipeline": "Pipeline",
    "Namespace": "Namespace",
    "Bucket": "Bucket",
    "Prefix": "Prefix",
    "Database": "Database",
    "KeyArn": "KeyArn",
    "OidcProvider": "OidcProvider",
    "WarehouseArn": "WarehouseArn",
}


@dataclass(frozen=True)
class Grant:
    """One statement of a policy; ``why`` is for the docs."""

    sid: str
    why: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Conditions = field(default_factory=dict)


@dataclass(frozen=True)
class Accounts:
    """Service accounts of the pipeline's namespace, by OIDC. ``names`` are without the pipeline's name."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Services:
    """Services of AWS, for this account only. ``conditions``: by which keys of a request that is told."""

    names: tuple[str, ...]
    conditions: Conditions


@dataclass(frozen=True)
class People:
    """Whoever of this account is allowed to take the role by a policy of their own."""


@dataclass(frozen=True)
class Role:
    """A role ``<pipeline>-<name>``: who may take it, and what it may do then."""

    name: str
    doc: str
    trusts: Accounts | Services | People
    grants: tuple[Grant, ...]


@dataclass(frozen=True)
class NoRole:
    """A part of a pipeline that has no role, and why it needs none."""

    name: str
    why: str
