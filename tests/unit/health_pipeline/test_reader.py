"""From a document to a pipeline, and every mistake with its path."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from health_pipeline import SpecError, read_pipeline
from health_pipeline.quantities import Duration
from health_pipeline.spec import Rule
from hypothesis import given
from hypothesis import strategies as st

QUICKSTART = yaml.safe_load((Path(__file__).parents[3] / "k8s" / "examples" / "quickstart.yaml").read_text())


def quickstart() -> dict[str, Any]:
    document: dict[str, Any] = copy.deepcopy(QUICKSTART)
    return document


def smallest(**spec: Any) -> dict[str, Any]:
    sources = [{"name": "vitals", "endpoint": {"url": "https://vitals.example/v1/vitals"}}]
    return {
        "apiVersion": "health-streaming.com/v1alpha1",
        "kind": "HealthPipeline",
        "metadata": {"name": "london"},
        "spec": {"sources": sources, "lake": {"bucket": "s3://london-lake"}} | spec,
    }


def problems(document: object) -> list[str]:
    with pytest.raises(SpecError) as caught:
        read_pipeline(document)
    return caught.value.problems


def test_a_small_document_gets_defaults_worth_having() -> None:
    pipeline = read_pipeline(smallest())
    (source,) = pipeline.spec.sources
    assert source.endpoint is not None
    assert (source.endpoint.mode, source.partitions, source.retention.seconds) == ("stream", 2, 7 * 86_400)
    assert pipeline.spec.alerting.rules == (Rule("heartRate", 40, 131), Rule("spo2", 91))
    assert (pipeline.namespace, pipeline.database, pipeline.spec.suspend) == ("default", "london", False)


def test_the_quickstart_is_read() -> None:
    pipeline = read_pipeline(quickstart())
    assert [source.name for source in pipeline.spec.sources] == [
        "vitals", "vehicles", "gps", "cameras", "weather", "emergencies",
    ]  # fmt: skip
    simulate = pipeline.spec.sources[0].simulate
    assert simulate is not None
    assert (simulate.events_per_second, simulate.duration, simulate.faults.out_of_range) == (1000, None, 0.001)


def test_every_mistake_is_named_at_once() -> None:
    document = smallest(dispatch={"radiusKM": 5, "positionTtl": "10"}, suspend="yes", alerting={"rules": [{}]})
    document["spec"]["sources"][0] |= {"partitions": 0, "retention": "1s", "name": "vital"}
    document["apiVersion"] = "v1"
    document["metadata"]["name"] = "London"
    assert problems(document) == [
        "apiVersion: must be health-streaming.com/v1alpha1, not 'v1'",
        "metadata.name: must be 1-40 lower-case letters, digits and hyphens, not 'London'",
        "spec.sources[0].name: must be one of vitals, vehicles, gps, cameras, weather, emergencies, not 'vital'",
        "spec.sources[0].partitions: must be at least 1, not 0",
        "spec.sources[0].retention: must be at least 1m, not 1s",
        "spec.alerting.rules[0].metric: missing",
        "spec.dispatch.radiusKM: unknown field (did you mean radiusKm?)",
        "spec.dispatch.positionTtl: not a duration: '10' (write 250ms, 10s, 5m, 1h or 7d)",
        "spec.suspend: must be true or false, not 'yes'",
    ]


JOB = {"roleArn": "arn:aws:iam::123456789012:role/london-glue-job"}
COPIES = {"copyRoleArn": "arn:aws:iam::123456789012:role/redshift"}
HELD = {"name": "console", "key": "token"}


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"sources": []}, "spec.sources: must have at least 1 item, not 0"),
        ({"sources": [{"name": "gps"}]}, "spec.sources[0]: exactly one of endpoint and simulate is needed"),
        ({"sources": [{"name": "gps", "simulate": {}}] * 2}, "spec.sources: name gps is given more than once"),
        ({"alerting": {"rules": []}}, "spec.alerting.rules: must have at least 1 item, not 0"),
        ({"alerting": {"rules": [{"metric": "spo2"}]}},
         "spec.alerting.rules[0]: at least one of atOrBelow and atOrAbove is needed"),
        ({"alerting": {"rules": [{"metric": "spo2", "atOrBelow": 95, "atOrAbove": 90}]}},
         "spec.alerting.rules[0]: atOrBelow must be under atOrAbove, or no value is normal"),
        ({"alerting": {"rules": [{"metric": "spo2", "atOrAbove": 101}]}},
         "spec.alerting.rules[0]: spo2 is a percentage: a bound over 100 means nothing"),
        ({"kafka": {"mode": "external"}}, "spec.kafka.external: needed with mode external"),
        ({"dispatch": {"areas": [{"name": "north", "polygon": [[0, 51], [1, 51]]}]}},
         "spec.dispatch.areas[0].polygon: must have at least 3 items, not 2"),
        ({"dispatch": {"areas": [{"name": "north", "polygon": [[0, 51], [1, 51], [1, 51, 2]]}]}},
         "spec.dispatch.areas[0].polygon[2]: must have 2 items, not 3"),
        ({"dispatch": {"areas": [{"name": "north", "polygon": [[0, 51], [1, 91], [1, 51]]}]}},
         "spec.dispatch.areas[0].polygon: a corner is [longitude, latitude]"),
        ({"transform": {"engine": "glue"}}, "spec.transform.glue: exactly with engine glue"),
        ({"transform": {"engine": "glue", "glue": JOB, "schedule": "@every 30s"}},
         "spec.transform.schedule: Glue starts nothing more often than every 5 minutes"),
        ({"transform": {"engine": "glue", "glue": JOB}, "catalog": {"endpoint": "http://glue:5000"}},
         "spec.transform: a Glue job is in AWS and knows no other store"),
        ({"warehouse": {"engine": "redshift"}}, "spec.warehouse.redshift: needed with engine redshift"),
        ({"warehouse": {"engine": "redshift", "redshift": COPIES}},
         "spec.warehouse.redshift: exactly one of workgroup and clusterIdentifier is needed"),
        ({"warehouse": {"engine": "redshift", "redshift": {**COPIES, "workgroup": "w1x", "job": JOB}}},
         "spec.warehouse: a load that is a Glue job follows the transform's"),
        ({"lake": {"bucket": f"s3://lake/{'a' * 1020}"}},
         "spec.lake.bucket: must have at most 1024 characters, not 1030"),
        ({"dispatch": {"radiusKm": 10**400}}, f"spec.dispatch.radiusKm: must be a number, not {10**400}"),
        ({"dispatch": {"radiusKm": float("nan")}}, "spec.dispatch.radiusKm: must be a number, not nan"),
        ({"dispatch": []}, "spec.dispatch: must be an object, not []"),
        ({"lake": {"bucket": "london-lake"}}, "spec.lake.bucket: does not look right: 'london-lake'"),
        ({"console": {"tokenRef": HELD, "proxy": {"patientsGroup": "clinicians"}}},
         "spec.console.proxy.tokenRef: missing"),
        ({"console": {"tokenRef": HELD, "proxy": {"patientsGroup": "clinicians", "tokenRef": HELD}}},
         "spec.console.proxy: proxy.tokenRef must be a key that no other token is"),
        ({"scheduling": {"nodeSelector": [{"key": "pool", "value": "a"}, {"key": "pool", "value": "b"}]}},
         "spec.scheduling.nodeSelector: key pool is given more than once"),
        ({"scheduling": {"tolerations": [{"key": "not a label's"}]}},
         "spec.scheduling.tolerations[0].key: does not look right"),
        ({"security": {"metricsFrom": ["monitoring", "The others"]}},
         "spec.security.metricsFrom: must be names of namespaces"),
        ({"lake": {"bucket": "s3://lake", "endpoint": "http://user:password@minio:9000"}},
         "spec.lake.endpoint: does not look right"),
        ({"lake": {"bucket": "s3://lake", "endpoint": "http://minio:90000"}},
         "spec.lake.endpoint: does not look right"),
        ({"kafka": {"mode": "external", "external": {"bootstrapServers": "kafka:65536"}}},
         "spec.kafka.external.bootstrapServers: does not look right"),
    ],
)  # fmt: skip
def test_mistakes(spec: dict[str, Any], problem: str) -> None:
    (found,) = problems(smallest(**spec))
    assert found.startswith(problem)


def test_a_file_is_no_warehouse_on_a_cluster() -> None:
    document = smallest(warehouse={"engine": "duckdb"})
    assert read_pipeline(document).spec.warehouse
    with pytest.raises(SpecError, match=r"^spec\.warehouse\.engine: duckdb is a file on one machine"):
        read_pipeline(document, on_cluster=True)


@pytest.mark.parametrize("document", [None, [], "apiVersion: v1", 5])
def test_what_is_no_object_is_no_pipeline(document: object) -> None:
    (problem,) = problems(document)
    assert problem.startswith("not a HealthPipeline")


def paths(node: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [here, *(path for key, child in children for path in paths(child, (*here, key)))]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([10**400, "5s", "poll"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
def test_any_edit_of_a_document_is_a_pipeline_or_a_list_of_paths(data: st.DataObject) -> None:
    document = quickstart()
    for _ in range(data.draw(st.integers(1, 3))):
        *above, key = data.draw(st.sampled_from([path for path in paths(document) if path]))
        parent = document
        for step in above:
            parent = parent[step]
        parent[key] = data.draw(ANYTHING)
    before = copy.deepcopy(document)
    try:
        read_pipeline(document)
    except SpecError as error:
        assert error.problems
        assert all(re.match(r"(apiVersion|kind|metadata|spec)\b.*: ", line, re.DOTALL) for line in error.problems)
    assert repr(document) == repr(before)


@given(st.integers(0, 10**10 - 1))
def test_durations_are_written_as_they_are_read(milliseconds: int) -> None:
    assert Duration.parse(str(Duration(milliseconds))) == milliseconds


@pytest.mark.parametrize(
    ("text", "milliseconds"), [("250ms", 250), ("10s", 10_000), ("5m", 300_000), ("1h", 3_600_000), ("7d", 604_800_000)]
)
def test_durations(text: str, milliseconds: int) -> None:
    assert Duration.parse(text) == milliseconds


@given(st.text())
def test_no_other_text_is_a_duration(text: str) -> None:
    if not re.fullmatch(r"[0-9]{1,10}(ms|s|m|h|d)", text):
        with pytest.raises(ValueError, match="not a duration"):
            Duration.parse(text)
