"""What is measured of the Glue jobs; ``step`` is transform or load."""

from __future__ import annotations

from prometheus_client import Gauge, Histogram

SECONDS = Histogram(
    "health_catalog_etl_run_seconds",
    "How long runs of a Glue job took; state is what they ended as, in Glue's words",
    ["pipeline", "step", "state"],
    buckets=(60, 120, 300, 600, 1200, 1800, 3600, 7200),
)
RUNNING = Gauge("health_catalog_etl_running", "1 while a run of the Glue job is under way", ["pipeline", "step"])
TROUBLE = Gauge(
    "health_catalog_etl_trouble",
    "1 while a Glue job does not do its work, for this reason; step is empty where that is about all of them",
    ["pipeline", "step", "reason"],
)
