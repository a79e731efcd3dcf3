"""The three questions that the demo asks of the finished lake, in Athena's dialect, and the examples that it tells."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """``table`` is the one that it asks of; a pipeline without it is not asked."""

    title: str
    table: str
    sql: str


QUESTIONS = (
    Question(
        "Who was worst off? (partial NEWS2 score of the minute)",
        "transformed.vitals_minute",
        """
        SELECT patient_id, date_format(minute, '%H:%i') AS minute, readings, round(heart_rate_max) AS heart_rate_max,
               round(spo2_min) AS spo2_min, news2_partial
        FROM transformed.vitals_minute
        ORDER BY news2_partial DESC, spo2_min, patient_id LIMIT 5""",
    ),
    Question(
        "What became of the alerts?",
        "transformed.dispatch_outcomes",
        """
        SELECT severity, outcome, count(*) AS alerts, round(avg(distance_km), 2) AS mean_km,
               round(approx_percentile(decision_seconds, 0.5), 3) AS median_seconds
        FROM transformed.dispatch_outcomes
        WHERE decision_seconds < 60 GROUP BY severity, outcome ORDER BY alerts DESC""",
    ),
    Question(
        "How was the city?",
        "transformed.city_hourly",
        """
        SELECT date_format(starts_at, '%Y-%m-%d %H:00') AS hour, round(temperature_c_mean, 1) AS temperature_c,
               round(precipitation_mm_h_mean, 1) AS rain_mm_h, round(traffic_speed_kmh_mean, 1) AS traffic_kmh,
               incidents_severe + incidents_critical AS severe_incidents, alerts, dispatches
        FROM transformed.city_hourly
        ORDER BY alerts DESC LIMIT 3""",
    ),
)

EXAMPLES = """
    SELECT entity_id AS patient, metric, value, rule, vehicle_id AS vehicle, distance_km AS km, reason,
           (to_unixtime(decided_at) - to_unixtime(observed_at)) * 1000 AS ms
    FROM raw.dispatches
    WHERE outcome = 'dispatched' AND to_unixtime(decided_at) - to_unixtime(observed_at) < 60
    ORDER BY decided_at LIMIT 3"""
