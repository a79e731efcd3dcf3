"""What Helm says of every chart, and what it makes of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml
from node.versions import KUBERNETES

from tests.kubernetes.charts.helm import CHARTS, Helm, Object, chart_folder
from tests.kubernetes.charts.value_sets import CASES, PLATFORM_CASES, Case

ALL = [*CASES, *PLATFORM_CASES]
NAMES = sorted(path.parent.name for path in CHARTS.glob("*/Chart.yaml"))


def test_no_chart_is_left_out() -> None:
    assert {case.chart for case in ALL} == set(NAMES)


@pytest.mark.parametrize("case", ALL, ids=str)
def test_a_chart_has_no_fault_that_helm_knows(helm: Helm, case: Case) -> None:
    helm("lint", "--strict", chart_folder(case.chart), "--kube-version", KUBERNETES, values=case.values)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_objects(helm: Helm, golden: Callable[[str, str], None], case: Case) -> None:
    objects = helm.template(case.chart, case.values)
    others = [_without_files(each) for each in objects if each["kind"] != "CustomResourceDefinition"]
    golden(f"charts/{case.chart}/{case.name}.yaml", yaml.dump_all(others, sort_keys=False, width=120))


@pytest.mark.parametrize("chart", NAMES)
def test_a_value_that_there_is_not_is_refused(helm: Helm, chart: str) -> None:
    assert "'replica' not allowed" in helm.refusal(chart, {"replica": 2})


def _without_files(made: Object) -> Object:
    """Dashboards are as long as they are; that they are there as a whole is another test's matter."""
    data = {name: "a file" if name.endswith(".json") else text for name, text in made.get("data", {}).items()}
    return made | {"data": data} if data else made
