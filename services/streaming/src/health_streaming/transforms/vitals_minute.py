"""Vital signs per patient and minute."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from health_streaming.transforms.described import described
from health_streaming.transforms.news2 import heart_rate_score, partial_score, spo2_score


def vitals_minute(tables: Mapping[str, DataFrame]) -> DataFrame:
    """One row per patient and minute in which there is a reading.

    The scores are those of the minute's worst reading, sign by sign: a mean would hide the seconds that matter.
    """
    readings = tables["vitals"].select(
        F.col("entity_id").alias("patient_id"),
        F.date_trunc("minute", "observed_at").alias("minute"),
        "heart_rate",
        "spo2",
        heart_rate_score(F.col("heart_rate")).alias("heart_rate_score"),
        spo2_score(F.col("spo2")).alias("spo2_score"),
    )
    minutes = readings.groupBy("patient_id", "minute").agg(
        F.count(F.lit(1)).alias("readings"),
        F.min("heart_rate").alias("heart_rate_min"),
        F.avg("heart_rate").alias("heart_rate_mean"),
        F.max("heart_rate").alias("heart_rate_max"),
        F.min("spo2").alias("spo2_min"),
        F.avg("spo2").alias("spo2_mean"),
        F.max("spo2").alias("spo2_max"),
        F.max("heart_rate_score").alias("news2_heart_rate"),
        F.max("spo2_score").alias("news2_spo2"),
    )
    return minutes.select(
        described("patient_id", "patient_id", "The patient"),
        described("minute", "minute", "Begin of the minute, by the time of the readings"),
        described("readings", "readings", "How many readings, each counted once"),
        described("heart_rate_min", "heart_rate_min", "Lowest heart rate [/min] (LOINC 8867-4)"),
        described("heart_rate_mean", "heart_rate_mean", "Mean heart rate [/min] (LOINC 8867-4)"),
        described("heart_rate_max", "heart_rate_max", "Highest heart rate [/min] (LOINC 8867-4)"),
        described("spo2_min", "spo2_min", "Lowest oxygen saturation [%] (LOINC 59408-5; LOINC 2708-6)"),
        described("spo2_mean", "spo2_mean", "Mean oxygen saturation [%] (LOINC 59408-5; LOINC 2708-6)"),
        described("spo2_max", "spo2_max", "Highest oxygen saturation [%] (LOINC 59408-5; LOINC 2708-6)"),
        described("news2_heart_rate", "news2_heart_rate", "NEWS2 score (RCP 2017) of the worst heart rate, 0 to 3"),
        described("news2_spo2", "news2_spo2", "NEWS2 score (RCP 2017, scale 1) of the worst oxygen saturation, 0 to 3"),
        described(
            partial_score(F.col("news2_heart_rate"), F.col("news2_spo2")),
            "news2_partial",
            "Sum of the two: two of the seven parameters of NEWS2, so a lower bound of the whole score",
        ),
    )
