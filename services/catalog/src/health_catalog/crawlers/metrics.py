"""What is measured of crawlers; ``crawler`` is the name without what all of the pipeline's begin with."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import Gauge, Histogram

from health_catalog.crawlers.machine import Trouble

SECONDS = Histogram(
    "health_catalog_crawl_seconds",
    "How long crawls took; state is what they ended as: succeeded, failed or cancelled",
    ["pipeline", "crawler", "state"],
    buckets=(30, 60, 120, 300, 600, 1200, 1800, 3600),
)
TABLES = Gauge(
    "health_catalog_crawl_tables",
    "Tables that the last crawl has changed; change is created, updated or deleted",
    ["pipeline", "crawler", "change"],
)
REQUESTS = Gauge("health_catalog_crawl_requests", "Requests that wait for a crawl", ["pipeline", "crawler"])
TROUBLE = Gauge(
    "health_catalog_crawl_trouble",
    "1 while a crawler (all: every one of them) does not do its work, for this reason",
    ["pipeline", "crawler", "reason"],
)


def tell_troubles(pipeline: str, troubles: Mapping[str, Trouble | None]) -> None:
    """These and no others."""
    TROUBLE.clear()
    for crawler, reason in troubles.items():
        if reason is not None:
            TROUBLE.labels(pipeline, crawler, reason.value).set(1)
