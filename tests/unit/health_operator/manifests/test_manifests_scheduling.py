"""Where pods run: as the spec says, all of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.health_operator.manifests.examples import EXAMPLES, example, kinds, pod_templates

ASKED: dict[str, Any] = {
    "priorityClassName": "health-urgent",
    "nodeSelector": [{"key": "example.com/pool", "value": "health"}, {"key": "fast"}],
    "tolerations": [{"key": "example.com/pool", "value": "health", "effect": "NoSchedule"}, {"key": "spot"}],
}
TOLERATED = [
    {"key": "example.com/pool", "operator": "Equal", "value": "health", "effect": "NoSchedule"},
    {"key": "spot", "operator": "Exists"},
]


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_pod_of_ours_runs_where_it_is_to_and_gives_up_a_dead_node_soon(name: str) -> None:
    pods = [pod["spec"] for manifest in example(name, scheduling=ASKED) for _, pod in pod_templates(manifest)]
    assert pods
    for pod in pods:
        assert pod["priorityClassName"] == "health-urgent"
        assert pod["nodeSelector"] == {"example.com/pool": "health", "fast": ""}
        assert pod["tolerations"][-2:] == TOLERATED
        assert {each.get("tolerationSeconds") for each in pod["tolerations"][:-2]} == {30}


def test_brokers_and_their_operators_run_there_too() -> None:
    """Strimzi's template of a pod has no nodeSelector."""
    manifests = example("strimzi", scheduling=ASKED)
    (cluster,) = kinds(manifests, "Kafka").values()
    templates = [each["spec"]["template"] for each in kinds(manifests, "KafkaNodePool").values()]
    for template in (*templates, cluster["spec"]["entityOperator"]["template"]):
        pod = template["pod"]
        assert (pod["priorityClassName"], pod["tolerations"]) == ("health-urgent", TOLERATED)
        required = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        assert required["nodeSelectorTerms"] == [
            {
                "matchExpressions": [
                    {"key": "example.com/pool", "operator": "In", "values": ["health"]},
                    {"key": "fast", "operator": "In", "values": [""]},
                ]
            }
        ]


def test_nobody_is_told_where_to_run_unless_it_is_asked_for() -> None:
    for manifest in example("strimzi"):
        for _, pod in pod_templates(manifest):
            assert not {"priorityClassName", "nodeSelector"} & set(pod["spec"])
        assert "pod" not in manifest.get("spec", {}).get("template", {})
