"""Distance on the Earth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Mean radius R1 of WGS 84, (2a + b) / 3, in the International Union of Geodesy and Geophysics' sense (Moritz, Geodetic
# Reference System 1980). A sphere of it errs by at most 0.56 %: 56 m on a dispatch of 10 km.
EARTH_RADIUS_KM = 6371.0088

Floats = NDArray[np.float64]


def haversine_km(latitude: float, longitude: float, latitudes: Floats, longitudes: Floats) -> Floats:
    """Great circle distance in km from one point to each of n points; degrees in, shape (n,) out."""
    phi, phis = np.radians(latitude), np.radians(latitudes)
    half_dphi = (phis - phi) / 2
    half_dlambda = np.radians(longitudes - longitude) / 2
    chord = np.sin(half_dphi) ** 2 + np.cos(phi) * np.cos(phis) * np.sin(half_dlambda) ** 2
    # Rounding can lift the chord of antipodes over 1, where arcsin ends.
    distance: Floats = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(chord, 1.0)))
    return distance
