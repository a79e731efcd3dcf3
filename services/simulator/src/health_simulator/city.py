"""The city: a seeded grid of streets, ten by ten kilometres, laid over central London."""

from __future__ import annotations

import math

import numpy as np

from health_simulator import chance
from health_simulator.chance import Floats

CENTRE_LATITUDE, CENTRE_LONGITUDE = 51.5074, -0.1278
SIZE_KM = 10.0
EARTH_RADIUS_KM = 6371.0088  # mean radius of WGS 84
KM_PER_DEGREE = math.pi * EARTH_RADIUS_KM / 180
_KM_PER_DEGREE_EAST = KM_PER_DEGREE * math.cos(math.radians(CENTRE_LATITUDE))
_BLOCK_KM = (0.08, 0.25)
_DECIMALS = 6  # of a degree: 0.1 m

# Steps of the R2 sequence (M. Roberts, 2018): its points spread evenly over the unit square, however many are taken.
_PLASTIC = 1.32471795724474602596
_R2 = (1 / _PLASTIC, 1 / _PLASTIC**2)


class City:
    """Streets run north-south at ``streets_x`` and east-west at ``streets_y`` (km from the centre, east and north)."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        rng = chance.stream(seed, "city")
        self.streets_x, self.streets_y = _streets(rng), _streets(rng)
        self._shift = rng.random(2)

    def streets(self) -> list[list[tuple[float, float]]]:
        """Each street as a line: longitude and latitude of its ends."""
        edge = SIZE_KM / 2
        ends = [((x, -edge), (x, edge)) for x in self.streets_x] + [((-edge, y), (edge, y)) for y in self.streets_y]
        x, y = np.array(ends).transpose(2, 0, 1)
        latitude, longitude = self.degrees(x, y)
        return [list(zip(*line, strict=True)) for line in zip(longitude.tolist(), latitude.tolist(), strict=True)]

    def crossing(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """The crossing nearest to each point; points outside get one at the edge."""
        return _nearest(self.streets_x, x), _nearest(self.streets_y, y)

    def spread(self, numbers: range) -> tuple[Floats, Floats]:
        """A crossing for each number, such that any run of numbers covers the city evenly."""
        steps = np.arange(numbers.start, numbers.stop)
        along = [
            (shift + steps * step) % 1 * SIZE_KM - SIZE_KM / 2 for shift, step in zip(self._shift, _R2, strict=True)
        ]
        return self.crossing(*along)

    def degrees(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Latitude and longitude of points in kilometres."""
        latitude = CENTRE_LATITUDE + y / KM_PER_DEGREE
        longitude = CENTRE_LONGITUDE + x / _KM_PER_DEGREE_EAST
        return latitude.round(_DECIMALS), longitude.round(_DECIMALS)

    def kilometres(self, latitude: float, longitude: float) -> tuple[float, float]:
        """Kilometres east and north of the centre."""
        x = (longitude - CENTRE_LONGITUDE) * _KM_PER_DEGREE_EAST
        return x, (latitude - CENTRE_LATITUDE) * KM_PER_DEGREE


def anywhere(rng: np.random.Generator, count: int) -> tuple[Floats, Floats]:
    """Points drawn evenly from the whole city, in kilometres."""
    x, y = rng.uniform(-SIZE_KM / 2, SIZE_KM / 2, (2, count))
    return x, y


def _streets(rng: np.random.Generator) -> Floats:
    """Where the parallel streets lie, in order, from one edge of the city to the other."""
    gaps = rng.uniform(*_BLOCK_KM, math.ceil(SIZE_KM / _BLOCK_KM[0]))
    places = np.cumsum(gaps) - SIZE_KM / 2
    return places[places < SIZE_KM / 2]


def _nearest(streets: Floats, places: Floats) -> Floats:
    after = np.clip(np.searchsorted(streets, places), 1, len(streets) - 1)
    before = after - 1
    return np.where(places - streets[before] <= streets[after] - places, streets[before], streets[after])
