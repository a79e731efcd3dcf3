"""What is written from the table: policies, trust policies, a CloudFormation template, a table for the docs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from awsroles.model import PLACEHOLDERS, Accounts, Conditions, Grant, NoRole, Role, Services

Document = dict[str, Any]

_VERSION = "2012-10-17"
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")  # not ${aws:userid}, which is IAM's own
_AUDIENCE = "sts.amazonaws.com"


def policy(grants: Iterable[Grant]) -> Document:
    """The policy that gives these grants, with placeholders."""
    return {"Version": _VERSION, "Statement": [_statement(grant) for grant in grants]}


def trust(role: Role) -> Document:
    """Who may take the role, with placeholders."""
    found: Document = {"Effect": "Allow"}
    if isinstance(role.trusts, Accounts):
        names = role.trusts.names
        found |= {
            "Principal": {"Federated": "arn:${Partition}:iam::${Account}:oidc-provider/${OidcProvider}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {
                    "${OidcProvider}:aud": _AUDIENCE,
                    "${OidcProvider}:sub": [f"system:serviceaccount:${{Namespace}}:${{Pipeline}}-{n}" for n in names],
                }
            },
        }
    elif isinstance(role.trusts, Services):
        found |= {
            "Principal": {"Service": _one_or_more(role.trusts.names)},
            "Action": "sts:AssumeRole",
            "Condition": _conditions(role.trusts.conditions),
        }
    else:
        found |= {"Principal": {"AWS": "arn:${Partition}:iam::${Account}:root"}, "Action": "sts:AssumeRole"}
    return {"Version": _VERSION, "Statement": [found]}


def filled(document: Document, values: Mapping[str, str]) -> Document:
    """The document with the placeholders' values; KeyError for one that has none."""
    found: Document = _mapped(document, lambda text: _PLACEHOLDER.sub(lambda match: values[match[1]], text))
    return found


def for_cloudformation(document: Document) -> Document:
    """The document with Fn::Sub where there are placeholders.

    CloudFormation substitutes values, not keys, and the keys of a trust by OIDC hold the provider's name: such a
    document is one text as a whole.
    """
    if any(_PLACEHOLDER.search(key) for key in _keys(document)):
        return {"Fn::Sub": json.dumps(_mapped(document, _cloudformation_text), indent=1)}
    found: Document = _substituted(document)
    return found


def markdown(roles: Iterable[Role], others: Iterable[NoRole]) -> str:
    """The table of the docs."""
    lines = ["| part | taken by | may |", "| --- | --- | --- |"]
    for role in roles:
        rights = "<br>".join(f"{grant.why}: {_spoken(grant)}" for grant in role.grants)
        lines.append(f"| **{role.name}**: {role.doc} | {_takers(role)} | {rights} |")
    lines += [f"| **{other.name}** | | nothing: {other.why} |" for other in others]
    return "\n".join(lines) + "\n"


def _statement(grant: Grant) -> Document:
    found: Document = {
        "Sid": grant.sid,
        "Effect": "Allow",
        "Action": _one_or_more(grant.actions),
        "Resource": _one_or_more(grant.resources),
    }
    if grant.conditions:
        found["Condition"] = _conditions(grant.conditions)
    return found


def _conditions(conditions: Conditions) -> Document:
    return {
        operator: {key: _one_or_more(values) for key, values in keys.items()} for operator, keys in conditions.items()
    }


def _one_or_more(values: tuple[str, ...]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def _substituted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _substituted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_substituted(item) for item in value]
    return {"Fn::Sub": _cloudformation_text(value)} if _PLACEHOLDER.search(value) else value


def _cloudformation_text(text: str) -> str:
    escaped = text.replace("${aws:", "${!aws:")
    return _PLACEHOLDER.sub(lambda match: f"${{{PLACEHOLDERS[match[1]]}}}", escaped)


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {change(key): _mapped(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_mapped(item, change) for item in value]
    return change(value)


def _keys(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from _keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from _keys(item)


def _spoken(grant: Grant) -> str:
    return ", ".join(f"`{action}`" for action in grant.actions)


def _takers(role: Role) -> str:
    if isinstance(role.trusts, Accounts):
        return "service accounts " + ", ".join(f"`<pipeline>-{name}`" for name in role.trusts.names)
    if isinstance(role.trusts, Services):
        return ", ".join(f"`{name}`" for name in role.trusts.names)
    return "people of the account who are allowed to"
