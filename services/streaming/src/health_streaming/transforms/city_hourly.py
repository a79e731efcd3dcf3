"""The state of the city, hour by hour."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

from health_events import INCIDENT_SEVERITIES
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from health_streaming.transforms.described import described


def city_hourly(tables: Mapping[str, DataFrame]) -> DataFrame:
    """One row per hour in which anything was observed: weather, traffic, incidents, alerts and dispatches.

    The inputs are put under each other and grouped once: that gives an hour its row whichever inputs have it, and is
    one exchange where joining six aggregates would be eleven.
    """
    parts = [
        _part(tables["weather"], "weather_observations", "temperature_c", "humidity_percent", "wind_kmh",
              "precipitation_mm_h", "air_quality_index"),
        _part(tables["gps"], "gps_positions", F.col("speed_kmh").alias("gps_speed_kmh")),
        _part(tables["cameras"], "camera_counts", F.col("mean_speed_kmh").alias("camera_speed_kmh"),
              "vehicles_per_minute"),
        _incidents(tables["emergencies"]),
        _part(tables["alerts"], "alerts"),
        _part(tables["dispatches"].where(F.col("outcome") == "dispatched"), "dispatches", "distance_km"),
    ]  # fmt: skip
    rows = reduce(lambda left, right: left.unionByName(right, allowMissingColumns=True), parts)
    hours = rows.groupBy("starts_at").agg(*_totals(), *_means(), F.max("air_quality_index").alias("air_quality_index"))
    return hours.select(
        described("starts_at", "starts_at", "Begin of the hour, by the time of the observations"),
        described("weather_observations", "weather_observations", "How many there were"),
        described("temperature_c", "temperature_c_mean", "Mean air temperature [Cel]"),
        described("humidity_percent", "humidity_percent_mean", "Mean relative humidity [%]"),
        described("wind_kmh", "wind_kmh_mean", "Mean wind speed [km/h]"),
        described("precipitation_mm_h", "precipitation_mm_h_mean", "Mean rate of precipitation [mm/h]"),
        described("air_quality_index", "air_quality_index_max", "Worst US EPA air quality index"),
        described("gps_positions", "gps_positions", "Positions of tracked cars, buses and bicycles"),
        described("gps_speed_kmh", "gps_speed_kmh_mean", "Mean speed of these [km/h]"),
        described("camera_counts", "camera_counts", "Counts of traffic cameras"),
        described("vehicles_per_minute", "traffic_flow_mean", "Mean flow past a camera [/min]"),
        described("camera_speed_kmh", "traffic_speed_kmh_mean", "Mean speed of that flow [km/h]"),
        *(
            described(f"incidents_{severity}", f"incidents_{severity}", f"Incidents that were at worst {severity}")
            for severity in INCIDENT_SEVERITIES
        ),
        described("alerts", "alerts", "Vital signs that broke a rule"),
        described("dispatches", "dispatches", "Vehicles that were sent"),
        described("distance_km", "dispatch_distance_km_mean", "Mean distance that they were sent [km]"),
    )


def _part(rows: DataFrame, count: str, *values: Column | str) -> DataFrame:
    """Each row with its hour, a 1 in the column ``count`` and these values."""
    return rows.select(F.date_trunc("hour", "observed_at").alias("starts_at"), F.lit(1).alias(count), *values)


def _incidents(emergencies: DataFrame) -> DataFrame:
    """An incident is reported several times: one row per incident and hour, with its worst severity of that hour."""
    severities = F.array(*map(F.lit, INCIDENT_SEVERITIES))
    worst = (
        emergencies.select(
            F.date_trunc("hour", "observed_at").alias("starts_at"),
            "entity_id",
            # By its name: Spark 3.5's own function takes no column for the value.
            F.call_function("array_position", severities, F.col("severity")).alias("rank"),
        )
        .groupBy("starts_at", "entity_id")
        .agg(F.max("rank").alias("rank"))
    )
    flags = [
        (F.col("rank") == rank).cast("int").alias(f"incidents_{severity}")
        for rank, severity in enumerate(INCIDENT_SEVERITIES, 1)
    ]
    return worst.select("starts_at", *flags)


def _totals() -> list[Column]:
    counts = ["weather_observations", "gps_positions", "camera_counts", "alerts", "dispatches"]
    counts += [f"incidents_{severity}" for severity in INCIDENT_SEVERITIES]
    return [F.coalesce(F.sum(name), F.lit(0)).cast("long").alias(name) for name in counts]


def _means() -> list[Column]:
    names = ("temperature_c", "humidity_percent", "wind_kmh", "precipitation_mm_h", "gps_speed_kmh", "camera_speed_kmh",
             "vehicles_per_minute", "distance_km")  # fmt: skip
    return [F.avg(name).alias(name) for name in names]
