"""Vehicles: an order is taken, driven to, served, and its vehicle comes back free."""

from __future__ import annotations

from typing import Any

import numpy as np
from health_pipeline.settings import ServiceArea
from health_simulator.city import City
from health_simulator.patients import Patients
from health_simulator.population import BLOCK, population
from health_simulator.server import command
from health_simulator.vehicles import Order, Release, Vehicles
from health_simulator.weather import Weather

NOW_MS = 1_790_000_000_000


def fleet(count: int = 60, seed: int = 7) -> Vehicles:
    return Vehicles(range(count), City(seed), Weather(seed))


def report(vehicles: Vehicles, place: int) -> dict[str, Any]:
    return {name: values[0] for name, values in vehicles.columns(slice(place, place + 1)).items()}


def story(vehicles: Vehicles, place: int, first: int, last: int) -> list[dict[str, Any]]:
    """The vehicle's reports, one a second."""
    told = []
    for second in range(first, last):
        vehicles.advance(float(second))
        told.append(report(vehicles, place))
    return told


def km(one: dict[str, Any], latitude: float, longitude: float) -> float:
    x, y = City(7).kilometres(one["latitude"] - latitude + 51.5074, one["longitude"] - longitude - 0.1278)
    return float(np.hypot(x, y))


def test_order_is_driven_to_served_and_left_free() -> None:
    vehicles = fleet()
    before = story(vehicles, 5, 0, 10)[-1]
    assert before["status"] == "idle"
    assert before["dispatch_id"] is None
    latitude = before["latitude"] - np.copysign(0.02, before["latitude"] - 51.5074)  # towards the centre
    longitude = before["longitude"] - np.copysign(0.02, before["longitude"] + 0.1278)
    vehicles.order(5, Order("vehicle-000005", "d1", latitude, longitude), NOW_MS)
    assert report(vehicles, 5)["status"] == "dispatched"  # at once, not only when it moves
    told = story(vehicles, 5, 10, 700)
    statuses = [one["status"] for one in told]
    order = [status for number, status in enumerate(statuses) if number == 0 or statuses[number - 1] != status]
    assert order == ["dispatched", "on_scene", "returning", "idle"]
    assert {one["dispatch_id"] for one in told} == {"d1"}
    assert {one["dispatched_at"] for one in told} == {NOW_MS}
    scene = [one for one in told if one["status"] == "on_scene"]
    assert 19 <= len(scene) <= 41
    assert all(km(one, latitude, longitude) < 0.3 and one["speed_kmh"] == 0 for one in scene)
    assert 2.5 / 75 * 3600 < statuses.count("dispatched") < 4.5 / 55 * 3600
    assert all(55 <= one["speed_kmh"] <= 75 for one in told if one["status"] == "dispatched" and one["speed_kmh"])


def test_newest_order_counts_and_none_is_taken_twice() -> None:
    vehicles = fleet()
    story(vehicles, 0, 0, 5)
    vehicles.order(0, Order("vehicle-000000", "d1", 51.5, -0.12), NOW_MS)
    vehicles.order(0, Order("vehicle-000000", "d2", 51.52, -0.11), NOW_MS + 1)
    vehicles.release(0, Release("vehicle-000000", "d1"))  # of the old one: nothing to it any more
    told = story(vehicles, 0, 5, 900)
    assert told[0]["status"] == "dispatched"
    assert told[-1]["status"] == "idle"
    vehicles.order(0, Order("vehicle-000000", "d2", 51.52, -0.11), NOW_MS + 2)
    assert report(vehicles, 0)["status"] == "idle"
    assert report(vehicles, 0)["dispatched_at"] == NOW_MS + 1


def test_release_frees_a_vehicle_on_its_way() -> None:
    vehicles = fleet()
    story(vehicles, 0, 0, 5)
    vehicles.order(0, Order("vehicle-000000", "d1", 51.55, -0.19), NOW_MS)
    story(vehicles, 0, 5, 10)
    vehicles.release(0, Release("vehicle-000000", "d1"))
    freed = report(vehicles, 0)
    assert (freed["status"], freed["dispatch_id"]) == ("idle", "d1")


def test_idle_vehicles_move_plausibly_and_stay_near_their_base() -> None:
    vehicles = fleet()
    start = [report(vehicles, place) for place in range(60)]
    driven = 0.0
    for second in range(1200):
        vehicles.advance(float(second))
        told = vehicles.columns(slice(0, 60))
        assert set(told["status"]) == {"idle"}
        assert max(told["speed_kmh"]) <= 38
        driven += sum(told["speed_kmh"]) / 3600
    assert 0.5 < driven / 60 < 10
    ends = [report(vehicles, place) for place in range(60)]
    assert max(km(end, one["latitude"], one["longitude"]) for one, end in zip(start, ends, strict=True)) < 2


def test_most_patients_have_a_vehicle_within_five_kilometres() -> None:
    for seed in range(10):
        vehicles = fleet(60, seed).columns(slice(0, 60))
        patients = Patients(range(500), City(seed)).columns(slice(0, 500))
        places = [np.array([told["longitude"], told["latitude"]]).T * (69.2, 111.2) for told in (patients, vehicles)]
        distances = np.linalg.norm(places[0][:, None] - places[1], axis=2)
        assert (distances < 5).sum(axis=1).min() >= 5
        assert distances.min(axis=1).max() < 2


def test_commands_find_their_vehicle_in_any_block_and_pass_strangers_by() -> None:
    vehicles = population("vehicles", BLOCK + 10, 1000.0, 7)
    number = BLOCK + 3
    command(vehicles, [Order("car-1", "d0", 51.5, -0.1), Order(f"vehicle-{number:06}", "d1", 51.5, -0.1)])
    told = list(vehicles.readings(0, BLOCK + 10))
    assert set(told[0]["status"]) == {"idle"}
    assert [status for status in told[1]["status"] if status != "idle"] == ["dispatched"]
    assert told[1]["dispatch_id"][3] == "d1"
    command(vehicles, [Release(f"vehicle-{number:06}", "d1")])
    (first, second) = vehicles.readings(BLOCK + 10, BLOCK + 10)
    assert set(first["status"]) == set(second["status"]) == {"idle"}


def test_a_vehicle_belongs_to_the_area_of_its_base_wherever_it_drives() -> None:
    west = ServiceArea(name="west", polygon=((-1, 51), (-0.15, 51), (-0.15, 52), (-1, 52)))
    east = ServiceArea(name="east", polygon=((-0.12, 51), (1, 51), (1, 52), (-0.12, 52)))
    vehicles = Vehicles(range(60), City(7), Weather(7), [west, east])
    at_home = vehicles.columns(slice(0, 60))
    wanted = [
        "west" if longitude < -0.15 else "east" if longitude > -0.12 else None for longitude in at_home["longitude"]
    ]
    assert at_home["area"] == wanted
    assert set(wanted) == {"west", "east", None}
    place = wanted.index("west")
    vehicles.order(place, Order(f"vehicle-{place:06}", "d1", 51.5074, -0.07), NOW_MS)
    story(vehicles, place, 0, 600)
    assert report(vehicles, place)["longitude"] > -0.12
    assert vehicles.columns(slice(0, 60))["area"] == wanted
