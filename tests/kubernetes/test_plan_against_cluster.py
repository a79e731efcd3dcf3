"""``healthctl plan --against-cluster``, with the real kubectl on a real API server."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from health_operator.state import Snapshot, State, config_map
from healthctl.__main__ import cli

from tests.kubernetes.apiserver import ApiServer
from tests.kubernetes.pipelines import Pipelines
from tests.unit.health_pipeline.test_edits import CORNERS, EXTERNAL
from tests.unit.health_pipeline.test_reader import smallest

SPEC = smallest(
    sources=[{"name": "vitals", "simulate": {}, "partitions": 2}, {"name": "vehicles", "simulate": {}}],
    dispatch={"radiusKm": 10},
)["spec"]
Plan = Callable[..., Result]


@pytest.fixture
def plan(kube: ApiServer, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Runs the command on a spec."""
    monkeypatch.setenv("PATH", str(kube.kubectl_path.parent), prepend=os.pathsep)
    for name, value in kube.environment.items():
        monkeypatch.setenv(name, value)

    def run(spec: dict[str, Any], *arguments: str, where: str = namespace) -> Result:
        file = tmp_path / "pipeline.yaml"
        file.write_text(json.dumps(smallest() | {"spec": spec}))
        result = CliRunner().invoke(cli, ["plan", "-f", str(file), "--against-cluster", "-n", where, *arguments])
        assert "Traceback" not in result.output
        return result

    return run


def changed(**change: Any) -> dict[str, Any]:
    return {**copy.deepcopy(SPEC), **change}


def test_what_is_not_there_would_be_created(plan: Plan, crd: None) -> None:  # noqa: ARG001 (must be there)
    assert plan(SPEC).output == "london would be created\n"
    result = plan(SPEC, "-o", "json", "--detailed-exitcode")
    assert (json.loads(result.output)["action"], result.exit_code) == ("create", 2)


def test_what_is_there_already_changes_nothing(plan: Plan, pipelines: Pipelines, namespace: str) -> None:
    pipelines.create(smallest() | {"spec": SPEC})
    result = plan(SPEC, "--detailed-exitcode")
    assert (result.exit_code, result.output) == (0, f"london in {namespace}, against generation 1: no changes\n")


def test_edits_are_shown_with_what_they_do(plan: Plan, pipelines: Pipelines, namespace: str) -> None:
    pipelines.create(smallest() | {"spec": SPEC})
    spec = changed(dispatch={"radiusKm": 20, "areas": [{"name": "north", "polygon": CORNERS}]}, kafka=EXTERNAL)
    result = plan(spec)
    assert result.exit_code == 0
    head, columns, _, *rows = result.output.splitlines()
    assert head == (
        f"london in {namespace}, against generation 1: 4 fields changed, NewCheckpoint: streams begin anew: the"
        " operator does nothing of it until it is approved"
    )
    assert columns.split() == ["field", "impact", "components", "what"]
    shown = [[cell.strip() for cell in row.split("  ") if cell.strip()] for row in rows]
    assert ["spec.dispatch.radiusKm", "Rolling", "dispatch", "10 -> 20: pods are replaced"] in shown
    assert shown[1][:3] == ["spec.kafka.mode", "Rolling", "simulator, producer-*, dispatch, lag"]
    assert "spec.dispatch.areas[north]" in [row[0] for row in shown]
    told = json.loads(plan(spec, "-o", "json").output)
    assert (told["action"], told["impact"], told["needsApproval"]) == ("edit", "NewCheckpoint", True)
    assert told["edits"][0] == {
        "path": "spec.kafka.mode",
        "impact": "NewCheckpoint",
        "components": ["landing", "alerts"],
        "what": "strimzi -> external: offsets of one Kafka mean nothing in another",
    }
    assert plan(spec, "--detailed-exitcode").exit_code == 2


def test_it_is_judged_against_what_runs_not_what_waits_for_approval(
    plan: Plan, pipelines: Pipelines, kube: ApiServer, namespace: str
) -> None:
    made = pipelines.create(smallest() | {"spec": SPEC})
    pipelines.edit("london", changed(kafka=EXTERNAL))
    assert json.loads(plan(SPEC, "-o", "json").output)["impact"] == "NewCheckpoint"
    owner = {"apiVersion": made["apiVersion"], "kind": made["kind"], "name": "london", "uid": made["metadata"]["uid"]}
    kube.apply(config_map("london", namespace, owner, State(applied=Snapshot(1, made["spec"]))))
    back = json.loads(plan(SPEC, "-o", "json").output)
    assert (back["action"], back["generation"]) == ("none", 1)


def test_what_the_api_server_would_refuse_is_said_before(plan: Plan, pipelines: Pipelines) -> None:
    pipelines.create(smallest() | {"spec": SPEC})
    spec = changed(lake={"bucket": "s3://paris-lake"}, sources=[{"name": "vitals", "simulate": {}, "partitions": 1}])
    result = plan(spec)
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "Error: the cluster refuses this edit of london:",
        "  spec.sources[0].partitions: Kafka cannot take partitions away: it can grow, never shrink",
        "  spec.lake.bucket: the bucket of a pipeline is fixed: its data and checkpoints are there. Make a new pipeline"
        " for another",
    ]
    assert len(pipelines.edit_problems("london", spec)) == 2


def test_a_cluster_that_cannot_be_asked_is_one_line(
    plan: Plan, kube: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = kube.kubeconfig.read_text().replace(kube.url, "https://127.0.0.1:9")
    (tmp_path / "nobody").write_text(config)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nobody"))
    result = plan(SPEC)
    assert (result.exit_code, len(result.output.splitlines())) == (1, 1)
    assert result.output.startswith("Error: kubectl cannot ask the cluster: ")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert plan(SPEC).output == "Error: kubectl is needed to ask a cluster, and is not on the PATH\n"


def test_a_cluster_without_the_operator_says_what_is_missing(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ApiServer(tmp_path / "bare") as bare:
        for name, value in bare.environment.items():
            monkeypatch.setenv(name, value)
        result = plan(SPEC, where="default")
    assert result.output == "Error: the cluster knows no HealthPipelines: install the operator's chart first\n"
