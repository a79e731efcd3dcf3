"""What must run for a pipeline."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from health_pipeline import (
    Bindings,
    Component,
    HealthPipeline,
    components,
    pipeline_topics,
    read_pipeline,
    topics_settings,
)
from health_pipeline.settings import (
    AlertsSettings,
    CatalogSettings,
    ConsoleSettings,
    LagSettings,
    TopicsSettings,
    WarehouseSettings,
)
from health_pipeline.settings_glue import EtlSettings
from health_pipeline.spec import SecretRef

QUICKSTART = Path(__file__).parents[3] / "k8s" / "examples" / "quickstart.yaml"
BINDINGS = Bindings(
    kafka={"bootstrap_servers": "kafka:9092"},
    lake={},
    address=lambda component, port: f"{component}.local:{port}",
    listen=lambda component, port: (f"{component}.local", 9464 if port == "metrics" else 8080),
)


def pipeline(**spec: Any) -> HealthPipeline:
    document = yaml.safe_load(QUICKSTART.read_text())
    document["spec"] |= spec
    return read_pipeline(document)


def by_name(found: list[Component]) -> dict[str, Component]:
    return {component.name: component for component in found}


def test_components_of_the_quickstart(golden: Callable[[str, str], None]) -> None:
    shown = [
        {field.name: getattr(component, field.name) for field in dataclasses.fields(component)}
        | {"settings": component.env, "priority": component.priority.name}
        for component in components(pipeline(), BINDINGS)
    ]
    golden("components/quickstart.json", json.dumps(shown, indent=2, default=dataclasses.asdict) + "\n")


def test_each_component_is_there_can_be_told_and_needs_what_is_there() -> None:
    found = components(pipeline(), BINDINGS)
    names = by_name(found)
    assert len(names) == len(found)
    for component in found:
        assert importlib.util.find_spec(component.module.split(".")[0])
        assert set(component.needs) <= set(names)
        assert "metrics" in component.ports
        assert type(component.settings).from_env(component.env) == component.settings


def test_a_warehouse_is_told_what_its_engine_needs() -> None:
    def told(**warehouse: Any) -> WarehouseSettings:
        component = by_name(components(pipeline(warehouse=warehouse), BINDINGS))["warehouse"]
        settings = WarehouseSettings.from_env(component.env)
        assert component.settings == settings
        return settings

    assert "warehouse" not in by_name(components(pipeline(), BINDINGS))
    role = "arn:aws:iam::123456789012:role/redshift"
    local = told(engine="duckdb", redshift={"workgroup": "unused", "copyRoleArn": role})
    assert (local.duckdb_path, local.workgroup, local.copy_role_arn) == ("warehouse.duckdb", "", "")
    serverless = told(engine="redshift", interval="5m", redshift={"workgroup": "w1-x", "copyRoleArn": role})
    assert (serverless.workgroup, serverless.cluster, serverless.copy_role_arn) == ("w1-x", "", role)
    assert (serverless.warehouse_database, serverless.warehouse_schema) == ("dev", "quickstart")
    assert (serverless.interval_s, serverless.duckdb_path, serverless.spectrum_schema) == (300, "", "")


def test_a_load_by_glue_is_kept_by_the_transforms_keeper() -> None:
    role = "arn:aws:iam::123456789012:role/r"
    job = {"roleArn": role, "timeout": "330s", "retries": 3}
    redshift = {"workgroup": "w1-x", "copyRoleArn": role, "job": job}
    crawler = {"roleArn": role, "schedule": "cron(0 * * * ? *)", "then": ["quickstart-transform"]}
    given: dict[str, Any] = {
        "transform": {"engine": "glue", "glue": {"roleArn": role}},
        "warehouse": {"engine": "redshift", "redshift": redshift},
    }
    found = by_name(components(pipeline(**given), BINDINGS))
    assert "warehouse" not in found
    settings = EtlSettings.from_env(found["transform"].env)
    assert settings == found["transform"].settings
    load = settings.load
    assert load
    assert (load.role_arn, load.timeout_minutes, load.retries) == (role, 6, 3)
    assert (load.workgroup, load.warehouse_schema, load.lake) == ("w1-x", "quickstart", settings.lake)
    followed = by_name(components(pipeline(**given, catalog={"mode": "crawler", "crawler": crawler}), BINDINGS))
    catalog = followed["catalog"].settings
    assert isinstance(catalog, CatalogSettings)
    assert (catalog.then, catalog.loads) == (("quickstart-transform",), True)


def test_a_suspended_pipeline_runs_nothing_and_keeps_its_topics() -> None:
    suspended = pipeline(suspend=True)
    assert components(suspended, BINDINGS) == []
    assert pipeline_topics(suspended) == pipeline_topics(pipeline())


def test_what_has_no_source_is_not_run() -> None:
    def names(*sources: str) -> list[str]:
        given = [{"name": name, "endpoint": {"url": f"https://api.example/{name}"}} for name in sources]
        return [component.name for component in components(pipeline(sources=given), BINDINGS)]

    assert names("weather") == ["producer-weather", "landing", "transform"]
    assert names("vitals") == ["producer-vitals", "landing", "alerts", "transform"]
    assert names("vehicles", "vitals") == [
        "producer-vitals", "producer-vehicles", "landing", "alerts", "dispatch", "transform",
    ]  # fmt: skip


def test_secrets_are_referred_to_and_never_in_an_environment() -> None:
    endpoint = {"url": "https://api.example/vitals", "mode": "poll", "pollInterval": "2s",
                "secretRef": {"name": "api", "key": "token"}}  # fmt: skip
    authentication = {"username": "me", "passwordRef": {"name": "kafka", "key": "password"}}
    external = {"bootstrapServers": "kafka:9092", "authentication": authentication}
    told = pipeline(
        sources=[{"name": "vitals", "endpoint": endpoint}], kafka={"mode": "external", "external": external}
    )
    found = by_name(components(told, BINDINGS))
    producer = found["producer-vitals"]
    assert {variable: (ref.name, ref.key) for variable, ref in producer.secrets.items()} == {
        "HEALTH_SASL_PASSWORD": ("kafka", "password"), "HEALTH_TOKEN": ("api", "token"),
    }  # fmt: skip
    assert (producer.env["HEALTH_MODE"], producer.env["HEALTH_POLL_INTERVAL_S"]) == ("poll", "2.0")
    assert "HEALTH_SASL_PASSWORD" in found["landing"].secrets
    assert not [name for component in found.values() for name in component.env if name in component.secrets]


def test_rules_speak_of_the_contracts_fields() -> None:
    settings = by_name(components(pipeline(), BINDINGS))["alerts"].settings
    assert isinstance(settings, AlertsSettings)
    assert [(rule.metric, rule.at_or_below, rule.at_or_above) for rule in settings.rules] == [
        ("heart_rate", 40, 131), ("spo2", 91, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kafka", "copies"),
    [
        ({"strimzi": {"replicas": 1}}, 1),
        ({"strimzi": {"replicas": 5}}, 3),
        ({"mode": "external", "external": {"bootstrapServers": "kafka:9092", "replicationFactor": 2}}, 2),
        ({"external": {"bootstrapServers": "kafka:9092", "replicationFactor": 2}}, 3),  # not of the mode
    ],
)
def test_topics_are_told_to_the_job_with_as_many_copies_as_there_can_be(kafka: dict[str, Any], copies: int) -> None:
    settings = topics_settings(pipeline(kafka=kafka), BINDINGS)
    assert (settings.topics, settings.replication) == (pipeline_topics(pipeline()), copies)
    assert settings.bootstrap_servers == "kafka:9092"
    assert TopicsSettings.from_env(settings.to_env()) == settings


def watcher(given: HealthPipeline, **bindings: Any) -> LagSettings:
    found = by_name(components(given, dataclasses.replace(BINDINGS, watched=True, **bindings)))
    settings = found["lag"].settings
    assert isinstance(settings, LagSettings)
    assert LagSettings.from_env(found["lag"].env) == settings
    return settings


def test_a_watched_pipeline_has_a_watcher_that_asks_whoever_is_there_to_answer() -> None:
    assert "lag" not in by_name(components(pipeline(), BINDINGS))
    names = [component.name for component in components(pipeline(), BINDINGS)]
    told = watcher(pipeline())
    assert [target.component for target in told.targets] == [name for name in names if name != "transform"]
    assert {target.url for target in told.targets if target.component == "landing"} == {
        "http://landing.local:metrics/metrics"
    }
    assert [(target.component, target.url) for target in told.passing] == [
        ("transform", "http://transform.local:metrics/metrics")
    ]
    lasting = watcher(pipeline(), transform_loops=True)
    assert ([target.component for target in lasting.targets], lasting.passing) == (names, ())
    assert (told.host, told.port, told.canary_interval_s) == ("lag.local", 8080, 10)
    assert told.rules == AlertsSettings.from_env(by_name(components(pipeline(), BINDINGS))["alerts"].env).rules


def test_canaries_are_near_the_first_area_and_go_where_vitals_go() -> None:
    north = {"name": "north", "polygon": [[0, 51], [2, 51], [2, 53], [0, 53]]}
    south = {"name": "south", "polygon": [[0, 41], [2, 41], [2, 43]]}
    told = watcher(pipeline(dispatch={"areas": [north, south]}, monitoring={"canaryInterval": "30s"}))
    assert (told.canary_interval_s, told.canary_longitude, told.canary_latitude) == (30, 1, 52)
    weather = [{"name": "weather", "simulate": {}}]
    assert watcher(pipeline(sources=weather)).canary_interval_s == 0
    assert watcher(pipeline(monitoring={"canaryInterval": "0s"})).canary_interval_s == 0


def test_another_area_leaves_every_topic_as_it_is() -> None:
    """With more partitions of alerts an area would be in another one than before, and have two owners for a while."""
    corners = [[0, 51], [1, 51], [1, 52]]
    areas = [{"name": f"area-{number}", "polygon": corners} for number in range(64)]
    before = pipeline_topics(pipeline(dispatch={"areas": areas[:2]}))
    assert pipeline_topics(pipeline()) == before == pipeline_topics(pipeline(dispatch={"areas": areas}))
    made = {topic.name: topic for topic in before}
    assert not made["quickstart.alerts"].grows
    assert made["quickstart.dispatches"].partitions == made["quickstart.alerts"].partitions


def test_a_console_is_there_when_it_is_asked_for_or_open_to_its_own_machine() -> None:
    watched, opened = ({"watched": True}, {"watched": True, "open_console": True})
    token, every, own = ({"name": "c", "key": key} for key in ("token", "all", "proxy"))
    proxy = {"patientsGroup": "clinicians", "tokenRef": own}
    asked = pipeline(console={"tokenRef": token, "patientsTokenRef": every, "proxy": proxy})
    assert "console" not in by_name(components(pipeline(), dataclasses.replace(BINDINGS, **watched)))
    assert "console" not in by_name(components(asked, BINDINGS))
    bare = by_name(components(pipeline(), dataclasses.replace(BINDINGS, **opened)))["console"]
    assert bare.secrets == {}
    found = by_name(components(asked, dataclasses.replace(BINDINGS, **watched)))["console"]
    assert found.secrets == {
        "HEALTH_TOKEN": SecretRef("c", "token"), "HEALTH_PATIENTS_TOKEN": SecretRef("c", "all"),
        "HEALTH_PROXY_TOKEN": SecretRef("c", "proxy"),
    }  # fmt: skip
    settings = found.settings
    assert isinstance(settings, ConsoleSettings)
    assert ConsoleSettings.from_env(found.env) == settings
    assert [target.component for target in settings.targets][-2:] == ["dispatch", "lag"]
    assert (settings.slo_url, settings.streets_url) == (
        "http://lag.local:http/slo", "http://simulator.local:http/streets.geojson",
    )  # fmt: skip
    assert (settings.groups_header, settings.patients_group) == ("X-Forwarded-Groups", "clinicians")
