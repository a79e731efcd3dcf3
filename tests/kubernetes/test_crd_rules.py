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
from tests.kubernetes.pipelines import Pipelines
from tests.unit.health_pipeline.documents import documents
from tests.unit.health_pipeline.test_reader import ANYTHING, paths, smallest

EXAMPLES = sorted((Path(__file__).parents[2] / "k8s" / "examples").glob("*.yaml"))
CORNERS = [[0, 51], [1, 51], [1, 52]]
# The namespace and the server are the same for all examples, which is what they are for.
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


def is_read(given_document: object) -> bool:
    try:
        read_pipeline(given_document, on_cluster=True)
    except SpecError:
        return False
    return True


def area(*corners: list[float], name: str = "north") -> dict[str, Any]:
    return {"areas": [{"name": name, "polygon": list(corners)}]}


def source(**fields: Any) -> list[dict[str, Any]]:
    return [{"name": "gps", **fields}]


def rule(metric: str, **bounds: float) -> dict[str, Any]:
    return {"rules": [{"metric": metric, **bounds}]}


COPIES = {"copyRoleArn": "arn:aws:iam::123456789012:role/redshift"}


def crawled(**fields: Any) -> dict[str, Any]:
    return {"mode": "crawler", "crawler": {"roleArn": "arn:aws:iam::123456789012:role/glue-crawler", **fields}}


JOB = {"roleArn": "arn:aws:iam::123456789012:role/london-glue-job"}
LAKE = {"bucket": "s3://london-lake"}
KEY = "arn:aws:kms:eu-west-2:123456789012:key/1"
CRON = "cron(0 * * * ? *)"
API, SIMULATED = {"endpoint": {"url": "https://gps.example/v1"}}, {"simulate": {}}
# what is refused, why, and the nearest thing that is taken
CASES: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "both endpoint and simulate": (
        {"sources": source(**API, **SIMULATED)},
        "spec.sources[0]: Invalid value: exactly one of endpoint and simulate is needed",
        {"sources": source(**SIMULATED)},
    ),
    "neither endpoint nor simulate": (
        {"sources": source()},
        "spec.sources[0]: Invalid value: exactly one of endpoint and simulate is needed",
        {"sources": source(**API)},
    ),
    "a source twice": (
        {"sources": source(**API) + source(**SIMULATED)},
        'spec.sources[1]: Duplicate value: {"name":"gps"}',
        {"sources": [*source(**API), {"name": "weather", **SIMULATED}]},
    ),
    "no source": (
        {"sources": []},
        "spec.sources: Invalid value: spec.sources in body should have at least 1 items",
        {"sources": source(**API)},
    ),
    "a feed that there is not": (
        {"sources": [{"name": "cats", **API}]},
        'spec.sources[0].name: Unsupported value: "cats": supported values: "vitals", "vehicles", "gps", "cameras",'
        ' "weather", "emergencies"',
        {"sources": source(**API)},
    ),
    "more at least than at most": (
        {"autoscaling": {"landing": {"minimum": 3, "maximum": 2}}},
        "spec.autoscaling.landing.minimum: Invalid value: must not be beyond the maximum",
        {"autoscaling": {"landing": {"minimum": 2, "maximum": 2}}},
    ),
    "a rule without a bound": (
        {"alerting": rule("spo2")},
        "spec.alerting.rules[0]: Invalid value: at least one of atOrBelow and atOrAbove is needed",
        {"alerting": rule("spo2", atOrBelow=91)},
    ),
    "no normal value": (
        {"alerting": rule("heartRate", atOrBelow=131, atOrAbove=131)},
        "spec.alerting.rules[0]: Invalid value: atOrBelow must be under atOrAbove, or no value is normal",
        {"alerting": rule("heartRate", atOrBelow=130.5, atOrAbove=131)},
    ),
    "more than all oxygen": (
        {"alerting": rule("spo2", atOrAbove=100.5)},
        "spec.alerting.rules[0]: Invalid value: spo2 is a percentage: a bound over 100 means nothing",
        {"alerting": rule("spo2", atOrAbove=100)},
    ),
    "a heart that nobody has": (
        {"alerting": rule("heartRate", atOrAbove=301)},
        "spec.alerting.rules[0].atOrAbove: Invalid value: spec.alerting.rules[0].atOrAbove in body should be less than"
        " or equal to 300",
        {"alerting": rule("heartRate", atOrAbove=300)},
    ),
    "an external Kafka that is not named": (
        {"kafka": {"mode": "external"}},
        "spec.kafka.external: Invalid value: needed with mode external",
        {"kafka": {"mode": "external", "external": {"bootstrapServers": "kafka:9092"}}},
    ),
    "a Glue job of which nothing is said": (
        {"transform": {"engine": "glue"}},
        "spec.transform.glue: Invalid value: exactly with engine glue",
        {"transform": {"engine": "glue", "glue": JOB}},
    ),
    "a Glue job that nobody runs": (
        {"transform": {"engine": "spark", "glue": JOB}},
        "spec.transform.glue: Invalid value: exactly with engine glue",
        {"transform": {"engine": "spark"}},
    ),
    "a Glue job in a hurry": (
        {"transform": {"engine": "glue", "glue": JOB, "schedule": "*/4 * * * *"}},
        "spec.transform.schedule: Invalid value: Glue starts nothing more often than every 5 minutes, and only at"
        " intervals that divide an hour or a day",
        {"transform": {"engine": "glue", "glue": JOB, "schedule": "*/5 * * * *"}},
    ),
    "an interval that a cron cannot say": (
        {"transform": {"engine": "glue", "glue": JOB, "schedule": "@every 45m"}},
        "spec.transform.schedule: Invalid value: Glue starts nothing more often than every 5 minutes, and only at"
        " intervals that divide an hour or a day",
        {"transform": {"engine": "glue", "glue": JOB, "schedule": "@every 30m"}},
    ),
    "a Glue job that lasts longer than Glue lets it": (
        {"transform": {"engine": "glue", "glue": {**JOB, "timeout": "8d"}}},
        "spec.transform.glue.timeout: Invalid value: must be at most 7d",
        {"transform": {"engine": "glue", "glue": {**JOB, "timeout": "7d"}}},
    ),
    "a Glue job on a lake that is not in AWS": (
        {"transform": {"engine": "glue", "glue": JOB}, "lake": {**LAKE, "endpoint": "http://minio:9000"}},
        "spec.transform: Invalid value: a Glue job is in AWS and knows no other store: with engine glue lake.endpoint"
        " and catalog.endpoint are empty",
        {"transform": {"engine": "spark"}, "lake": {**LAKE, "endpoint": "http://minio:9000"}},
    ),
    "a file as a warehouse": (
        {"warehouse": {"engine": "duckdb"}},
        "spec.warehouse.engine: Invalid value: duckdb is a file on one machine: on Kubernetes use redshift",
        {"warehouse": {"engine": "redshift", "redshift": {**COPIES, "workgroup": "london"}}},
    ),
    "Redshift without a word of it": (
        {"warehouse": {"engine": "redshift"}},
        "spec.warehouse.redshift: Invalid value: needed with engine redshift",
        {"warehouse": {"engine": "redshift", "redshift": {**COPIES, "clusterIdentifier": "london"}}},
    ),
    "two Redshifts": (
        {"warehouse": {"engine": "redshift", "redshift": {**COPIES, "workgroup": "one1", "clusterIdentifier": "two"}}},
        "spec.warehouse.redshift: Invalid value: exactly one of workgroup and clusterIdentifier is needed",
        {"warehouse": {"engine": "redshift", "redshift": {**COPIES, "workgroup": "one1"}}},
    ),
    "crawlers that nothing is said of": (
        {"catalog": {"mode": "crawler"}},
        "spec.catalog.crawler: Invalid value: needed with mode crawler",
        {"catalog": crawled()},
    ),
    "a database with too long a name for queues": (
        {"catalog": crawled() | {"database": 60 * "a"}},
        "spec.catalog.database: Invalid value: with mode crawler at most 59 characters: it is in the names of queues",
        {"catalog": crawled() | {"database": 59 * "a"}},
    ),
    "partitions that crawlers would not know of": (
        {"catalog": crawled() | {"athena": {"workgroup": "london", "projectedDays": 30}}},
        "spec.catalog.athena: Invalid value: projectedDays is for mode register: crawlers make tables of their own",
        {"catalog": {"athena": {"workgroup": "london", "projectedDays": 30}}},
    ),
    "a schedule and events": (
        {"catalog": crawled(schedule=CRON, onNewFiles="events")},
        "spec.catalog.crawler: Invalid value: schedule and onNewFiles exclude each other",
        {"catalog": crawled(onNewFiles="events")},
    ),
    "jobs that nothing triggers": (
        {"catalog": crawled(onNewFiles="commits", then=["transform"])},
        "spec.catalog.crawler.then: Invalid value: Glue's triggers follow only crawls that a trigger has started: then"
        " needs a schedule",
        {"catalog": crawled(schedule=CRON, then=["transform"])},
    ),
    "events about everything": (
        {"catalog": crawled(onNewFiles="events", recrawl="everything")},
        "spec.catalog.crawler.recrawl: Invalid value: a crawl that is told of files looks at no others: with onNewFiles"
        " events it must be newFolders",
        {"catalog": crawled(onNewFiles="commits", recrawl="everything")},
    ),
    "a key that nothing is encrypted with": (
        {"catalog": {"athena": {"workgroup": "london", "manage": {"kmsKey": KEY}}}},
        "spec.catalog.athena.manage.kmsKey: Invalid value: exactly with encryption SSE_KMS",
        {"catalog": {"athena": {"workgroup": "london", "manage": {"kmsKey": KEY, "encryption": "SSE_KMS"}}}},
    ),
    "a corner off the globe": (
        {"dispatch": area(*CORNERS[:2], [1, 90.5])},
        "spec.dispatch.areas[0].polygon: Invalid value: a corner is [longitude, latitude]: from -180 to 180 and from"
        " -90 to 90",
        {"dispatch": area(*CORNERS[:2], [1, 90])},
    ),
    "a name that no namespace has": (
        {"security": {"metricsFrom": ["monitoring", "Monitoring"]}},
        "spec.security.metricsFrom: Invalid value: must be names of namespaces: 1-63 lower-case letters, digits and"
        " hyphens",
        {"security": {"metricsFrom": ["monitoring"]}},
    ),
    "two corners": (
        {"dispatch": area(*CORNERS[:2])},
        "spec.dispatch.areas[0].polygon: Invalid value: spec.dispatch.areas[0].polygon in body should have at least 3"
        " items",
        {"dispatch": area(*CORNERS)},
    ),
    "a corner with a height": (
        {"dispatch": area(*CORNERS, [1, 51, 30])},
        "spec.dispatch.areas[0].polygon[3]: Too many: 3: must have at most 2 items",
        {"dispatch": area(*CORNERS, [1, 51])},
    ),
    "a radius as wide as a country": (
        {"dispatch": {"radiusKm": 201}},
        "spec.dispatch.radiusKm: Invalid value: spec.dispatch.radiusKm in body should be less than or equal to 200",
        {"dispatch": {"radiusKm": 200}},
    ),
    "too short a retention": (
        {"sources": source(**API, retention="59999ms")},
        "spec.sources[0].retention: Invalid value: must be at least 1m",
        {"sources": source(**API, retention="60000ms")},
    ),
    "a duration without a unit": (
        {"dispatch": {"positionTtl": "30"}},
        "spec.dispatch.positionTtl: Invalid value: spec.dispatch.positionTtl in body should match"
        r" '^(\d{1,10})(ms|s|m|h|d)$'",
        {"dispatch": {"positionTtl": "30s"}},
    ),
    "a bucket without its scheme": (
        {"lake": {"bucket": "london-lake"}},
        "spec.lake.bucket: Invalid value: spec.lake.bucket in body should match"
        r" '^(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w./-]+)?)$'",
        {"lake": {"bucket": "s3://london-lake"}},
    ),
    "a field that there is not": (
        {"dispatch": {"radius": 5}},
        ": HealthPipeline in version \"v1alpha1\" cannot be handled as a HealthPipeline: strict decoding error: unknown"
        ' field "spec.dispatch.radius"',
        {"dispatch": {"radiusKm": 5}},
    ),
}  # fmt: skip


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
