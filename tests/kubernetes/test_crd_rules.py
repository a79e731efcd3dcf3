"""What the API server refuses, with which words, and the nearest that it takes; the reader agrees on each."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from health_pipeline import SpecError, read_pipeline
from health_pipeline.rules import CHECKS, TRANSITIONS, forbidden
from health_pipeline.writer import document
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.kubernetes.apiserver import ApiServer
from tests.kubernetes.crd_cases import API, CASES, SIMULATED, source
from tests.kubernetes.pipelines import Pipelines
from tests.unit.health_pipeline.documents import documents
from tests.unit.health_pipeline.test_reader import ANYTHING, paths, smallest

EXAMPLES = sorted((Path(__file__).parents[2] / "k8s" / "examples").glob("*.yaml"))
# The namespace and the server are the same for all examples, which is what they are for.
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


def is_read(given_document: object) -> bool:
    try:
        read_pipeline(given_document, on_cluster=True)
    except SpecError:
        return False
    return True


@pytest.mark.parametrize("case", CASES)
def test_refused_with_the_reason_and_the_nearest_is_taken(pipelines: Pipelines, case: str) -> None:
    bad, problem, good = CASES[case]
    assert problem in [_plain(each) for each in pipelines.problems(smallest(**bad))]
    assert not is_read(smallest(**bad))
    assert pipelines.problems(smallest(**good)) == []
    assert is_read(smallest(**good))


def _plain(problem: str) -> str:
    """Without the value: the API server shows it for scalars, and writes only "object" or "string" for rules."""
    head, _, tail = problem.partition("Invalid value: ")
    message = tail[tail.index('": ') + 3 :] if tail.startswith('"') else tail.partition(": ")[2]
    return f"{head}Invalid value: {message}" if tail else problem


def test_every_rule_has_a_case() -> None:
    told = [problem for _, problem, _ in CASES.values()]
    assert [check.message for check in CHECKS if not any(check.message in problem for problem in told)] == []


@pytest.mark.parametrize(
    ("name", "is_taken"),
    [("l", True), ("a" * 40, True), ("a" * 41, False), ("9lives", False), ("lon.don", False), ("lon-don", True)],
)
def test_a_name_must_fit_into_the_names_of_all_that_is_made(pipelines: Pipelines, name: str, is_taken: bool) -> None:
    given_document = smallest() | {"metadata": {"name": name}}
    problems = pipelines.problems(given_document)
    assert (problems == []) is is_taken is is_read(given_document)
    assert is_taken or "metadata.name: must be 1-40 lower-case letters, digits and hyphens" in problems[0]


def test_the_api_server_fills_in_the_defaults_of_the_model(pipelines: Pipelines) -> None:
    made = pipelines.dry(smallest())
    assert made["spec"] == document(read_pipeline(smallest()))["spec"]
    assert made["spec"]["dispatch"]["patientCooldown"] == "5m"


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_each_example_is_taken_and_read_as_from_its_file(kube: ApiServer, pipelines: Pipelines, file: Path) -> None:
    written = yaml.safe_load(file.read_text())
    assert read_pipeline(pipelines.dry(written)).spec == read_pipeline(written).spec
    done = kube.try_kubectl("apply", "--dry-run=server", "-f", file)
    assert (done.returncode, done.stderr) == (0, "")


@SHARED
@given(documents())
def test_what_the_model_can_say_both_take_and_understand_alike(pipelines: Pipelines, written: dict[str, Any]) -> None:
    made = pipelines.dry(written)
    assert read_pipeline(made).spec == read_pipeline(written).spec


@SHARED
@given(documents(sensible=False))
def test_both_agree_on_fields_that_go_together_or_do_not(pipelines: Pipelines, written: dict[str, Any]) -> None:
    assert (pipelines.problems(written) == []) is is_read(written)


@SHARED
@given(documents(), st.data())
def test_both_refuse_the_same_edits(pipelines: Pipelines, written: dict[str, Any], data: st.DataObject) -> None:
    *above, key = data.draw(st.sampled_from([path for path in paths(written["spec"], ("spec",)) if len(path) > 1]))
    parent = written
    for step in above:
        parent = parent[step]
    parent[key] = data.draw(ANYTHING.filter(_is_json))
    assert (pipelines.problems(written) == []) is is_read(written)


def _is_json(value: object) -> bool:
    """Whether the API server could be sent it: no numbers beyond 64 bits, no NaN, and names that are text."""
    try:
        text = json.dumps(value, allow_nan=False)
        text.encode()
    except ValueError:
        return False
    return json.loads(text) == value and "000000000000" not in text


class TestEdits:
    """Rules on what was and what shall be."""

    SPEC = smallest(
        sources=[{"name": "gps", "partitions": 4, **SIMULATED}, {"name": "weather", "partitions": 2, **SIMULATED}],
        catalog={"database": "london"},
        privacy={"pseudonyms": {"keyRef": {"name": "names", "key": "k1"}}},
    )["spec"]

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            ({"sources": [{"name": "gps", "partitions": 3, **SIMULATED}]},
             "spec.sources[0].partitions: Kafka cannot take partitions away: it can grow, never shrink"),
            ({"sources": [{"name": "weather", **SIMULATED}, {"name": "gps", "partitions": 3, **SIMULATED}]},
             "spec.sources[1].partitions: Kafka cannot take partitions away: it can grow, never shrink"),
            ({"lake": {"bucket": "s3://paris-lake"}},
             "spec.lake.bucket: the bucket of a pipeline is fixed: its data and checkpoints are there. Make a new"
             " pipeline for another"),
            ({"lake": {"bucket": "s3://london-lake", "region": "eu-west-2"}},
             "spec.lake.region: the region of a pipeline is fixed: its tables, crawlers and jobs are there. Make a new"
             " pipeline for another"),
            ({"catalog": {"database": "paris"}},
             "spec.catalog.database: the database of a pipeline is fixed: its tables are there. Make a new pipeline for"
             " another"),
            ({"privacy": {"pseudonyms": {"keyRef": {"name": "names", "key": "k2"}, "keyId": "k1"}}},
             "spec.privacy.pseudonyms.keyId: another key needs another keyId, or nobody could tell the names that it"
             " makes from the old ones"),
            ({"catalog": {}},
             "spec.catalog.database: the database of a pipeline is fixed: its tables are there. Make a new pipeline for"
             " another"),
        ],
    )  # fmt: skip
    def test_refused(self, pipelines: Pipelines, change: dict[str, Any], problem: str) -> None:
        pipelines.create(smallest() | {"spec": self.SPEC})
        assert [_plain(each).replace("Invalid value: ", "") for each in pipelines.edit_problems(
            "london", self.SPEC | change)] == [problem]  # fmt: skip
        before, after = (read_pipeline(smallest() | {"spec": spec}).spec for spec in (self.SPEC, self.SPEC | change))
        assert list(forbidden(before, after)) == [problem]

    @pytest.mark.parametrize(
        "change",
        [
            {"sources": [{"name": "weather", "partitions": 2, **SIMULATED}]},
            {"sources": [{"name": "cameras", "partitions": 1, **API}, {"name": "gps", "partitions": 5, **API}]},
            {"lake": {"bucket": "s3://london-lake", "triggerInterval": "20s"}},
            {"kafka": {"mode": "external", "external": {"bootstrapServers": "kafka:9092"}}},
            {"privacy": {"pseudonyms": {"keyRef": {"name": "names", "key": "k2"}, "keyId": "k2"}}},
            {"privacy": {}},
        ],
    )
    def test_taken(self, pipelines: Pipelines, change: dict[str, Any]) -> None:
        pipelines.create(smallest() | {"spec": self.SPEC})
        edited = pipelines.edit("london", self.SPEC | change)
        assert edited["metadata"]["generation"] == 2
        before, after = (read_pipeline(smallest() | {"spec": spec}).spec for spec in (self.SPEC, self.SPEC | change))
        assert list(forbidden(before, after)) == []

    def test_a_database_cannot_be_named_later(self, pipelines: Pipelines) -> None:
        pipelines.create(smallest())
        (problem,) = pipelines.edit_problems("london", smallest(catalog={"database": "other"})["spec"])
        assert "spec.catalog.database" in problem

    def test_every_transition_has_a_case(self) -> None:
        (cases,) = [mark for mark in self.test_refused.pytestmark if mark.name == "parametrize"]  # type: ignore[attr-defined]
        told = " ".join(problem for _, problem in cases.args[1])
        assert [rule.message for rule in TRANSITIONS if rule.message not in told] == []


def test_two_managers_own_a_source_each(kube: ApiServer, pipelines: Pipelines, namespace: str) -> None:
    first = smallest() | {"metadata": {"name": "london", "namespace": namespace}}
    second = copy.deepcopy(first)
    second["spec"] = {"sources": source(**SIMULATED), "lake": first["spec"]["lake"]}
    for manager, given_document in (("one", first), ("two", second)):
        kube.kubectl(
            "apply", "--server-side", f"--field-manager={manager}", "-f", "-", stdin=json.dumps(given_document)
        )
    found = kube.get("hp", "london", "-n", namespace)
    assert [each["name"] for each in found["spec"]["sources"]] == ["vitals", "gps"]
    assert pipelines.problems(found | {"metadata": {"name": "again"}}) == []
