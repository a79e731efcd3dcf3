"""Distance on the Earth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from health_dispatch.geo import EARTH_RADIUS_KM, haversine_km
from hypothesis import given
from hypothesis import strategies as st

LATITUDES, LONGITUDES = st.floats(-90, 90), st.floats(-180, 180)


def one(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    return float(haversine_km(latitude, longitude, np.array([other_latitude]), np.array([other_longitude]))[0])


@pytest.mark.parametrize(
    ("here", "there", "km"),
    [
        ((0, 0), (0, 90), EARTH_RADIUS_KM * math.pi / 2),  # a quarter of the equator
        ((90, 0), (-90, 123), EARTH_RADIUS_KM * math.pi),  # pole to pole, whatever the longitude
        ((0, 179.5), (0, -179.5), EARTH_RADIUS_KM * math.radians(1)),  # across the date line
        ((51.5, -0.1), (51.5, -0.1), 0),
    ],
)
def test_known_distances(here: tuple[float, float], there: tuple[float, float], km: float) -> None:
    assert one(*here, *there) == pytest.approx(km, abs=1e-9)


@given(LATITUDES, LONGITUDES, LATITUDES, LONGITUDES)
def test_it_agrees_with_the_angle_between_vectors(a: float, b: float, c: float, d: float) -> None:
    def vector(latitude: float, longitude: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        phi, theta = math.radians(latitude), math.radians(longitude)
        return np.array([math.cos(phi) * math.cos(theta), math.cos(phi) * math.sin(theta), math.sin(phi)])

    u, v = vector(a, b), vector(c, d)
    angle = math.atan2(float(np.linalg.norm(np.cross(u, v))), float(u @ v))
    # Near antipodes the haversine loses digits (arcsin is steep there): centimetres on 20,000 km.
    assert one(a, b, c, d) == pytest.approx(EARTH_RADIUS_KM * angle, abs=1e-3)
    assert one(a, b, c, d) == pytest.approx(one(c, d, a, b), abs=1e-9)
