"""The city's weather: one slow, smooth story for a seed, so that rain, roads and incidents agree."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from health_simulator import chance
from health_simulator.chance import Floats
from health_simulator.city import City

_PERIODS_S = (40 * 60, 95 * 60, 170 * 60)  # of the fronts that pass
_WEIGHTS = (0.25, 0.35, 0.4)
_DAY_S = 24 * 3600
_HEAVY_RAIN_MM_H, _STORM_WIND_KMH = 7.6, 45.0  # heavy rain: Met Office, more than 4-8 mm/h


@dataclass(frozen=True)
class Sky:
    """The weather over the city at one moment. ``storminess`` goes from 0 (fine) to 1 (storm)."""

    temperature_c: float
    humidity_percent: float
    wind_kmh: float
    precipitation_mm_h: float
    storminess: float

    @property
    def road_speed(self) -> float:
        """Speed on the roads as a part of a fine day's; heavy rain takes up to a third of it."""
        return 1 - 0.35 * min(1.0, self.precipitation_mm_h / 10)


class Weather:
    """``at`` is a pure function of seed and moment, so every source of a city sees the same sky."""

    def __init__(self, seed: int) -> None:
        rng = chance.stream(seed, "weather")
        self._phases = rng.uniform(0, math.tau, len(_PERIODS_S)).tolist()
        self._mean_c = float(rng.uniform(2, 20))

    def at(self, at_s: float) -> Sky:
        """The sky so many seconds after the start; the first morning begins at eight."""
        waves = zip(_WEIGHTS, _PERIODS_S, self._phases, strict=True)
        low = sum(weight * math.sin(math.tau * at_s / period + phase) for weight, period, phase in waves)
        storminess = min(1.0, max(0.0, (low - 0.1) / 0.8))
        afternoon = math.sin(math.tau * at_s / _DAY_S - math.tau / 24)
        return Sky(
            temperature_c=self._mean_c + 4 * afternoon - 4 * storminess,
            humidity_percent=min(100.0, 65 + 30 * low),
            wind_kmh=12 + 5 * low + 50 * storminess,
            precipitation_mm_h=20 * storminess**1.5,
            storminess=storminess,
        )


class Stations:
    """Weather stations: the city's sky, a little different at each."""

    def __init__(self, ids: range, city: City, weather: Weather) -> None:
        self._rng = chance.stream(city.seed, "weather", ids.start)
        self._weather = weather
        self._sky = weather.at(0)
        self._at_s = 0.0
        count = len(ids)
        latitude, longitude = city.degrees(*city.spread(ids))
        self._latitude, self._longitude = latitude.tolist(), longitude.tolist()
        self._ids = [f"station-{number:06}" for number in ids]
        self._warmer = self._rng.normal(0, 0.8, count)
        self._windier = self._rng.uniform(0.8, 1.3, count)
        self._dirtier = self._rng.uniform(10, 60, count)
        self._noise: Floats = np.zeros((4, count))

    def advance(self, at_s: float) -> None:
        """Go on to that moment."""
        self._noise = chance.wander(self._rng, self._noise, at_s - self._at_s, 600, 1.0)
        self._sky = self._weather.at(at_s)
        self._at_s = at_s

    def columns(self, part: slice) -> dict[str, list[Any]]:
        """The observations of some of the stations."""
        sky, noise = self._sky, self._noise[:, part]
        temperature = (sky.temperature_c + self._warmer[part] + 0.3 * noise[0]).round(1).tolist()
        humidity = np.clip(sky.humidity_percent + 2 * noise[1], 5, 100).round(1).tolist()
        wind = np.maximum(0, sky.wind_kmh * self._windier[part] + 2 * noise[2]).round(1).tolist()
        rain = np.maximum(0, sky.precipitation_mm_h * (1 + 0.1 * noise[3])).round(1).tolist()
        # Rain washes the air and wind carries the dirt away.
        air = (self._dirtier[part] * (1 - 0.6 * sky.storminess) + 3 * noise[1]).clip(1, 500).round().astype(int)
        return {
            "entity_id": self._ids[part],
            "latitude": self._latitude[part],
            "longitude": self._longitude[part],
            "temperature_c": temperature,
            "humidity_percent": humidity,
            "wind_kmh": wind,
            "precipitation_mm_h": rain,
            "condition": [condition(*seen) for seen in zip(temperature, humidity, wind, rain, strict=True)],
            "air_quality_index": air.tolist(),
        }


def condition(temperature_c: float, humidity_percent: float, wind_kmh: float, precipitation_mm_h: float) -> str:
    """The weather in a word of the contract."""
    if precipitation_mm_h >= 0.1:  # noqa: PLR2004 (what a rain gauge can tell from nothing)
        if temperature_c <= 1:
            return "snow"
        return "storm" if precipitation_mm_h >= _HEAVY_RAIN_MM_H and wind_kmh >= _STORM_WIND_KMH else "rain"
    if humidity_percent >= 95 and wind_kmh < 10:  # noqa: PLR2004 (still and saturated)
        return "fog"
    return "cloudy" if humidity_percent >= 65 else "clear"  # noqa: PLR2004
