"""A pipeline's own dashboard is one that Grafana takes, about that pipeline and no other."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import jsonschema
import pytest
from health_operator.naming import MANAGED_BY

from charts.sync import CHARTS
from tests.unit.health_operator.manifests.examples import PRODUCTION, built, example, one, pipeline_of

SCHEMA = json.loads((CHARTS / "dashboards" / "schema" / "dashboard.schema.json").read_text())


def boards(name: str) -> dict[str, Any]:
    """Those of an example, by the name of their file."""
    made = (each for each in example(name) if "grafana_dashboard" in each["metadata"]["labels"])
    return {file: json.loads(text) for each in made for file, text in each["data"].items()}


def test_it_is_about_one_pipeline() -> None:
    ((file, board),) = boards("everything").items()
    jsonschema.Draft7Validator(SCHEMA).validate(board)
    chosen = {each["name"]: each["query"] for each in board["templating"]["list"] if each["type"] == "constant"}
    assert (file, chosen) == ("health-health-london.json", {"namespace": "health", "pipeline": "london"})
    assert board["panels"], "what it shows"
    assert len(board["uid"]) <= 40, "Grafana's bound"
    assert board["uid"] != json.loads((CHARTS / "health-monitoring/files/dashboards/pipeline.json").read_text())["uid"]


@pytest.mark.parametrize(("folder", "annotated"), [("City", {"grafana_folder": "City"}), ("", None)])
def test_it_has_the_labels_and_the_folder_that_the_chart_says(folder: str, annotated: dict[str, str] | None) -> None:
    platform = dataclasses.replace(PRODUCTION, dashboard_labels={"grafana": "city"}, dashboard_folder=folder)
    metadata = one(built(pipeline_of("everything"), platform), "ConfigMap", "london-dashboard")["metadata"]
    assert metadata["labels"].items() >= {**MANAGED_BY, "grafana": "city"}.items()
    assert metadata.get("annotations") == annotated


def test_there_is_none_unless_it_is_asked_for() -> None:
    assert boards("strimzi") == {}
