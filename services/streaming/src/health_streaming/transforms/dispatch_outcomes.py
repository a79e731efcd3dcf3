"""What became of each alert."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from health_streaming.transforms.described import described


def dispatch_outcomes(tables: Mapping[str, DataFrame]) -> DataFrame:
    """One row per alert. An alert that nothing has been decided about yet is ``pending``.

    An outcome carries the time of the reading that caused its alert, so both are in the same hour.
    """
    alerts, dispatches = tables["alerts"], tables["dispatches"]
    joined = (
        alerts.withColumnRenamed("event_id", "alert_id")
        .join(_last_decisions(dispatches), on="alert_id", how="left")
        .join(_releases(dispatches), on="dispatch_id", how="left")
    )
    return joined.select(
        described("alert_id", "alert_id", "The alert"),
        described("entity_id", "patient_id", "The patient"),
        described("observed_at", "observed_at", "The moment of the reading that caused the alert"),
        described("area", "area", "The service area that the patient is in"),
        described("latitude", "latitude", "Of the patient, WGS 84 [deg]"),
        described("longitude", "longitude", "Of the patient, WGS 84 [deg]"),
        described("metric", "metric", "What was abnormal"),
        described("value", "value", "What it was, in the metric's unit"),
        described("rule", "rule", "The rule that it broke"),
        described("severity", "severity", "As the rule says"),
        described(
            F.coalesce("outcome", F.lit("pending")),
            "outcome",
            "The last decision: dispatched, unassigned or suppressed; pending while there is none",
        ),
        described("reason", "reason", "Why"),
        described("decided_at", "decided_at", "When that was decided"),
        described(_seconds("observed_at", "decided_at"), "decision_seconds", "From the reading to that decision [s]"),
        described(F.coalesce("decisions", F.lit(0).cast("long")), "decisions", "How many decisions there have been"),
        described("dispatch_id", "dispatch_id", "The assignment, when dispatched"),
        described("vehicle_id", "vehicle_id", "The vehicle that was sent"),
        described("distance_km", "distance_km", "From vehicle to patient, great circle [km]"),
        described("radius_km", "radius_km", "How far a vehicle could be sent [km]"),
        described("released_at", "released_at", "When the vehicle was free again; null while it is not"),
        described("release_reason", "release_reason", "Why it was let go"),
        described(_seconds("decided_at", "released_at"), "busy_seconds", "From the dispatch to the release [s]"),
    )


def _last_decisions(dispatches: DataFrame) -> DataFrame:
    """Per alert the last thing that was decided (an unassigned alert is tried again), and how often."""
    is_decision = F.col("outcome") != "released"
    of_alert = Window.partitionBy("alert_id")
    newest_first = of_alert.orderBy(F.desc("kafka_timestamp"), F.desc("kafka_offset"))
    is_last = F.col("age") == 1
    is_dispatched = F.col("outcome") == "dispatched"
    return (
        dispatches.where(is_decision)
        .select(
            "alert_id", "outcome", "reason", "decided_at", "vehicle_id", "distance_km", "radius_km",
            F.when(is_dispatched, F.col("dispatch_id")).alias("dispatch_id"),
            F.row_number().over(newest_first).alias("age"),
            F.count(F.lit(1)).over(of_alert).alias("decisions"),
        )
        .where(is_last)
        .drop("age")
    )  # fmt: skip


def _releases(dispatches: DataFrame) -> DataFrame:
    """Per assignment its end. There is one; the first counts."""
    is_release = F.col("outcome") == "released"
    first = F.min(F.struct("kafka_timestamp", "kafka_offset", "decided_at", "reason")).alias("first")
    return (
        dispatches.where(is_release)
        .groupBy("dispatch_id")
        .agg(first)
        .select(
            "dispatch_id", F.col("first.decided_at").alias("released_at"), F.col("first.reason").alias("release_reason")
        )
    )


def _seconds(begin: str, end: str) -> Column:
    """Between two times, to the millisecond, which is what the contract's times are given in."""
    return F.round(F.col(end).cast("double") - F.col(begin).cast("double"), 3)
