"""A source's entities, visited one after the other, so that each one's readings come at even intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from health_events import CAMERAS, EMERGENCIES, GPS, VEHICLES, VITALS, WEATHER
from health_pipeline.settings import ServiceArea

from health_simulator.city import City
from health_simulator.incidents import Incidents
from health_simulator.patients import Patients
from health_simulator.traffic import Cameras, Trackers
from health_simulator.vehicles import Vehicles
from health_simulator.weather import Stations, Weather

# Entities are advanced in blocks: large enough for numpy to pay, small enough to be done between two ticks.
BLOCK = 1024

Columns = dict[str, list[Any]]


class Model(Protocol):
    """A block of entities of one kind."""

    def advance(self, at_s: float) -> None:
        """Go on to that moment of simulated time; called with moments that never go back."""

    def columns(self, part: slice) -> Columns:
        """What some of them report now: fields of the contract, ``entity_id`` first, without id, source and time."""


class Population:
    """All entities of a source. Reading number ``n`` is entity ``n % entities``'s, at ``n / rate`` seconds."""

    def __init__(self, make: Callable[[range], Model], entities: int, rate: float) -> None:
        self._make, self._entities, self._rate = make, entities, rate
        self._blocks: dict[int, Model] = {}

    def block(self, index: int) -> Model:
        """That block, made when it is first needed."""
        if index not in self._blocks:
            first = index * BLOCK
            self._blocks[index] = self._make(range(first, min(first + BLOCK, self._entities)))
        return self._blocks[index]

    def readings(self, first: int, count: int) -> Iterator[Columns]:
        """The readings from number ``first`` on, in order, in as many pieces as they touch blocks.

        They have to be asked for in order, each once; how many at a time makes no difference to what they say.
        """
        end = first + count
        while first < end:
            entity = first % self._entities
            index, place = divmod(entity, BLOCK)
            block = self.block(index)
            if place == 0:
                block.advance(first / self._rate)
            stop = min(place + end - first, BLOCK, self._entities - index * BLOCK)
            yield block.columns(slice(place, stop))
            first += stop - place

    def __len__(self) -> int:
        return self._entities


def population(source: str, entities: int, rate: float, seed: int, areas: Sequence[ServiceArea] = ()) -> Population:
    """The entities of a source of the contract. Sources with the same seed share one city and one weather.

    Vehicles belong to ``areas``.
    """
    city, weather = City(seed), Weather(seed)
    makers: dict[str, Callable[[range], Model]] = {
        VITALS.name: lambda ids: Patients(ids, city),
        VEHICLES.name: lambda ids: Vehicles(ids, city, weather, areas),
        GPS.name: lambda ids: Trackers(ids, city, weather),
        CAMERAS.name: lambda ids: Cameras(ids, city, weather),
        WEATHER.name: lambda ids: Stations(ids, city, weather),
        EMERGENCIES.name: lambda ids: Incidents(ids, city, weather),
    }
    return Population(makers[source], entities, rate)
