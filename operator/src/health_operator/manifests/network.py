"""Who may speak with whom: for each component the paths of the design, and no others.

What a component may call is what it is told to call (``calls``), and whoever serves something is open to those who are
told to call it. So a path that is new in the settings is open at both ends, and one that goes is closed.

Spark 4.2 would make a policy of its own at each start. That step is left out (see ``spark``), because the Spark
operator's own rights do not cover it; ours is there before the first pod, and stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from health_pipeline import Component, topics_settings
from health_pipeline.components import HTTP_PORT, METRICS_PORT
from health_pipeline.settings import LakeSettings, Settings

from health_operator.bindings import aws_credentials, kubernetes_bindings, runs_strimzi
from health_operator.calls import AWS, Call, calls
from health_operator.keepers import Keeper
from health_operator.manifests.context import Context, Manifest, stage_of
from health_operator.manifests.kafka import cluster_label
from health_operator.manifests.services import DRIVER
from health_operator.manifests.topics import COMPONENT, REMOVAL
from health_operator.naming import COMPONENT_LABEL, FIELD_MANAGER, selector

_NAMESPACE = "kubernetes.io/metadata.name"
_SERVICE = re.compile(r"[^.]+\.(?P<namespace>[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)\.svc(\..*)?", re.ASCII)
# DNS is a pod of the cluster, or a cache of the node at a link-local address. What counts is the pod's port, not its
# Service's, and a pod that is nobody special listens above 1023: OpenShift's at 5353.
_DNS_PORTS, _LINK_LOCAL = (53, 5353), "169.254.0.0/16"
# Before and after the address of Kubernetes' own Service is translated: policies may see either.
_API_SERVER_PORTS = (443, 6443)
# Where a pod without a role of its own asks AWS who it is: the machine's role, and EKS Pod Identity.
_IDENTITY = ("169.254.169.254/32", "169.254.170.23/32")
_IDENTITY_PORT = 80
_OPERATOR = {
    "namespaceSelector": {},
    "podSelector": {"matchLabels": {"app.kubernetes.io/name": FIELD_MANAGER}},
}


def network_policies(context: Context, parts: Sequence[Component]) -> list[Manifest]:
    """One for each component, one more for Spark's drivers and one for the job that makes topics.

    Without ``spec.security.networkPolicies`` what is left is Spark's: its processes do whatever a peer asks them to.
    """
    if not context.pipeline.spec.security.network_policies:
        return [_policy(context, part.name, ingress=_ingress(context, part, parts)) for part in parts if part.spark]
    found = []
    for part in parts:
        found.append(
            _policy(context, part.name, ingress=_ingress(context, part, parts), egress=_egress(context, part, parts))
        )
        if part.spark:
            found.append(_driver(context, part))
    if not runs_strimzi(context.pipeline, context.platform):
        found.append(_topics(context, parts))
    return found


def removal_policy(context: Context, keeper: Keeper) -> Manifest | None:
    """Of the Job that removes what is in AWS; None without policies."""
    if not context.pipeline.spec.security.network_policies:
        return None
    settings = keeper.settings(context.pipeline, kubernetes_bindings(context.pipeline, context.platform))
    egress = [_dns(), *_outward(context, settings, ()), *_identity(context, keeper.stage, settings)]
    return _policy(context, keeper.removal, ingress=[], egress=egress)


def _ingress(context: Context, component: Component, parts: Sequence[Component]) -> Iterator[Manifest]:
    if component.spark:
        yield {"from": [{"podSelector": _pods(context, component.name)}]}
    if component.stage == "console":
        yield {"ports": _tcp(HTTP_PORT)}  # people come by whatever leads into the cluster
    elif "http" in component.ports:
        callers = _callers(context, component, HTTP_PORT, parts)
        yield {"from": [*callers, *([_OPERATOR] if component.stage == "lag" else [])], "ports": _tcp(HTTP_PORT)}
    yield _metrics(context, _callers(context, component, METRICS_PORT, parts))


def _metrics(context: Context, callers: Sequence[Manifest]) -> Manifest:
    namespaces = context.pipeline.spec.security.metrics_from
    if not namespaces:
        return {"ports": _tcp(METRICS_PORT)}
    scrapers = [{"namespaceSelector": {"matchLabels": {_NAMESPACE: name}}} for name in namespaces]
    return {"from": [*callers, *scrapers], "ports": _tcp(METRICS_PORT)}


def _callers(context: Context, component: Component, port: int, parts: Sequence[Component]) -> list[Manifest]:
    """Who of the pipeline is told to call this port of the component."""
    own = Call(_host(context, component.name), port)
    return [{"podSelector": _pods(context, part.name)} for part in parts if own in calls(part.settings)]


def _egress(context: Context, component: Component, parts: Sequence[Component]) -> Iterator[Manifest]:
    yield _dns()
    if component.spark:
        yield {"to": [{"podSelector": _pods(context, component.name)}]}
    yield from _outward(context, component.settings, parts)
    yield from _identity(context, stage_of(component), component.settings)


def _outward(context: Context, settings: Settings, parts: Sequence[Component]) -> Iterator[Manifest]:
    """A rule for each that is called; what is at no address that policies know is one rule of ports."""
    anywhere = []
    for call in calls(settings):
        peer = _peer(context, call, parts)
        if peer is None:
            anywhere.append(call.port)
        else:
            yield peer
    if anywhere:
        yield {"ports": _tcp(*sorted(set(anywhere)))}


def _peer(context: Context, call: Call, parts: Sequence[Component]) -> Manifest | None:
    """The rule that lets a call out; None where only its port is known."""
    for part in parts:
        if call.host == _host(context, part.name):
            return {"to": [{"podSelector": _pods(context, part.name)}], "ports": _tcp(call.port)}
    if runs_strimzi(context.pipeline, context.platform) and call.host == _host(context, "kafka-bootstrap"):
        return {"to": [{"podSelector": {"matchLabels": cluster_label(context)}}], "ports": _tcp(call.port)}
    # Another's Service may lead to another port of its pods, which is the one that counts: so the namespace bounds it.
    elsewhere = _SERVICE.fullmatch(call.host)
    if elsewhere:
        return {"to": [{"namespaceSelector": {"matchLabels": {_NAMESPACE: elsewhere["namespace"]}}}]}
    return {"to": [{"podSelector": {}}]} if call.host and "." not in call.host else None


def _identity(context: Context, stage: str, settings: Settings) -> Iterator[Manifest]:
    """For who calls AWS with credentials neither of a role of its own nor of a Secret or a stand-in."""
    aws = aws_credentials(context.pipeline, context.platform)
    calls_aws = isinstance(settings, LakeSettings) and AWS in calls(settings)
    if calls_aws and not (aws.env or aws.secrets or context.role(stage)):
        yield {"to": [{"ipBlock": {"cidr": cidr}} for cidr in _IDENTITY], "ports": _tcp(_IDENTITY_PORT)}


def _driver(context: Context, component: Component) -> Manifest:
    """A driver makes its executors, at an API server whose address nobody knows beforehand."""
    pods = {"matchLabels": _pods(context, component.name)["matchLabels"] | DRIVER}
    rules = [{"ports": _tcp(*_API_SERVER_PORTS)}]
    return _policy(context, component.name, name=f"{component.name}-driver", pods=pods, egress=rules)


def _topics(context: Context, parts: Sequence[Component]) -> Manifest:
    settings = topics_settings(context.pipeline, kubernetes_bindings(context.pipeline, context.platform))
    chosen = selector(context.pipeline.name, COMPONENT)
    del chosen[COMPONENT_LABEL]
    jobs = {"key": COMPONENT_LABEL, "operator": "In", "values": [COMPONENT, REMOVAL]}
    pods = {"matchLabels": chosen, "matchExpressions": [jobs]}
    return _policy(context, COMPONENT, pods=pods, ingress=[], egress=[_dns(), *_outward(context, settings, parts)])


def _policy(
    context: Context, component: str, *, name: str = "", pods: Manifest | None = None, **rules: Iterable[Manifest]
) -> Manifest:
    """``rules`` are ingress and egress; what is not given is left to other policies. ``pods``: else the component's."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": context.metadata(context.name(name or component), component),
        "spec": {
            "podSelector": pods or _pods(context, component),
            "policyTypes": [each.title() for each in rules],
            **{direction: list(each) for direction, each in rules.items()},
        },
    }


def _dns() -> Manifest:
    ports = [{"port": port, "protocol": protocol} for port in _DNS_PORTS for protocol in ("UDP", "TCP")]
    return {"to": [{"namespaceSelector": {}}, {"ipBlock": {"cidr": _LINK_LOCAL}}], "ports": ports}


def _pods(context: Context, component: str) -> Manifest:
    return {"matchLabels": selector(context.pipeline.name, component)}


def _host(context: Context, component: str) -> str:
    """What others are told to call it, as ``bindings`` has it."""
    return f"{context.name(component)}.{context.pipeline.namespace}.svc"


def _tcp(*ports: int) -> list[Manifest]:
    return [{"port": port, "protocol": "TCP"} for port in ports]
