"""Asks the others over HTTP: components for their metrics, the watcher for its document, the city for its streets."""

from __future__ import annotations

import http.client
import json
import math
from typing import Any
from urllib.parse import urlsplit

from health_lag.readings import Readings, interpret
from health_lag.scrape import scrape
from health_pipeline.settings import MetricsTarget

_TIMEOUT_S = 2.0
_MOST_BYTES = 8 * 1024 * 1024
_MOST_STREETS, _MOST_CORNERS = 20_000, 2000

Line = list[tuple[float, float]]


def ask_components(targets: tuple[MetricsTarget, ...]) -> dict[str, Readings | None]:
    """What each component says of itself; None of one that does not answer."""
    answers = scrape({target.component: target.url for target in targets})
    return {name: None if metrics is None else interpret(metrics) for name, metrics in answers.items()}


def ask_json(url: str) -> Any:
    """The JSON document there; None when there is none, or nobody answers."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.netloc:
        return None
    connection = http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        return json.loads(answer.read(_MOST_BYTES)) if answer.status == http.client.OK else None
    except (OSError, http.client.HTTPException, ValueError, RecursionError):
        return None  # it is starting, has just ended, or is somebody else
    finally:
        connection.close()


def ask_slo(url: str) -> dict[str, Any]:
    """The watcher's document; empty when it does not answer."""
    document = ask_json(url)
    return document if isinstance(document, dict) else {}


def ask_streets(url: str) -> list[Line] | None:
    """Lines of [longitude, latitude] out of a GeoJSON FeatureCollection; None when it cannot be had."""
    document = ask_json(url)
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list):
        return None
    lines = [_line(feature.get("geometry")) for feature in features[:_MOST_STREETS] if isinstance(feature, dict)]
    return [line for line in lines if line]


def _line(geometry: Any) -> Line:
    if not isinstance(geometry, dict) or geometry.get("type") != "LineString":
        return []
    places = geometry.get("coordinates")
    return [(float(place[0]), float(place[1])) for place in places[:_MOST_CORNERS] if _is_place(place)] if isinstance(
        places, list
    ) else []  # fmt: skip


def _is_place(place: Any) -> bool:
    if not isinstance(place, list) or len(place) < 2:  # noqa: PLR2004 (longitude and latitude)
        return False
    return all(isinstance(each, int | float) and math.isfinite(each) for each in place[:2])
