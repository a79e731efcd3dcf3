"""What is measured of the Glue job."""

from __future__ import annotations

from prometheus_client import Gauge, Histogram

SECONDS = Histogram(
    "health_catalog_etl_run_seconds",
    "How long runs of the Glue job took; state is what they ended as, in Glue's words",
    ["pipeline", "state"],
    buckets=(60, 120, 300, 600, 1200, 1800, 3600, 7200),
)
RUNNING = Gauge("health_catalog_etl_running", "1 while a run of the Glue job is under way", ["pipeline"])
TROUBLE = Gauge(
    "health_catalog_etl_trouble", "1 while the Glue job does not do its work, for this reason", ["pipeline", "reason"]
)
