"""What Helm itself says of every chart."""

from __future__ import annotations

import pytest
from node.versions import KUBERNETES

from tests.kubernetes.charts.helm import CHARTS, Helm

NAMES = sorted(path.parent.name for path in CHARTS.glob("*/Chart.yaml"))


@pytest.mark.parametrize("chart", NAMES)
def test_a_chart_has_no_fault_that_helm_knows(helm: Helm, chart: str) -> None:
    helm("lint", "--strict", CHARTS / chart, "--kube-version", KUBERNETES)


@pytest.mark.parametrize("chart", NAMES)
def test_a_value_that_there_is_not_is_refused(helm: Helm, chart: str) -> None:
    assert "'replica' not allowed" in helm.refusal(chart, {"replica": 2})
