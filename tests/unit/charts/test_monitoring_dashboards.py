"""The dashboards are what Grafana's own types allow, ask only for what somebody tells, and fill the screen."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import pytest

from charts.dashboards import rendered
from charts.sync import CHARTS

SCHEMA = json.loads((CHARTS / "dashboards" / "schema" / "dashboard.schema.json").read_text())
BOARDS = {name: json.loads(text) for name, text in rendered().items()}


def complaints(board: dict[str, Any]) -> list[str]:
    """What Grafana's types say against it."""
    return [error.message for error in jsonschema.Draft7Validator(SCHEMA).iter_errors(board)]


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_is_valid(name: str) -> None:
    assert complaints(BOARDS[name]) == []


def test_what_is_not_valid_would_be_noticed() -> None:
    for spoil in (
        lambda panel: panel.update(unit="s"),
        lambda panel: panel.update(type="graph"),
        lambda panel: panel["targets"][0].pop("refId"),
        lambda panel: panel["fieldConfig"]["defaults"].update(min="0"),
        lambda panel: panel["options"].update(legend=True),
    ):
        board = copy.deepcopy(BOARDS["pipeline.json"])
        spoil(next(panel for panel in board["panels"] if panel["type"] == "timeseries"))
        assert complaints(board)


@pytest.mark.parametrize("name", BOARDS)
def test_every_panel_has_a_number_a_title_and_a_place_of_its_own(name: str) -> None:
    panels = BOARDS[name]["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    places = [
        (column, line)
        for place in (panel["gridPos"] for panel in panels)
        for column in range(place["x"], place["x"] + place["w"])
        for line in range(place["y"], place["y"] + place["h"])
    ]
    assert len(places) == len(set(places)), "panels lie on each other"
    assert max(column for column, _ in places) < 24
    for panel in panels:
        assert panel["title"] or panel["type"] == "row"
        assert panel["type"] == "row" or panel["description"]


def test_dashboards_are_told_apart() -> None:
    assert len({board["uid"] for board in BOARDS.values()}) == len(BOARDS)
    assert len({board["title"] for board in BOARDS.values()}) == len(BOARDS)


@pytest.mark.parametrize("name", BOARDS)
def test_the_reader_chooses_the_prometheus(name: str) -> None:
    for panel in BOARDS[name]["panels"]:
        for target in panel.get("targets", ()):
            assert target["datasource"] == panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
