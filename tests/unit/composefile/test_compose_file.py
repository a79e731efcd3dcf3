"""The compose file is what would be made now, and keeps its promises about ports, users and rights."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
import yaml
from composefile.__main__ import FILE, ROOT, text
from composefile.build import AWS, KAFKA, QUERY, TOPICS, compose
from health_pipeline.settings import LandingSettings, TopicsSettings
from healthctl.embedded.layout import lay_out
from healthctl.spec_file import load_pipeline
from imagebuild.table import images

EXAMPLES = ROOT / "k8s" / "examples"
DOCUMENT: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = DOCUMENT["services"]


def test_the_file_is_as_it_would_be_made_now() -> None:
    assert FILE.read_text() == text(), "run make compose-file"


def test_it_runs_the_components_of_the_laptop_and_the_watcher() -> None:
    layout = lay_out(load_pipeline(str(EXAMPLES / "quickstart.yaml")), lambda *_: 1)
    own = {KAFKA, AWS, TOPICS, QUERY, "lag"}
    assert SERVICES.keys() == own | {part.name for part in layout.components}


@pytest.mark.parametrize("name", SERVICES)
def test_each_is_nobody_and_has_no_rights(name: str) -> None:
    service = SERVICES[name]
    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


@pytest.mark.parametrize("name", SERVICES)
def test_each_is_an_image_of_ours_and_waits_for_what_is_there(name: str) -> None:
    service = SERVICES[name]
    found = re.fullmatch(r"\$\{REGISTRY:-localhost\}/health-([a-z-]+):\$\{TAG:-dev\}", service["image"])
    assert found is not None
    assert found[1] in images(ROOT)
    for other, condition in service.get("depends_on", {}).items():
        if condition["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]
        assert other in SERVICES


def test_ports_of_the_machine_are_given_once() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert len(ports) == len(set(ports)) == 3


def test_what_a_service_is_told_can_be_read_by_its_component() -> None:
    told = LandingSettings.from_env(SERVICES["landing"]["environment"])
    assert (told.bootstrap_servers, told.lake_endpoint) == ("kafka:9092", "http://aws:5000")
    assert told.spark_master.startswith("local[")
    assert TopicsSettings.from_env(SERVICES["topics"]["environment"]).replication == 1


def test_a_pipeline_with_secrets_is_refused() -> None:
    with pytest.raises(ValueError, match="simulated"):
        compose(load_pipeline(str(EXAMPLES / "external-kafka.yaml")))


def test_a_dollar_is_no_variable_of_compose() -> None:
    pipeline = load_pipeline(str(EXAMPLES / "minimal.yaml"))
    spec = dataclasses.replace(pipeline.spec, lake=dataclasses.replace(pipeline.spec.lake, region="$HOME"))
    made = compose(dataclasses.replace(pipeline, spec=spec))
    assert made["services"]["landing"]["environment"]["HEALTH_REGION"] == "$$HOME"
