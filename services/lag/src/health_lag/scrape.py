"""Asking every component for its metrics, at once."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from prometheus_client import Metric

from health_lag.readings import parse

_AT_ONCE = 16
_MOST_BYTES = 4 * 1024 * 1024


def scrape(targets: Mapping[str, str], timeout_s: float = 1.0) -> dict[str, list[Metric] | None]:
    """The metrics of each component, by its name; None of one that does not answer. ``targets`` maps it to its URL."""
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        return dict(zip(targets, pool.map(lambda url: _ask(url, timeout_s), targets.values()), strict=True))


def _ask(url: str, timeout_s: float) -> list[Metric] | None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=timeout_s)
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            return None
        return parse(answer.read(_MOST_BYTES).decode())
    except (OSError, http.client.HTTPException, ValueError):
        return None  # it is starting, has just ended, or is somebody else
    finally:
        connection.close()
