"""Values that cannot be right are refused before anything is made, and the refusal names them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kubernetes.charts.helm import Helm


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"replicas": 0}, "/replicas': minimum"),
        ({"replicas": "2"}, "/replicas': got string"),
        ({"images": {"pullPolicy": "Sometimes"}}, "/images/pullPolicy'"),
        ({"images": {"digests": {"operator": "latest"}}}, "/images/digests/operator'"),
        ({"images": {"digests": {"operater": "sha256:" + "0" * 64}}}, "invalid propertyName 'operater'"),
        ({"images": {"registry": "https://registry.example"}}, "/images/registry'"),
        ({"images": {"repository": "x"}}, "'repository' not allowed"),
        ({"watchNamespaces": "cardiology"}, "/watchNamespaces': got string"),
        ({"watchNamespaces": ["team-*"]}, "/watchNamespaces/0'"),
        ({"watchNamespaces": ["a", "a"]}, "/watchNamespaces': items at 0 and 1 are equal"),
        ({"resyncSeconds": 0}, "/resyncSeconds': minimum"),
        ({"standIns": {"kafka": "http://kafka:9092"}}, "/standIns/kafka'"),
        ({"standIns": {"aws": "aws:5000"}}, "/standIns/aws'"),
        ({"crds": {"install": "no"}}, "/crds/install': got string"),
        ({"resources": {"request": {}}}, "'request' not allowed"),
        ({"resources": {"limits": {"memory": "lots"}}}, "/resources/limits/memory'"),
        ({"podAnnotations": {"number": 1}}, "/podAnnotations/number': got number"),
        ({"networkPolicy": {"apiServerPorts": []}}, "/networkPolicy/apiServerPorts': minItems"),
        ({"dashboards": {"enabled": True}}, "'enabled' not allowed"),
        ({"metrics": {"podMonitor": {"interval": "often"}}}, "/metrics/podMonitor/interval'"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(helm: Helm, values: dict[str, Any], complaint: str) -> None:
    assert complaint in helm.refusal("health-operator", values)
