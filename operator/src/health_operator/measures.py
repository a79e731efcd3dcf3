"""What a pipeline's lag exporter measures: ``GET /slo`` of its Service."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from typing import Any

import aiohttp

from health_operator.model import Measures

log = logging.getLogger(__name__)

# It answers from memory. A pod that is starting refuses at once; one that hangs must not hold up a reconcile.
_TIMEOUT = aiohttp.ClientTimeout(total=3, sock_connect=1.5)
# Numbers change with every look; looking more often would only churn the status.
FRESH_SECONDS = 10.0
# The exporter's figures: their names in status.slo, and to how many digits they are kept.
_FIGURES = {
    "eventsPerSecond": ("eventsPerSecond", 1),
    "lagSeconds": ("lagSeconds", 1),
    "alertLatencyP99Ms": ("alertLatencyP99Ms", 0),
    "dispatchLatencyP99Ms": ("dispatchLatencyP99Ms", 0),
    "freshnessSeconds": ("freshnessSeconds", 0),
    "canaryAgeSeconds": ("canaryAgeSeconds", 0),
    "alertsTotal": ("alerts", 0),
    "dispatchesTotal": ("dispatches", 0),
}


class Meter:
    """``url`` holds {pipeline} and {namespace}. Asks each pipeline's exporter, at most once in FRESH_SECONDS."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: aiohttp.ClientSession | None = None
        self._latest: dict[tuple[str, str], tuple[float, Measures]] = {}

    async def read(self, namespace: str, pipeline: str) -> Measures:
        """The latest measures, ten seconds old at most."""
        at, measures = self._latest.get((namespace, pipeline), (0.0, Measures()))
        if at and time.monotonic() - at < FRESH_SECONDS:
            return measures
        measures = await self._ask(namespace, pipeline)
        self._latest[namespace, pipeline] = time.monotonic(), measures
        return measures

    def forget(self, namespace: str, pipeline: str) -> None:
        """The pipeline is gone."""
        self._latest.pop((namespace, pipeline), None)

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()

    async def _ask(self, namespace: str, pipeline: str) -> Measures:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        url = self._url.format(pipeline=pipeline, namespace=namespace)
        try:
            async with self._session.get(url) as response:
                response.raise_for_status()
                return parse(await response.json())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Measures(problem=f"{url} does not answer: {type(error).__name__}")
        except ValueError as error:
            return Measures(problem=f"{url} answers something else: {error}")


def parse(answer: object) -> Measures:
    """The exporter's JSON, rounded so that noise changes nothing; ValueError when it is not an object."""
    if not isinstance(answer, Mapping):
        raise ValueError(f"not an object: {json.dumps(answer)[:80]}")
    figures: dict[str, Any] = {}
    for key, (name, digits) in _FIGURES.items():
        value = answer.get(key)
        if isinstance(value, int | float) and _is_number(value):
            figures[name] = round(value, digits) if digits else round(value)
    if isinstance(answer.get("lastEventTime"), str):
        figures["lastEventTime"] = answer["lastEventTime"]
    components = answer.get("components")
    answers = components if isinstance(components, Mapping) else {}
    troubles = answer.get("troubles")
    told = {str(name): str(why) for name, why in troubles.items()} if isinstance(troubles, Mapping) else {}
    silent = frozenset(str(name) for name, does_answer in answers.items() if not does_answer)
    lags = answer.get("lags")
    known = lags.items() if isinstance(lags, Mapping) else ()
    behind = {str(name): float(lag) for name, lag in known if _is_number(lag)}
    return Measures(figures, silent, troubles=told, lags=behind)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
