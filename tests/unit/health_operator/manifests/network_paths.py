"""What NetworkPolicies let through, as Kubernetes defines it: no node that the tests have enforces them.

Policies add up; a pod that none selects for a direction is open in it; a connection needs the leave of both its ends.
https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Policy = dict[str, Any]


@dataclass(frozen=True)
class Pod:
    """A pod by its labels, in a namespace."""

    namespace: str
    labels: dict[str, str] = field(hash=False)


@dataclass(frozen=True)
class Address:
    """Somebody who is no pod of the cluster."""

    ip: str


Peer = Pod | Address


def allowed(policies: Sequence[Policy], source: Peer, target: Peer, port: int, protocol: str = "TCP") -> bool:
    """Whether ``source`` can open a connection to ``port`` of ``target``."""
    out = _passes(policies, source, target, (port, protocol), "Egress")
    return out and _passes(policies, target, source, (port, protocol), "Ingress")


def _passes(policies: Sequence[Policy], pod: Peer, other: Peer, port: tuple[int, str], direction: str) -> bool:
    if isinstance(pod, Address):
        return True
    ours = [
        policy
        for policy in policies
        if policy["metadata"]["namespace"] == pod.namespace
        and direction in policy["spec"]["policyTypes"]
        and _selects(policy["spec"]["podSelector"], pod.labels)
    ]
    side = {"Egress": "to", "Ingress": "from"}[direction]
    return not ours or any(
        _covers(rule.get("ports"), port)
        and (side not in rule or any(_is_peer(each, other, pod.namespace) for each in rule[side]))
        for policy in ours
        for rule in policy["spec"].get(direction.lower(), ())
    )


def _covers(ports: list[dict[str, Any]] | None, port: tuple[int, str]) -> bool:
    return ports is None or any((each["port"], each["protocol"]) == port for each in ports)


def _is_peer(peer: dict[str, Any], other: Peer, namespace: str) -> bool:
    if isinstance(other, Address):
        cidr = peer.get("ipBlock", {}).get("cidr")
        return cidr is not None and ipaddress.ip_address(other.ip) in ipaddress.ip_network(cidr)
    if "ipBlock" in peer:
        return False
    in_place = (
        _selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": other.namespace})
        if "namespaceSelector" in peer
        else other.namespace == namespace
    )
    return in_place and _selects(peer.get("podSelector", {}), other.labels)


def _selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    expressions = selector.get("matchExpressions", ())
    assert all(each["operator"] == "In" for each in expressions), "no other is used"
    return labels.items() >= selector.get("matchLabels", {}).items() and all(
        labels.get(each["key"]) in each["values"] for each in expressions
    )
