"""Seeded randomness: every part of the city draws from a stream of its own, so that none disturbs another."""

from __future__ import annotations

import math
import zlib

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def stream(seed: int, *key: int | str) -> np.random.Generator:
    """The random stream of that seed and key; the same ones always give the same stream."""
    words = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in key]
    return np.random.default_rng([seed, *words])


def wander(rng: np.random.Generator, state: Floats, dt_s: float, tau_s: float, deviation: float) -> Floats:
    """The next values of first-order autoregressive noise around 0.

    Exact for any ``dt_s``: its standard deviation is ``deviation`` and its memory fades with ``tau_s``.
    """
    keep = math.exp(-dt_s / tau_s)
    return keep * state + math.sqrt(1 - keep * keep) * deviation * rng.standard_normal(state.shape)


def share(dt_s: float, tau_s: float) -> float:
    """How much of the way to its target a first-order response goes in ``dt_s``; also the chance that something that
    happens once in ``tau_s`` on average happens within ``dt_s``."""
    return -math.expm1(-dt_s / tau_s)
