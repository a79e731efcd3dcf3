"""What an edit does, and that whoever is told something else by it is named."""

from __future__ import annotations

import copy
import dataclasses
import typing
from collections.abc import Iterator
from typing import Any

import pytest
from health_pipeline import Bindings, Component, HealthPipeline, SpecError, components, read_pipeline
from health_pipeline.edits import Edit, Impact, classify, worst
from health_pipeline.effects import TABLE, entry
from health_pipeline.rules import forbidden
from health_pipeline.spec import HealthPipelineSpec, camel
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from tests.unit.health_pipeline.documents import Document, documents

BINDINGS = Bindings(
    kafka={"bootstrap_servers": "kafka:9092"},
    lake={},
    address=lambda component, port: f"{component}.local:{port}",
    listen=lambda component, _port: (f"{component}.local", 9464),
    watched=True,
)
CORNERS = [[0, 51], [1, 51], [1, 52]]
SPEC: Document = {
    "sources": [
        {"name": "vitals", "simulate": {"seed": 7}, "partitions": 2},
        {"name": "vehicles", "simulate": {}},
        {"name": "gps", "endpoint": {"url": "https://gps.example/v1"}},
    ],
    "lake": {"bucket": "s3://london-lake"},
    "dispatch": {"areas": [{"name": name, "polygon": CORNERS} for name in ("north", "south")]},
}
EXTERNAL = {"mode": "external", "external": {"bootstrapServers": "a:9092,b:9092"}}


def pipeline(spec: Document) -> HealthPipeline:
    head = {"apiVersion": "health-streaming.com/v1alpha1", "kind": "HealthPipeline", "metadata": {"name": "london"}}
    return read_pipeline({**head, "spec": spec})


def edited(change: Document, of: Document = SPEC) -> Document:
    """The spec with values put at paths: ``{"sources.0.partitions": 4}``; None takes away."""
    spec: Document = copy.deepcopy(of)
    for path, value in change.items():
        parent: Any = spec
        *above, last = path.split(".")
        for step in above:
            parent = parent[int(step)] if isinstance(parent, list) else parent.setdefault(step, {})
        if value is None:
            del parent[int(last) if isinstance(parent, list) else last]
        elif isinstance(parent, list):
            parent[int(last) : int(last) + 1] = [value]
        else:
            parent[last] = value
    return spec


def judged(change: Document, of: Document = SPEC) -> list[tuple[str, str, str]]:
    return [
        (edit.path.removeprefix("spec."), edit.impact.title, " ".join(edit.components))
        for edit in classify(pipeline(of), pipeline(edited(change, of)))
    ]


CLIENTS = "simulator producer-vitals producer-vehicles producer-gps dispatch lag"
AREAS = [
    ("Rolling", "simulator dispatch lag"),
    ("StreamingRestart", "alerts"),
]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"sources.0.simulate.seed": 8}, [("sources[vitals].simulate.seed", "Rolling", "simulator")]),
        ({"sources.0.partitions": 4},
         [("sources[vitals].partitions", "None", "topics"),
          ("sources[vitals].partitions", "StreamingRestart", "alerts")]),
        ({"sources.2.partitions": 4}, [("sources[gps].partitions", "None", "topics")]),
        ({"sources.2.retention": "1d"}, [("sources[gps].retention", "None", "topics")]),
        ({"sources.2.endpoint.mode": "poll"}, [("sources[gps].endpoint.mode", "Rolling", "producer-gps")]),
        ({"sources.2.endpoint": None, "sources.2.simulate": {}},
         [("sources[gps].endpoint", "Rolling", "producer-gps"), ("sources[gps].simulate", "Rolling", "simulator lag")]),
        ({"sources.3": {"name": "weather", "endpoint": {"url": "https://w.example"}}},
         [("sources[weather]", "Rolling", "producer-weather lag"), ("sources[weather]", "StreamingRestart", "landing"),
          ("sources[weather]", "None", "transform"), ("sources[weather]", "None", "topics")]),
        ({"sources.1": None},
         [("sources[vehicles]", "Rolling", "producer-vehicles simulator dispatch lag"),
          ("sources[vehicles]", "StreamingRestart", "landing"), ("sources[vehicles]", "None", "transform"),
          ("sources[vehicles]", "None", "topics")]),
        ({"sources": SPEC["sources"][::-1]}, []),
        ({"lake.triggerInterval": "20s"}, [("lake.triggerInterval", "StreamingRestart", "landing")]),
        ({"lake.bucket": "s3://other"},
         [("lake.bucket", "NewCheckpoint", "landing alerts"), ("lake.bucket", "None", "transform")]),
        ({"kafka": EXTERNAL},
         [("kafka.mode", "NewCheckpoint", "landing alerts"), ("kafka.mode", "Rolling", CLIENTS),
          ("kafka.mode", "None", "topics"), ("kafka.external", "None", "")]),
        ({"kafka": {**EXTERNAL, "mode": "strimzi"}}, [("kafka.external", "None", "")]),
        ({"kafka.strimzi.memory": "4Gi"}, [("kafka.strimzi.memory", "Rolling", "kafka")]),
        ({"alerting.latency": "microbatch"},
         [("alerting.latency", "StreamingRestart", "alerts"), ("alerting.latency", "Rolling", "lag")]),
        ({"alerting.triggerInterval": "3s"}, [("alerting.triggerInterval", "None", "")]),
        ({"alerting.rules": [{"metric": "spo2", "atOrBelow": 90}]},
         [("alerting.rules", "StreamingRestart", "alerts"), ("alerting.rules", "Rolling", "lag")]),
        ({"dispatch.radiusKm": 20}, [("dispatch.radiusKm", "Rolling", "dispatch")]),
        ({"dispatch.areas": SPEC["dispatch"]["areas"][::-1]}, [("dispatch.areas", *each) for each in AREAS]),
        ({"dispatch.areas.0.polygon": [*CORNERS, [0, 53]]},
         [("dispatch.areas[north].polygon", *each) for each in AREAS]),
        ({"transform.schedule": "@every 1h"}, [("transform.schedule", "None", "transform")]),
        ({"spark.driver.memory": "2g"},
         [("spark.driver.memory", "StreamingRestart", "landing alerts"), ("spark.driver.memory", "None", "transform")]),
        ({"spark.executor.instances": 4},
         [("spark.executor.instances", "StreamingRestart", "landing"),
          ("spark.executor.instances", "None", "transform")]),
        ({"components": [{"name": "producer", "cpu": "1"}]},
         [("components[producer]", "Rolling", "producer-vitals producer-vehicles producer-gps")]),
        ({"scheduling": {"priorityClassName": "urgent"}},
         [("scheduling.priorityClassName", "Rolling", "kafka"), ("scheduling.priorityClassName", "Rolling", CLIENTS),
          ("scheduling.priorityClassName", "StreamingRestart", "landing alerts"),
          ("scheduling.priorityClassName", "None", "transform")]),
        ({"monitoring.slo.lagSeconds": 60}, [("monitoring.slo.lagSeconds", "None", "")]),
        ({"monitoring.canaryInterval": "0s"}, [("monitoring.canaryInterval", "Rolling", "lag")]),
        ({"security.networkPolicies": False}, [("security.networkPolicies", "None", "")]),
        ({"security.metricsFrom": ["monitoring"]}, [("security.metricsFrom", "None", "")]),
        ({"privacy": {"pseudonyms": {"keyRef": {"name": "names", "key": "k1"}}}},
         [("privacy.pseudonyms", "Rolling", "producer-vitals")]),
        ({"deletionPolicy": "delete"}, [("deletionPolicy", "None", "")]),
        ({"suspend": True},
         [("suspend", "StreamingRestart", "landing alerts"), ("suspend", "Rolling", CLIENTS),
          ("suspend", "None", "transform")]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)  # fmt: skip
def test_an_edit(change: Document, expected: list[tuple[str, str, str]]) -> None:
    assert judged(change) == expected
    check_that_all_are_named(pipeline(SPEC), pipeline(edited(change)))


@pytest.mark.parametrize(
    ("servers", "impact"),
    [("a:9092,c:9092", Impact.STREAMING_RESTART), ("c:9092", Impact.NEW_CHECKPOINT)],
)
def test_a_broker_in_common_means_the_same_kafka(servers: str, impact: Impact) -> None:
    before = edited({"kafka": EXTERNAL})
    after = edited({"kafka.external.bootstrapServers": servers}, before)
    assert worst(classify(pipeline(before), pipeline(after))) is impact


def test_another_way_into_the_same_kafka() -> None:
    before = edited({"kafka": EXTERNAL})
    assert judged({"kafka.external.tls": False}, before) == [
        ("kafka.external.tls", "Rolling", CLIENTS),
        ("kafka.external.tls", "StreamingRestart", "landing alerts"),
        ("kafka.external.tls", "None", "topics"),
    ]


def test_batches_of_alerts_at_other_times() -> None:
    batches = edited({"alerting.latency": "microbatch"})
    assert judged({"alerting.triggerInterval": "3s"}, batches) == [
        ("alerting.triggerInterval", "StreamingRestart", "alerts")
    ]
    check_that_all_are_named(pipeline(batches), pipeline(edited({"alerting.triggerInterval": "3s"}, batches)))


def test_a_pipeline_stays_in_its_region() -> None:
    moved = pipeline(edited({"lake.region": "eu-west-2"})).spec
    assert [*forbidden(pipeline(SPEC).spec, moved)] == [
        "spec.lake.region: the region of a pipeline is fixed: its tables, crawlers and jobs are there. Make a new"
        " pipeline for another"
    ]


def test_another_key_of_pseudonyms_is_another_id() -> None:
    def named(key: str, key_id: str) -> HealthPipelineSpec:
        keyed = {"keyRef": {"name": "names", "key": key}, "keyId": key_id}
        return pipeline(edited({"privacy": {"pseudonyms": keyed}})).spec

    assert [*forbidden(named("k1", "k1"), named("k2", "k1"))] == [
        "spec.privacy.pseudonyms.keyId: another key needs another keyId, or nobody could tell the names that it makes"
        " from the old ones"
    ]
    assert not [*forbidden(named("k1", "k1"), named("k2", "k2"))]
    assert not [*forbidden(named("k1", "k1"), pipeline(SPEC).spec)]


JOB = {"engine": "glue", "glue": {"roleArn": "arn:aws:iam::123456789012:role/london-glue-job"}}


def test_a_glue_job_instead_of_spark() -> None:
    """No stream is stopped; those who ask every process for its metrics learn that there is one more."""
    engine = [("transform.engine", "None", "transform"), ("transform.engine", "Rolling", "lag")]
    assert judged({"transform": JOB}) == [*engine, ("transform.glue", "None", "")]
    by_glue = edited({"transform": JOB})
    assert judged({"transform": {}}, by_glue) == [*engine, ("transform.glue", "None", "")]
    assert judged({"transform.glue.workers": 4}, by_glue) == [("transform.glue.workers", "None", "transform")]
    assert judged({"spark.driver.memory": "2g"}, by_glue) == [
        ("spark.driver.memory", "StreamingRestart", "landing alerts")
    ]
    assert ("suspend", "None", "transform") in judged({"suspend": True}, by_glue)


def test_a_glue_job_that_follows_crawls() -> None:
    role = "arn:aws:iam::123456789012:role/london-glue-crawler"
    crawled = {"mode": "crawler", "crawler": {"roleArn": role, "schedule": "cron(0 * * * ? *)"}}
    by_spark = edited({"catalog": crawled})
    catalog = ("catalog.crawler.then", "Rolling", "catalog")
    follow = {"catalog.crawler.then": ["london-transform"]}
    assert judged(follow, by_spark) == [catalog]
    by_glue = edited({"transform": JOB}, by_spark)
    assert judged(follow, by_glue) == [catalog, ("catalog.crawler.then", "None", "transform")]
    assert ("catalog.mode", "None", "transform") in judged({"catalog.mode": "register"}, edited(follow, by_glue))


def test_a_load_by_a_glue_job() -> None:
    role = "arn:aws:iam::123456789012:role/r"
    redshift = {"workgroup": "w1x", "copyRoleArn": role}
    crawled = {"mode": "crawler", "crawler": {"roleArn": role, "schedule": "cron(0 * * * ? *)"}}
    by_pod = edited({"transform": JOB, "catalog": crawled, "warehouse": {"engine": "redshift", "redshift": redshift}})
    place, schema = "warehouse.redshift.job", "warehouse.redshift.schema"
    comes = [(place, "Rolling", "warehouse lag"), (place, "None", "transform")]
    assert judged({schema: "other"}, by_pod) == [(schema, "Rolling", "warehouse")]
    assert judged({place: {"roleArn": role}}, by_pod) == comes
    by_job = edited({place: {"roleArn": role}}, by_pod)
    assert judged({schema: "other"}, by_job) == [(schema, "None", "transform")]
    assert judged({f"{place}.retries": 5}, by_job) == [(f"{place}.retries", "None", "transform")]
    assert judged({"warehouse": None}, by_job) == [("warehouse", "None", "transform")]
    follow = edited({"catalog.crawler.then": ["london-transform"]}, by_pod)
    assert judged({place: {"roleArn": role}}, follow) == [*comes, (place, "Rolling", "catalog")]


def test_what_is_said_of_values() -> None:
    change = {
        "sources.0.partitions": 3, "lake.credentialsSecret": "aws", "dispatch.radiusKm": 12.5, "suspend": True,
        "alerting.rules": [{"metric": "spo2", "atOrBelow": 90}], "spark.image": "x" * 70, "sources.2": None,
        "dispatch.areas": SPEC["dispatch"]["areas"][::-1],
    }  # fmt: skip
    told = {edit.path: edit.what.partition(":")[0] for edit in classify(pipeline(SPEC), pipeline(edited(change)))}
    assert told == {
        "spec.sources[vitals].partitions": "2 -> 3", "spec.lake.credentialsSecret": "none -> aws",
        "spec.dispatch.radiusKm": "10 -> 12.5", "spec.suspend": "false -> true", "spec.alerting.rules": "changed",
        "spec.spark.image": "added", "spec.sources[gps]": "taken out", "spec.dispatch.areas": "changed",
    }  # fmt: skip


def test_while_nothing_runs_nothing_restarts_but_a_lost_place_stays_lost() -> None:
    asleep = edited({"suspend": True})
    radius, rules = {"dispatch.radiusKm": 20}, {"alerting.rules": [{"metric": "spo2", "atOrBelow": 90}]}
    assert judged(radius | rules, asleep) == [("alerting.rules", "None", ""), ("dispatch.radiusKm", "None", "")]
    assert ("kafka.mode", "NewCheckpoint", "") in judged({"kafka": EXTERNAL}, asleep)


def test_nothing_is_no_impact() -> None:
    assert worst(()) is Impact.NONE


def leaves(kind: type, path: str) -> Iterator[str]:
    """The paths of all fields that are compared, without keys."""
    hints = typing.get_type_hints(kind)
    for item in dataclasses.fields(kind):
        here, hint = f"{path}{camel(item.name)}", hints[item.name]
        optional = [each for each in typing.get_args(hint) if dataclasses.is_dataclass(each) and item.default is None]
        if item.metadata["key"]:
            inner = typing.get_args(hint)[0]
            yield from (here, f"{here}[]")
            yield from (leaf for leaf in leaves(inner, f"{here}[].") if leaf != f"{here}[].{item.metadata['key']}")
        elif dataclasses.is_dataclass(hint) or optional:
            yield from [here] if optional else []
            yield from leaves(typing.cast(type, (*optional, hint)[0]), f"{here}.")
        else:
            yield here


FIELDS = list(leaves(HealthPipelineSpec, ""))


def test_every_field_has_an_effect_and_every_effect_a_field() -> None:
    assert [path for path in FIELDS if entry(path) not in TABLE] == []
    assert TABLE.keys() - {entry(path) for path in FIELDS} == set()


def told(of: HealthPipeline) -> dict[str, tuple[Any, ...]]:
    def what(component: Component) -> tuple[Any, ...]:
        return component.settings, component.secrets, component.schedule, component.ports, component.replicas

    return {component.name: what(component) for component in components(of, BINDINGS)}


def check_that_all_are_named(old: HealthPipeline, new: HealthPipeline) -> None:
    edits = classify(old, new)
    before, after = told(old), told(new)
    for name in before.keys() | after.keys():
        if before.get(name) != after.get(name):
            impact = worst(edit for edit in edits if name in edit.components)
            least = {"landing": Impact.STREAMING_RESTART, "alerts": Impact.STREAMING_RESTART, "transform": Impact.NONE}
            assert impact >= least.get(name, Impact.ROLLING), name
            assert any(name in edit.components for edit in edits), name


def graft(data: st.DataObject, one: Any, other: Any) -> Any:
    """``one`` with a single place, as deep as luck has it, that is as in ``other``."""
    if isinstance(one, dict) and isinstance(other, dict):
        places = sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))
        if places and data.draw(st.integers(0, 4)):
            key = data.draw(st.sampled_from(places))
            return {**one, key: graft(data, one.get(key), other.get(key))}
    if isinstance(one, list) and isinstance(other, list) and one and other and isinstance(one[0], dict):
        index = data.draw(st.integers(0, len(one) - 1))
        alike = [each for each in other if each.get("name") == one[index].get("name")]
        if alike:
            return [*one[:index], graft(data, one[index], alike[0]), *one[index + 1 :]]
    return other


@settings(max_examples=120)
@given(documents(), documents(), st.data())
def test_whoever_is_told_something_else_is_named(one: Document, other: Document, data: st.DataObject) -> None:
    try:
        old, new = read_pipeline(one), read_pipeline({**one, "spec": graft(data, one["spec"], other["spec"])})
    except SpecError:  # half of one and half of the other need not go together
        reject()
    check_that_all_are_named(old, new)
    check_that_all_are_named(new, old)


@settings(max_examples=40)
@given(documents(), documents())
def test_edits_speak_of_what_differs_and_of_what_there_is(one: Document, other: Document) -> None:
    old, new = read_pipeline(one), read_pipeline(other)
    assert classify(old, old) == ()
    edits: tuple[Edit, ...] = classify(old, new)
    there = {component.name for each in (old, new) for component in components(each, BINDINGS)} | {"kafka", "topics"}
    assert {name for edit in edits for name in edit.components} <= there
    assert {edit.path for edit in edits} == {edit.path for edit in classify(new, old)}
    assert all(edit.what and len(edit.what) <= 1024 for edit in edits)
