"""What the dispatches topic asks of vehicles."""

from __future__ import annotations

import pytest
from health_events import encode
from health_simulator.orders import read_command, still_open
from health_simulator.vehicles import Order, Release

DISPATCHED = {"outcome": "dispatched", "vehicle_id": "v1", "dispatch_id": "d1", "latitude": 51.5, "longitude": 0}


def test_dispatches_and_releases_are_commands() -> None:
    assert read_command(encode(DISPATCHED)) == Order("v1", "d1", 51.5, 0.0)
    assert read_command(encode(DISPATCHED | {"outcome": "released"})) == Release("v1", "d1")


@pytest.mark.parametrize(
    "payload",
    [
        None,
        b"",
        b"null",
        b"[]",
        b"\xff",
        encode(DISPATCHED | {"outcome": "unassigned", "vehicle_id": None}),
        encode(DISPATCHED | {"outcome": "suppressed"}),
        encode({"outcome": "dispatched"}),
        encode(DISPATCHED | {"latitude": "north"}),
    ],
)
def test_anything_else_is_none(payload: bytes | None) -> None:
    assert read_command(payload) is None


def test_only_open_orders_matter_after_a_restart() -> None:
    first, second, other = Order("v1", "d1", 1, 1), Order("v1", "d2", 2, 2), Order("v2", "d3", 3, 3)
    assert still_open([first, Release("v1", "d1"), second, other, Release("v2", "d0")]) == [second, other]
    assert still_open([first, second, Release("v1", "d1")]) == [second]
    assert still_open([first, Release("v1", "d1")]) == []
