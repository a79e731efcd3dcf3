"""Queries that answer what people ask of a pipeline, by name, in Athena's dialect; ``healthctl query --named``.

They read the transformed zone and say which days they read, for Athena is paid by what it reads. Days and hours are
UTC. Each also runs on this machine, and a test does so.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """``name`` is the query's in Athena as well, ``asks`` what it answers."""

    name: str
    asks: str
    sql: str


_SINCE_YESTERDAY = "event_date >= CAST(current_date - INTERVAL '1' DAY AS varchar)"
_THIS_WEEK = "event_date >= CAST(current_date - INTERVAL '7' DAY AS varchar)"

# What is put into the statements are the two lines above.
QUESTIONS = (
    Question(
        "rising-scores",
        "Which patients' partial NEWS2 score is higher in the last half hour than in the one before",
        f"""
WITH newest AS (
  SELECT max(minute) AS at FROM transformed.vitals_minute WHERE {_SINCE_YESTERDAY}
), scores AS (
  SELECT v.patient_id, v.news2_partial, v.spo2_min, v.heart_rate_max, v.minute,
         v.minute > n.at - INTERVAL '30' MINUTE AS is_recent
  FROM transformed.vitals_minute v CROSS JOIN newest n
  WHERE {_SINCE_YESTERDAY} AND v.minute > n.at - INTERVAL '60' MINUTE
)
SELECT patient_id,
       round(avg(CASE WHEN NOT is_recent THEN news2_partial END), 2) AS score_before,
       round(avg(CASE WHEN is_recent THEN news2_partial END), 2) AS score_now,
       max(CASE WHEN is_recent THEN news2_partial END) AS worst_now,
       min(CASE WHEN is_recent THEN spo2_min END) AS lowest_spo2,
       max(CASE WHEN is_recent THEN heart_rate_max END) AS highest_heart_rate,
       max(minute) AS last_minute
FROM scores
GROUP BY patient_id
HAVING avg(CASE WHEN is_recent THEN news2_partial END) > avg(CASE WHEN NOT is_recent THEN news2_partial END)
ORDER BY score_now - score_before DESC, patient_id
LIMIT 50""",  # noqa: S608
    ),
    Question(
        "response-times",
        "How long it takes from a reading to the decision about its alert, by hour and service area, over a week",
        f"""
SELECT date_trunc('hour', observed_at) AS begins_at, area, count(*) AS alerts,
       sum(CASE WHEN outcome = 'dispatched' THEN 1 ELSE 0 END) AS dispatched,
       sum(CASE WHEN outcome = 'unassigned' THEN 1 ELSE 0 END) AS unassigned,
       round(approx_percentile(decision_seconds, 0.5), 3) AS median_seconds,
       round(max(decision_seconds), 3) AS longest_seconds,
       round(avg(CASE WHEN outcome = 'dispatched' THEN distance_km END), 2) AS mean_km
FROM transformed.dispatch_outcomes
WHERE {_THIS_WEEK}
GROUP BY date_trunc('hour', observed_at), area
ORDER BY begins_at DESC, area""",  # noqa: S608
    ),
    Question(
        "vehicle-utilisation",
        "How large a part of their reports vehicles were busy in, and how often they were sent, by day, over a week",
        f"""
WITH reports AS (
  SELECT event_date, entity_id AS vehicle_id, max(kind) AS kind, count(*) AS reports,
         sum(CASE WHEN status <> 'idle' THEN 1 ELSE 0 END) AS busy_reports
  FROM transformed.vehicle_positions
  WHERE {_THIS_WEEK}
  GROUP BY event_date, entity_id
), served AS (
  SELECT event_date, vehicle_id, count(*) AS dispatches, sum(busy_seconds) AS busy_seconds
  FROM transformed.dispatch_outcomes
  WHERE {_THIS_WEEK} AND outcome = 'dispatched'
  GROUP BY event_date, vehicle_id
)
SELECT r.event_date AS day, r.vehicle_id, r.kind, round(100.0 * r.busy_reports / r.reports, 1) AS busy_percent,
       coalesce(s.dispatches, 0) AS dispatches, round(coalesce(s.busy_seconds, 0) / 60.0, 1) AS busy_minutes
FROM reports r LEFT JOIN served s ON s.event_date = r.event_date AND s.vehicle_id = r.vehicle_id
ORDER BY day DESC, busy_percent DESC, r.vehicle_id""",  # noqa: S608
    ),
    Question(
        "weather-and-incidents",
        "How incidents and alerts go with rain and cold, hour by hour, over a week",
        f"""
SELECT CASE WHEN precipitation_mm_h_mean IS NULL THEN 'unknown' WHEN precipitation_mm_h_mean < 0.1 THEN 'dry'
            WHEN precipitation_mm_h_mean < 2.5 THEN 'light rain' ELSE 'rain' END AS weather,
       CASE WHEN temperature_c_mean < 3 THEN 'under 3 C' ELSE '3 C and over' END AS temperature,
       count(*) AS hours,
       round(avg(incidents_minor + incidents_moderate + incidents_severe + incidents_critical), 2) AS incidents_an_hour,
       round(avg(incidents_severe + incidents_critical), 2) AS severe_an_hour,
       round(avg(alerts), 2) AS alerts_an_hour, round(avg(traffic_speed_kmh_mean), 1) AS traffic_kmh
FROM transformed.city_hourly
WHERE {_THIS_WEEK}
GROUP BY 1, 2
ORDER BY 1, 2""",  # noqa: S608
    ),
)


def question(name: str) -> Question:
    """The question of this name; KeyError."""
    return {each.name: each for each in QUESTIONS}[name]
