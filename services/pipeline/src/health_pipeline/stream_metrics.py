"""How far streams are behind, as metrics of one name, whoever tells them: a stream itself, or who watches it.

A stream of micro-batches tells its own, as of its last batch. In Real-time Mode a batch lasts for minutes, and Spark
says nothing within one: there the pipeline's watcher tells, by its canaries (services/lag/README.md).
"""

from __future__ import annotations

from prometheus_client import Gauge

LAG_RECORDS = Gauge(
    "health_streaming_lag_records",
    "Records not yet read when the last batch began; in Real-time Mode: when the newest canary was written",
    ["pipeline", "query", "topic", "partition"],
)
# ``partition`` is empty where what is read has none.
LAG_SECONDS = Gauge(
    "health_streaming_lag_seconds",
    "How long ago it was last read to its end; in Real-time Mode: for how long a canary has waited to be processed",
    ["pipeline", "query", "topic", "partition"],
)
