"""Rules and areas as Spark evaluates them, against what they mean."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest
from health_pipeline.settings import AlertRule, ServiceArea
from health_simulator.areas import areas_of
from health_streaming.areas import area_sql
from health_streaming.rules import broken_sql
from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

NEWS2 = (
    AlertRule(metric="heart_rate", at_or_below=40, at_or_above=131, severity="critical"),
    AlertRule(metric="spo2", at_or_below=91.5, severity="warning"),
)


@pytest.mark.parametrize(
    ("heart_rate", "spo2", "broken"),
    [
        (40.0, 98.0, ["heart_rate <= 40"]),
        (40.1, 98.0, []),
        (130.9, 91.6, []),
        (131.0, 91.5, ["heart_rate >= 131", "spo2 <= 91.5"]),
        (None, 80.0, ["spo2 <= 91.5"]),
        (None, None, []),
    ],
)
def test_every_rule_that_a_reading_breaks_is_told(
    spark: SparkSession, heart_rate: float | None, spo2: float | None, broken: list[str]
) -> None:
    reading = spark.createDataFrame([(heart_rate, spo2)], "heart_rate double, spo2 double")
    (row,) = reading.selectExpr(f"{broken_sql(NEWS2)} AS broken").collect()
    assert [item.rule for item in row.broken] == broken
    values = {"heart_rate": heart_rate, "spo2": spo2}
    assert all(item.value == values[item.metric] for item in row.broken)


def test_a_rule_about_an_unknown_metric_is_refused() -> None:
    with pytest.raises(KeyError, match="mood"):
        broken_sql([AlertRule(metric="mood", at_or_below=1)])


def test_a_point_belongs_to_the_first_area_that_holds_it(spark: SparkSession) -> None:
    rng = random.Random(5)
    areas = [ServiceArea(name=f"area-{n}", polygon=_convex(rng)) for n in range(4)]
    points = [(rng.uniform(-4, 4), rng.uniform(-4, 4)) for _ in range(2000)]
    rows = spark.createDataFrame(points, "longitude double, latitude double")
    found = [row.area for row in rows.selectExpr(f"{area_sql(areas)} AS area").collect()]
    expected = [next((area.name for area in areas if _holds(area, *point)), "default") for point in points]
    assert found == expected
    assert len(set(found)) > 3


def test_a_point_on_a_shared_side_belongs_to_one_area(spark: SparkSession) -> None:
    west = ServiceArea(name="west", polygon=((0, 0), (1, 0), (1, 1), (0, 1)))
    east = ServiceArea(name="east", polygon=((2, 1), (1, 1), (1, 0), (2, 0)))
    rows = spark.createDataFrame([(1.0, 0.5), (1.0, 0.0), (0.0, 0.0)], "longitude double, latitude double")
    for areas in ([west, east], [east, west]):
        found = [row.area for row in rows.selectExpr(f"{area_sql(areas)} AS area").collect()]
        assert found == ["east", "east", "west"]


def test_a_simulated_vehicle_and_a_patient_at_the_same_place_are_in_the_same_area(spark: SparkSession) -> None:
    areas = [
        ServiceArea(name="hook", polygon=((0, 0), (4, 0), (4, 3), (3, 3), (3, 1), (0, 1))),
        ServiceArea(name="bow-tie", polygon=((-4, -4), (0, -4), (-4, 0), (0, 0))),
        ServiceArea(name="all-but-the-edge", polygon=((-4, -4), (-4, 4), (4, 4), (4, -4))),
    ]
    halves = np.arange(-5, 5.5, 0.5)
    longitude, latitude = (values.ravel() for values in np.meshgrid(halves, halves))
    points = list(zip(longitude.tolist(), latitude.tolist(), strict=True))
    rows = spark.createDataFrame(points, "longitude double, latitude double")
    patients = [row.area for row in rows.selectExpr(f"{area_sql(areas)} AS area").collect()]
    vehicles = areas_of(areas, longitude, latitude)
    assert [area or "default" for area in vehicles] == patients
    assert set(vehicles) == {"hook", "bow-tie", "all-but-the-edge", None}


def test_without_areas_everything_is_one(spark: SparkSession) -> None:
    assert spark.sql(f"SELECT {area_sql([])} AS area").collect()[0].area == "default"


def _convex(rng: random.Random) -> tuple[tuple[float, ...], ...]:
    """A triangle, counter-clockwise: a point is inside when it is on the left of every side."""
    while True:
        a, b, c = [(rng.uniform(-3, 3), rng.uniform(-3, 3)) for _ in range(3)]
        if _left(a, b, c) > 1:
            return (a, b, c)


def _left(start: tuple[float, ...], end: tuple[float, ...], point: tuple[float, ...]) -> float:
    return (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])


def _holds(area: ServiceArea, *point: float) -> bool:
    return all(_left(start, end, point) > 0 for start, end in pairwise([*area.polygon, area.polygon[0]]))
