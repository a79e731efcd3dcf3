"""Settings travel through an environment and arrive as they left, but for secrets."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any

import pytest
from health_pipeline import settings as told
from health_pipeline import settings_glue
from health_pipeline.settings import (
    DispatchSettings,
    KafkaSettings,
    LakeSettings,
    ProducerSettings,
    Settings,
    SettingsError,
    TopicsSettings,
)
from hypothesis import given
from hypothesis import strategies as st

KINDS = [
    kind
    for module in (told, settings_glue)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Settings) and kind.__module__ == module.__name__
]
# What an environment can hold: no NUL, and nothing that is not text.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers(-(2**53), 2**53),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
}


def any_of(kind: Any) -> st.SearchStrategy[Any]:
    if kind in SCALARS:
        return SCALARS[kind]
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is tuple:
        return st.lists(any_of(arguments[0]), max_size=3).map(tuple)
    if typing.get_origin(kind) is dict:
        return st.dictionaries(any_of(arguments[0]), any_of(arguments[1]), max_size=3)
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return st.one_of(*(st.none() if argument is type(None) else any_of(argument) for argument in arguments))
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{field.name: any_of(hints[field.name]) for field in dataclasses.fields(kind)})


def without_secrets(settings: Settings) -> Settings:
    secrets = {field.name: field.default for field in dataclasses.fields(settings) if field.metadata.get("secret")}
    return dataclasses.replace(settings, **secrets)


@given(st.data(), st.sampled_from(KINDS))
def test_settings_arrive_as_they_left(data: st.DataObject, kind: type[Settings]) -> None:
    settings = data.draw(any_of(kind))
    assert kind.from_env(settings.to_env()) == without_secrets(settings)


def test_secrets_are_never_shown_and_always_read() -> None:
    secrets = {"token": "t0ken", "sasl_password": "passw0rd"}
    settings = ProducerSettings(pipeline="p", bootstrap_servers="k:1", source="vitals", url="http://a", **secrets)
    shown = repr(settings) + repr(settings.to_env())
    assert "t0ken" not in shown
    assert "passw0rd" not in shown
    given_apart = {f"HEALTH_{name.upper()}": value for name, value in secrets.items()}
    assert ProducerSettings.from_env(settings.to_env() | given_apart) == settings


def test_a_new_epoch_moves_the_checkpoints_of_streams_alone() -> None:
    old, new = (
        LakeSettings(pipeline="p", lake="s3://lake/p", database="d", checkpoint_epoch=epoch) for epoch in ("", "4")
    )
    assert old.checkpoint_uri("landing") == "s3://lake/p/checkpoints/landing"
    assert new.checkpoint_uri("landing") == "s3://lake/p/checkpoints/4/landing"
    assert new.state_uri("transform") == old.state_uri("transform") == "s3://lake/p/checkpoints/transform"


@pytest.mark.parametrize(
    ("variable", "text", "problem"),
    [
        ("HEALTH_RADIUS_KM", "far", "HEALTH_RADIUS_KM cannot be read"),
        ("HEALTH_RADIUS_KM", '"5"', "HEALTH_RADIUS_KM cannot be read"),
        ("HEALTH_RADIUS_KM", "true", "HEALTH_RADIUS_KM cannot be read"),
        ("HEALTH_METRICS_PORT", "80.5", "HEALTH_METRICS_PORT cannot be read"),
        ("HEALTH_AREAS", '[{"name": "a"}]', "HEALTH_AREAS cannot be read"),
        ("HEALTH_AREAS", '[{"name": "a", "polygon": 5}]', "HEALTH_AREAS cannot be read"),
        ("HEALTH_AREAS", "5", "HEALTH_AREAS cannot be read"),
        ("HEALTH_AREAS", "[5]", "HEALTH_AREAS cannot be read"),
        ("HEALTH_AREAS", '[{"name": "a", "polygon": [], "color": 1}]', "HEALTH_AREAS cannot be read"),
        ("HEALTH_BOOTSTRAP_SERVERS", None, "HEALTH_BOOTSTRAP_SERVERS is not set"),
    ],
)
def test_what_cannot_be_read_is_named(variable: str, text: str | None, problem: str) -> None:
    settings = DispatchSettings(
        pipeline="p", bootstrap_servers="k:1", radius_km=5, position_ttl_s=1, patient_cooldown_s=1, retry_for_s=1,
        ack_timeout_s=1, alert_ttl_s=1,
    )  # fmt: skip
    env = settings.to_env()
    del env[variable]
    with pytest.raises(SettingsError, match=problem):
        DispatchSettings.from_env(env if text is None else env | {variable: text})


@pytest.mark.parametrize("config", ['{"retention.ms": 5}', '["retention.ms"]', "null"])
def test_a_topics_settings_are_texts_by_name(config: str) -> None:
    env = TopicsSettings(pipeline="p", bootstrap_servers="k:1", topics=()).to_env()
    told_so = {"HEALTH_TOPICS": f'[{{"name": "a", "partitions": 1, "config": {config}}}]'}
    with pytest.raises(SettingsError, match="HEALTH_TOPICS cannot be read"):
        TopicsSettings.from_env(env | told_so)


def test_kafka_clients_are_told_what_they_need_and_no_more() -> None:
    plain = KafkaSettings(pipeline="p", bootstrap_servers="k:1")
    assert plain.client_config() == {"bootstrap.servers": "k:1", "security.protocol": "PLAINTEXT"}
    sasl = dataclasses.replace(plain, sasl_mechanism="PLAIN", sasl_username="u", sasl_password="w", ca_file="/ca")  # noqa: S106
    assert sasl.client_config() == plain.client_config() | {
        "sasl.mechanism": "PLAIN", "sasl.username": "u", "sasl.password": "w", "ssl.ca.location": "/ca",
    }  # fmt: skip
