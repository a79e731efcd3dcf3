"""Patients: what their watches measure, and why.

Heart rate is a baseline, a response to activity and short noise; oxygen saturation a baseline that falls a little with
age, and noise. Now and then an episode of tachycardia, bradycardia or hypoxia builds up, holds and passes. Sources:
resting heart rate of adults 60-100/min (American Heart Association), greatest heart rate 208 - 0.7 x age (Tanaka et
al., 2001), normal saturation 95-100 % (WHO pulse oximetry manual), and for what is abnormal NEWS2 (Royal College of
Physicians, 2017). Episodes are far more frequent than in any real population, so that a demo has something to see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from health_simulator import chance
from health_simulator.chance import Floats
from health_simulator.city import City, anywhere

_ACTIVITIES = ("resting", "walking", "running", "sleeping")
_RESTING, _WALKING, _RUNNING, _SLEEPING = range(4)
_WEIGHTS = np.array([0.62, 0.25, 0.03, 0.1])
_MEAN_SECONDS = np.array([600.0, 400.0, 500.0, 2400.0])
# Part of the reserve (greatest minus resting rate) that each activity uses; asleep the heart is a little slower.
_EFFORT = np.array([0.0, 0.2, 0.42, -0.05])
_HIGHEST_NORMAL = 118.0  # even a runner stays well under NEWS2's 131
_OLDEST_RUNNER = 70
_RESPONSE_S = 35.0  # time constant of heart rate kinetics
_HEART_NOISE, _HEART_NOISE_S = 2.0, 10.0
_SPO2_NOISE, _SPO2_NOISE_S = 0.4, 20.0
_STRAY_KM, _STRAY_S = 0.15, 300.0

_NONE, _TACHYCARDIA, _BRADYCARDIA, _HYPOXIA = range(4)
_KIND_WEIGHTS = np.array([0.4, 0.25, 0.35])
_LOW = np.array([0.0, 138.0, 27.0, 81.0])  # what an episode reaches, at least and at most: NEWS2 score 3, each of them
_HIGH = np.array([0.0, 175.0, 35.0, 89.0])
_RISE_S, _HOLD_S, _FALL_S = (5, 40), (20, 60), (20, 60)
_HYPOXIC_RISE = 12.0  # the heart makes up for a lack of oxygen
_BEFORE_S = 15.0  # life before the first reading: a few fall ill already, so that a demo need not wait for the first


@dataclass(frozen=True)
class Physiology:
    """What can be chosen about patients.

    With three episodes per patient and hour, of 1,000 patients some 30 are in a state that NEWS2 scores 3 at least once
    in the first minute, and more in each further one.
    """

    episodes_per_hour: float = 3.0


class Patients:
    """A block of patients, all advanced at once. Everybody was well a quarter of a minute before the start."""

    def __init__(self, ids: range, city: City, physiology: Physiology | None = None) -> None:
        self._city, self._physiology = city, physiology or Physiology()
        self._rng = rng = chance.stream(city.seed, "vitals", ids.start)
        self._at_s, count = -_BEFORE_S, len(ids)
        self._ids = [f"patient-{number:06}" for number in ids]
        self._devices = [f"watch-{number:06}" for number in ids]
        self._home_x, self._home_y = anywhere(rng, count)
        self._stray: Floats = np.zeros((2, count))
        age = rng.uniform(18, 92, count)
        self._base_heart = rng.normal(72, 7, count).clip(60, 90)
        self._base_spo2 = (98.6 - 0.02 * (age - 18) + rng.normal(0, 0.5, count)).clip(95.5, 99.5)
        self._reserve = 208 - 0.7 * age - self._base_heart
        self._can_run = age < _OLDEST_RUNNER
        self._activity = self._choose_activity(np.arange(count))
        self._level = self._heart_target()
        self._noise: Floats = np.zeros((2, count))
        self._kind = np.full(count, _NONE)
        self._began, self._rise, self._hold, self._fall, self._extreme = np.zeros((5, count))
        self.heart_rate, self.spo2 = self._level.copy(), self._base_spo2.copy()

    def advance(self, at_s: float) -> None:
        """Go on to that moment."""
        dt_s, self._at_s = at_s - self._at_s, at_s
        self._change_activity(dt_s)
        self._change_episodes(dt_s, at_s)
        self._level += (self._heart_target() - self._level) * chance.share(dt_s, _RESPONSE_S)
        moving = (self._activity == _WALKING) | (self._activity == _RUNNING)
        strayed = chance.wander(self._rng, self._stray, dt_s, _STRAY_S, _STRAY_KM)
        self._stray = np.where(moving, strayed, self._stray)
        self._noise[0] = chance.wander(self._rng, self._noise[0], dt_s, _HEART_NOISE_S, _HEART_NOISE)
        self._noise[1] = chance.wander(self._rng, self._noise[1], dt_s, _SPO2_NOISE_S, _SPO2_NOISE)
        self._measure(at_s)

    def columns(self, part: slice) -> dict[str, list[Any]]:
        """The readings of some of the patients' watches."""
        x, y = self._home_x[part] + self._stray[0, part], self._home_y[part] + self._stray[1, part]
        latitude, longitude = self._city.degrees(x, y)
        return {
            "entity_id": self._ids[part],
            "latitude": latitude.tolist(),
            "longitude": longitude.tolist(),
            "device_id": self._devices[part],
            "heart_rate": self.heart_rate[part].tolist(),
            "spo2": self.spo2[part].tolist(),
            "activity": [_ACTIVITIES[activity] for activity in self._activity[part].tolist()],
        }

    def _measure(self, at_s: float) -> None:
        depth = self._depth(at_s)
        on_heart = (self._kind == _TACHYCARDIA) | (self._kind == _BRADYCARDIA)
        hypoxic = self._kind == _HYPOXIA
        heart = self._level + np.where(on_heart, depth * (self._extreme - self._level), 0.0)
        heart += np.where(hypoxic, depth * _HYPOXIC_RISE, 0.0)
        spo2 = self._base_spo2 + np.where(hypoxic, depth * (self._extreme - self._base_spo2), 0.0)
        self.heart_rate = (heart + self._noise[0]).clip(20, 220).round(1)
        self.spo2 = (spo2 + self._noise[1]).clip(60, 100).round(1)

    def _depth(self, at_s: float) -> Floats:
        """How far into its episode each one is: 0 well, 1 at the worst. Smooth, as bodies are."""
        busy = self._kind != _NONE
        since = at_s - self._began
        rising = np.divide(since, self._rise, out=np.zeros_like(since), where=busy).clip(0, 1)
        passed = since - self._rise - self._hold
        falling = np.divide(passed, self._fall, out=np.zeros_like(since), where=busy).clip(0, 1)
        depth: Floats = rising - falling
        return depth * depth * (3 - 2 * depth)

    def _change_episodes(self, dt_s: float, at_s: float) -> None:
        over = at_s - self._began >= self._rise + self._hold + self._fall
        self._kind[over] = _NONE
        per_second = self._physiology.episodes_per_hour / 3600
        starts = self._rng.random(len(self._kind)) < -np.expm1(-per_second * dt_s)
        who = np.flatnonzero(starts & (self._kind == _NONE))
        if not len(who):
            return
        kind = 1 + self._rng.choice(len(_KIND_WEIGHTS), len(who), p=_KIND_WEIGHTS)
        self._kind[who] = kind
        self._began[who] = at_s - self._rng.uniform(0, dt_s, len(who))
        for column, bounds in ((self._rise, _RISE_S), (self._hold, _HOLD_S), (self._fall, _FALL_S)):
            column[who] = self._rng.uniform(*bounds, len(who))
        self._extreme[who] = self._rng.uniform(_LOW[kind], _HIGH[kind])
        self._activity[who] = _RESTING  # who feels ill sits down

    def _change_activity(self, dt_s: float) -> None:
        ends = self._rng.random(len(self._activity)) < -np.expm1(-dt_s / _MEAN_SECONDS[self._activity])
        who = np.flatnonzero(ends & (self._kind == _NONE))
        self._activity[who] = self._choose_activity(who)

    def _choose_activity(self, who: NDArray[np.intp]) -> NDArray[np.int64]:
        chosen = self._rng.choice(len(_ACTIVITIES), len(who), p=_WEIGHTS)
        too_old = (chosen == _RUNNING) & ~self._can_run[who]
        return np.where(too_old, _WALKING, chosen)

    def _heart_target(self) -> Floats:
        target: Floats = self._base_heart + _EFFORT[self._activity] * self._reserve
        return target.clip(50, _HIGHEST_NORMAL)
