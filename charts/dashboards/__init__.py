"""Grafana dashboards as code: a module each, made of ``parts``; ``make charts-sync`` writes their JSON into a chart."""

from __future__ import annotations

import json

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from charts.dashboards import fleet, operator, pipeline


def rendered() -> dict[str, str]:
    """File name to JSON of every dashboard."""
    boards = {"fleet": fleet.board(), "pipeline": pipeline.board(), "operator": operator.board()}
    return {f"{name}.json": json.dumps(board, cls=JSONEncoder, indent=1) + "\n" for name, board in boards.items()}
