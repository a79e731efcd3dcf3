"""What k8s/aws/README.md tells a reader to type, held against what it is typed for. AWS itself is not asked."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import Any

import pytest
import yaml
from click import Context
from health_pipeline.reader import NAME_PATTERN, read_pipeline
from health_pipeline.rules import violations
from healthctl.__main__ import cli

from tests.unit.aws.test_role_documents import _Loader

ROOT = Path(__file__).parents[3]
README = (ROOT / "k8s" / "aws" / "README.md").read_text()
CONSOLE = "\n".join(re.findall(r"```console\n(.*?)```", README, re.DOTALL)).replace("\\\n", " ")
TEMPLATES = {
    path.stem: yaml.load(path.read_text(), _Loader)  # noqa: S506 (a safe loader of ours)
    for path in (ROOT / "k8s" / "aws").glob("*.yaml")
}
# The name that a stack has there, and its template's.
_STACKS = {"$PIPELINE-lake": "lake", "$PIPELINE-host": "host", "$PIPELINE-roles": "roles",
           "$PIPELINE-warehouse": "warehouse", "health-eks": "eks"}  # fmt: skip


def test_every_output_that_is_read_is_a_stacks() -> None:
    read = re.findall(r"output (\S+) (\w+)", CONSOLE)
    assert len(read) > 8
    assert [each for each in read if each[1] not in TEMPLATES[_STACKS[each[0]]]["Outputs"]] == []


def test_stacks_take_the_names_that_pipelines_can_have() -> None:
    asked = [each["Parameters"]["Pipeline"] for each in TEMPLATES.values() if "Pipeline" in each["Parameters"]]
    assert {each["AllowedPattern"] for each in asked} == {NAME_PATTERN}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_stack_is_given_what_it_asks_for_and_nothing_else(name: str) -> None:
    (command,) = re.findall(rf"cloudformation deploy[^\n]*{name}\.yaml[^\n]*\n(?:  [^$\n]*\n)*", CONSOLE)
    given = set(re.findall(r"\b([A-Z]\w+)=", command.partition("--parameter-overrides")[2]))
    asked: dict[str, Any] = TEMPLATES[name]["Parameters"]
    assert given <= asked.keys()
    assert {key for key, each in asked.items() if "Default" not in each} <= given


def test_options_of_healthctl_are_there() -> None:
    typed = re.findall(r"healthctl (\w+)([^\n\"]*)", CONSOLE)
    assert typed
    for name, rest in typed:
        command = cli.get_command(Context(cli), name)
        assert command is not None, name
        known = {option for each in command.params for option in each.opts}
        assert set(re.findall(r"(?<= )(-{1,2}[a-z][-a-z]*)", rest)) <= known, (name, rest)


def test_versions_of_operators_are_those_of_the_platform() -> None:
    chart = yaml.safe_load((ROOT / "charts" / "health-platform" / "Chart.yaml").read_text())
    wanted = {each["name"]: each["version"] for each in chart["dependencies"]}
    for name in ("strimzi-kafka-operator", "spark-operator"):
        (version,) = re.findall(rf"helm install \S+ \S*{name}\s[^\n]*--version (\S+)", CONSOLE)
        assert version == wanted[name]


def test_every_image_that_a_pipeline_may_need_is_pushed() -> None:
    (pushed,) = re.findall(r"for image in ([\w ]+); do", CONSOLE)
    built = {path.stem for path in (ROOT / "images" / "requirements").glob("*.lock")}
    assert set(pushed.split()) == built - {"dev-aws", "pyspark"}


def test_the_pipelines_file_is_one_that_kubernetes_takes() -> None:
    (text,) = re.findall(r"cat > pipeline.yaml <<END\n(.*?)END\n", CONSOLE, re.DOTALL)
    arn = re.sub(r"\$\(output \S+ (\w+)RoleArn\)", r"arn:aws:iam::123456789012:role/london-\1", text)
    names = {"PIPELINE": "london", "BUCKET": "london-lake-1", "DATABASE": "london", "AWS_REGION": "eu-west-2"}
    pipeline = read_pipeline(yaml.safe_load(string.Template(arn).substitute(names)))
    assert list(violations(pipeline, on_cluster=True)) == []
    assert {each.name for each in pipeline.spec.components if each.role_arn} == {"landing", "alerts", "transform"}
