"""Service areas as one Spark SQL expression; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from health_events import DEFAULT_AREA
from health_pipeline.settings import ServiceArea


def area_sql(areas: Sequence[ServiceArea], longitude: str = "longitude", latitude: str = "latitude") -> str:
    """An expression: the name of the first area whose polygon holds the point, else ``default``.

    A polygon's corners are [longitude, latitude] in degrees; its sides are straight in these, as on a map. By even-odd
    crossings, so polygons that share a side share no point of it, whichever way they are drawn.
    """
    cases = " ".join(f"WHEN {_is_inside(area, longitude, latitude)} THEN '{area.name}'" for area in areas)
    return f"CASE {cases} ELSE '{DEFAULT_AREA}' END" if areas else f"'{DEFAULT_AREA}'"


def _is_inside(area: ServiceArea, x: str, y: str) -> str:
    """Whether a ray to the east crosses an odd number of sides."""
    crossings = " + ".join(f"IF({condition}, 1, 0)" for condition in _crossings(area.polygon, x, y))
    return f"({crossings}) % 2 = 1"


def _crossings(polygon: Sequence[tuple[float, ...]], x: str, y: str) -> Iterator[str]:
    for (x1, y1), (x2, y2) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if y1 == y2:
            continue  # no ray to the east crosses it
        # The lower corner belongs to a side and the upper does not, so a corner is crossed once.
        low, high = min(y1, y2), max(y1, y2)
        at = f"{x1!r}D + ({y} - {y1!r}D) * {(x2 - x1) / (y2 - y1)!r}D"
        yield f"{y} >= {low!r}D AND {y} < {high!r}D AND {x} < {at}"
