"""The command line as a new user meets it: what goes wrong is one clear line, with the exit code that scripts want."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from healthctl.__main__ import cli
from healthctl.commands import doctor
from healthctl.embedded.state import StateDir

EXAMPLES = sorted((Path(__file__).parents[3] / "k8s" / "examples").glob("*.yaml"))
(QUICKSTART,) = [path for path in EXAMPLES if path.stem == "quickstart"]
HEAD = "apiVersion: health-streaming.com/v1alpha1\nkind: HealthPipeline\nmetadata: {name: london}\n"


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def _run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments], prog_name="healthctl")
    assert "Traceback" not in result.output
    return result


def _spec(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "pipeline.yaml"
    path.write_text(HEAD + text)
    return path


def test_every_mistake_in_a_file_is_shown_at_once_with_its_path(tmp_path: Path) -> None:
    bad = _spec(
        tmp_path,
        "spec:\n  lake: {bucket: here}\n  sources:\n  - {name: vitals, simulate: {entitys: 3}, partitions: many}\n"
        "  - {name: cats, simulate: {}}\n",
    )
    result = _run("plan", "-f", bad)
    assert result.exit_code == 2
    assert f"{bad} has 4 mistakes:" in result.output
    for mistake in (
        "spec.sources[0].simulate.entitys: unknown field (did you mean entities?)",
        "spec.sources[0].partitions: must be a whole number, not 'many'",
        "spec.sources[1].name: must be one of vitals",
        "spec.lake.bucket: does not look right",
    ):
        assert f"\n  {mistake}" in result.output


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("spec: {sources: [", "is not YAML: line 4, column"),
        ("spec: {}\n---\nkind: Other\n", "holds 2 documents: exactly one HealthPipeline is needed"),
        ("", "has 1 mistake:\n  spec: missing"),
    ],
)
def test_a_file_that_is_no_pipeline_says_why(tmp_path: Path, text: str, complaint: str) -> None:
    result = _run("up", "-f", _spec(tmp_path, text))
    assert result.exit_code == 2
    assert complaint in result.output


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    result = _run("up", "-f", tmp_path / "none.yaml")
    assert (result.exit_code, result.output) == (
        2,
        f"Error: {tmp_path}/none.yaml cannot be read: No such file or directory\n",
    )


@pytest.mark.parametrize("command", [("status",), ("down",), ("logs", "alerts"), ("query", "SELECT 1")])
def test_when_nothing_runs_it_says_how_to_start(command: tuple[str, ...]) -> None:
    result = _run(*command)
    assert (result.exit_code, result.output) == (
        1,
        "Error: no pipeline runs here: start one with healthctl up -f FILE\n",
    )


def test_what_a_crashed_run_has_left_is_noticed() -> None:
    state = StateDir.of("london")
    state.hold().close()
    state.write_run({"pid": 12345})
    result = _run("status", "london")
    assert result.exit_code == 1
    assert (
        "pipeline london does not run: the healthctl that ran it (pid 12345) was ended without cleaning up"
        in result.output
    )
    assert "it has never run here" in _run("status", "paris").output


def test_a_name_is_needed_only_when_several_run() -> None:
    document = {"pid": os.getpid(), "components": []}
    with StateDir.of("london").hold():
        StateDir.of("london").write_run(document)
        assert json.loads(_run("status", "-o", "json").output) == document
        with StateDir.of("paris").hold():
            result = _run("status")
            assert (result.exit_code, result.output) == (
                2,
                "Error: several pipelines run here, say which one: london, paris\n",
            )
            assert "pipeline paris is just starting" in _run("status", "paris").output


def test_a_pipeline_runs_once() -> None:
    with StateDir.of("quickstart").hold():
        StateDir.of("quickstart").write_run({"pid": 77})
        result = _run("up", "-f", QUICKSTART)
    assert result.exit_code == 1
    assert result.output == (
        "Error: pipeline quickstart runs already (pid 77): see healthctl status quickstart, "
        "end it with healthctl down quickstart\n"
    )


def test_a_missing_java_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    result = _run("up", "-f", QUICKSTART)
    assert result.exit_code == 1
    assert result.output.startswith("Error: Java 17 is needed and is not on the PATH: install it")
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"21.0.1\" 2023-10-17' >&2\n")
    java.chmod(0o755)
    result = _run("up", "-f", QUICKSTART)
    assert f'Java 17 is needed and {java} is another one (openjdk version "21.0.1" 2023-10-17)' in result.output
    doctors = _run("doctor")
    assert doctors.exit_code == 1
    assert "FAIL java" in doctors.output


@pytest.mark.parametrize("given", ["8080", "simulator.http=", "simulator.http=99999", "=80"])
def test_a_port_is_written_as_name_and_number(given: str) -> None:
    result = _run("up", "-f", QUICKSTART, "--port", given)
    assert (result.exit_code, result.output) == (
        2,
        f"Error: --port {given}: write NAME=PORT, as in simulator.http=8080\n",
    )


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_plan_of_an_example(example: Path, golden: Callable[[str, str], None]) -> None:
    result = _run("plan", "-f", example)
    assert result.exit_code == 0, result.output
    golden(f"plan/{example.stem}.txt", result.output)


def test_the_plan_as_json_names_secrets_and_where_they_come_from_and_holds_none(tmp_path: Path) -> None:
    document = yaml.safe_load(QUICKSTART.read_text())
    document["spec"]["sources"] = [
        {
            "name": "vitals",
            "endpoint": {"url": "https://v.example/v1/vitals", "secretRef": {"name": "vitals-api", "key": "token"}},
        }
    ]
    document["spec"]["kafka"] = {
        "mode": "external",
        "external": {
            "bootstrapServers": "pkc.example:9092",
            "authentication": {"username": "key", "passwordRef": {"name": "cloud", "key": "secret"}},
        },
    }
    document["spec"]["privacy"] = {"pseudonyms": {"keyRef": {"name": "pseudonyms", "key": "k1"}}}
    path = tmp_path / "p.yaml"
    path.write_text(yaml.safe_dump(document))
    plan = json.loads(_run("plan", "-f", path, "-o", "json", "--aws").output)
    assert plan["infrastructure"] == {
        "kafka": "pkc.example:9092",
        "s3": "AWS",
        "glue": "AWS",
        "lake": "s3://quickstart-lake",
    }
    producer = plan["components"][0]
    assert producer["secrets"] == {
        "HEALTH_SASL_PASSWORD": "HEALTH_SECRET_CLOUD_SECRET",
        "HEALTH_TOKEN": "HEALTH_SECRET_VITALS_API_TOKEN",
        "HEALTH_PSEUDONYM_KEY": "HEALTH_SECRET_PSEUDONYMS_K1",
    }
    assert producer["env"]["HEALTH_SECURITY_PROTOCOL"] == "SASL_SSL"
    assert not {"HEALTH_SASL_PASSWORD", "HEALTH_TOKEN", "HEALTH_PSEUDONYM_KEY"} & producer["env"].keys()
    assert {topic["replication"] for topic in plan["topics"]} == {3}


def test_logs_outlive_the_run_and_wrong_names_are_helped() -> None:
    state = StateDir.of("london")
    state.log("alerts").parent.mkdir(parents=True)
    state.log("alerts").write_text("one\ntwo\nthree\n")
    assert _run("logs", "london", "alerts", "-n", "2").output == "two\nthree\n"
    assert _run("logs", "london", "alerts").output == "one\ntwo\nthree\n"
    result = _run("logs", "london", "alarms")
    assert (result.exit_code, result.output) == (1, "Error: london has no log of alarms: there are alerts\n")
    assert _run("logs", "london", "alerts", "more").exit_code == 2


def test_data_is_deleted_only_by_name() -> None:
    state = StateDir.of("london")
    state.kafka.mkdir(parents=True)
    assert _run("down", "--delete-data").exit_code == 2
    assert _run("down", "london", "--delete-data").exit_code == 0
    assert not state.path.exists()


def test_every_command_explains_itself_with_an_example() -> None:
    overview = _run("--help").output
    for name in cli.list_commands(None):  # type: ignore[arg-type] # our group does not look at the context
        assert f"\n  {name}" in overview
        assert f"healthctl {name}" in _run(name, "--help").output


@pytest.mark.parametrize("check", doctor.CHECKS)
def test_a_check_of_the_doctor_always_has_something_to_say(check: Callable[[], doctor.Finding]) -> None:
    finding = check()
    assert finding.detail
    assert finding.todo or not finding.is_fatal


def test_options_for_a_cluster_go_with_a_cluster() -> None:
    result = _run("plan", "-f", QUICKSTART, "--namespace", "london")
    assert result.exit_code == 2
    assert "--namespace and --detailed-exitcode go with --against-cluster" in result.output
