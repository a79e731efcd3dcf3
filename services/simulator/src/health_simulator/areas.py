"""Which service area a place is in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from health_pipeline.settings import ServiceArea
from numpy.typing import NDArray

from health_simulator.chance import Floats


def areas_of(areas: Sequence[ServiceArea], longitude: Floats, latitude: Floats) -> list[str | None]:
    """The name of the first area that holds each point, None where none does; as the alerts see it for patients."""
    found: list[str | None] = [None] * len(longitude)
    for area in reversed(areas):
        for place in np.flatnonzero(_is_inside(area.polygon, longitude, latitude)).tolist():
            found[place] = area.name
    return found


def _is_inside(polygon: Sequence[tuple[float, ...]], x: Floats, y: Floats) -> NDArray[np.bool_]:
    """Whether a ray to the east crosses an odd number of sides; a side holds its lower corner and not its upper."""
    inside = np.zeros(len(x), np.bool_)
    for (x1, y1), (x2, y2) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if y1 != y2:  # no ray to the east crosses a side that lies along it
            at = x1 + (y - y1) * ((x2 - x1) / (y2 - y1))
            inside ^= (y >= min(y1, y2)) & (y < max(y1, y2)) & (x < at)
    return inside
