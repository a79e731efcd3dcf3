"""The city: what belongs together does."""

from __future__ import annotations

import numpy as np
import pytest
from health_simulator.chance import stream
from health_simulator.city import SIZE_KM, City, anywhere
from health_simulator.incidents import Incidents
from health_simulator.roads import Drivers
from health_simulator.traffic import Cameras
from health_simulator.weather import Stations, Weather, condition
from hypothesis import given, settings
from hypothesis import strategies as st

DAY_S = 24 * 3600


@given(st.integers(0, 2**32), st.floats(-5, 5), st.floats(-5, 5))
def test_degrees_and_kilometres_agree(seed: int, x: float, y: float) -> None:
    city = City(seed)
    latitude, longitude = city.degrees(np.array([x]), np.array([y]))
    assert city.kilometres(float(latitude[0]), float(longitude[0])) == pytest.approx((x, y), abs=2e-4)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.floats(0, 3), min_size=1, max_size=40))
def test_drivers_keep_to_the_streets_and_arrive(seed: int, steps: list[float]) -> None:
    city, rng = City(seed), stream(seed, "test")
    drivers = Drivers(city, *city.crossing(*anywhere(rng, 20)))
    for step in steps:
        before = drivers.x.copy(), drivers.y.copy()
        if rng.random() < 0.3:
            drivers.send(np.arange(0, 20, 2), *anywhere(rng, 10))
        driven = drivers.advance(np.full(20, step))
        assert (np.isin(drivers.x, city.streets_x) | np.isin(drivers.y, city.streets_y)).all()
        moved = np.abs(drivers.x - before[0]) + np.abs(drivers.y - before[1])
        np.testing.assert_allclose(moved, driven, atol=1e-9)
        assert (driven <= step + 1e-12).all()
    drivers.advance(np.full(20, 4 * SIZE_KM))
    assert drivers.arrived.all()


def test_rain_comes_with_wind_slow_roads_and_more_incidents() -> None:
    weather, sky = Weather(7), [Weather(7).at(moment) for moment in range(0, 5 * DAY_S, 600)]
    fine, stormy = [s for s in sky if s.storminess == 0], [s for s in sky if s.storminess > 0.5]
    assert min(s.wind_kmh for s in stormy) > max(s.wind_kmh for s in fine)
    assert max(s.road_speed for s in stormy) < min(s.road_speed for s in fine) == 1
    incidents, fresh_fine, fresh_stormy, before = Incidents(range(60), City(7), weather), [], [], set()
    for moment in range(0, 2 * DAY_S, 600):
        incidents.advance(float(moment))
        now = set(incidents.columns(slice(0, 60))["entity_id"])
        storminess = weather.at(moment).storminess
        if storminess == 0:
            fresh_fine.append(len(now - before))
        elif storminess > 0.5:
            fresh_stormy.append(len(now - before))
        before = now
    assert np.mean(fresh_stormy) > 1.15 * np.mean(fresh_fine)


def test_everybody_sees_the_same_incidents() -> None:
    often, seldom = (Incidents(range(30), City(3), Weather(3)) for _ in range(2))
    for moment in range(0, 7200, 7):
        often.advance(float(moment))
    seldom.advance(float(moment))
    assert often.columns(slice(0, 30)) == seldom.columns(slice(0, 30))


def test_an_accident_slows_the_traffic_past_cameras_nearby() -> None:
    cameras = Cameras(range(200), City(7), Weather(7))
    near, far = [], []
    for moment in range(0, 7200, 60):
        cameras.advance(float(moment))
        jam = cameras.jam()
        near += cameras.speed[jam > 0.6].tolist()
        far += cameras.speed[jam < 0.05].tolist()
    assert len(near) > 50
    assert np.mean(near) < 0.6 * np.mean(far)


def test_stations_call_the_weather_by_its_name() -> None:
    stations = Stations(range(8), City(7), Weather(7))
    for moment in range(0, DAY_S, 900):
        stations.advance(float(moment))
        said = stations.columns(slice(0, 8))
        wet = [rain > 0 for rain in said["precipitation_mm_h"]]
        assert wet == [word in ("rain", "storm", "snow") for word in said["condition"]]
    assert condition(-3, 90, 20, 2.0) == "snow"
    assert condition(15, 98, 4, 0.0) == "fog"
    assert condition(15, 60, 60, 12.0) == "storm"
