"""NEWS2, as far as a watch can tell.

National Early Warning Score 2, Royal College of Physicians, 2017: pulse scores 3 at 40 and under, 1 to 50, 0 to 90, 1
to 110, 2 to 130, 3 from 131; SpO2 (scale 1) scores 3 at 91 and under, 2 to 93, 1 to 95, 0 from 96. The chart is in
whole numbers and watches are not: a value between two bands is in the upper one, except that the pulse's last band
begins at 131, so that a score of 3 is exactly what the default alert rules fire at (at or below 40, at or above 131, at
or below 91).

The whole score has seven parameters. Pulse and SpO2 are two of them, so their sum is PARTIAL: a lower bound.
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

# (upper bound, score), lowest band first.
_HEART_RATE = ((40, 3), (50, 1), (90, 0), (110, 1))
_SPO2 = ((91, 3), (93, 2), (95, 1))


def heart_rate_score(heart_rate: Column) -> Column:
    """0 to 3, integer; null when there is no reading."""
    is_extreme = heart_rate >= F.lit(131)
    return _banded(heart_rate, _HEART_RATE, above=F.when(is_extreme, 3).otherwise(2))


def spo2_score(spo2: Column) -> Column:
    """0 to 3, integer, on scale 1 (no hypercapnic failure is known of); null when there is no reading."""
    return _banded(spo2, _SPO2, above=F.lit(0))


def partial_score(heart_rate: Column, spo2: Column) -> Column:
    """The sum of the scores that are known; null when neither is."""
    is_known = heart_rate.isNotNull() | spo2.isNotNull()
    return F.when(is_known, F.coalesce(heart_rate, F.lit(0)) + F.coalesce(spo2, F.lit(0)))


def _banded(value: Column, bands: tuple[tuple[int, int], ...], above: Column) -> Column:
    score = F.when(value.isNull(), F.lit(None).cast("int"))
    for bound, points in bands:
        score = score.when(value <= bound, points)
    return score.otherwise(above)
