"""Physiology: plausible for hours, abnormal only in episodes, and then for as long as an episode lasts."""

from __future__ import annotations

import numpy as np
import pytest
from health_simulator.chance import Floats
from health_simulator.city import City
from health_simulator.patients import Patients, Physiology
from hypothesis import given, settings
from hypothesis import strategies as st


def course(seed: int, seconds: int, physiology: Physiology, step: float = 1.0) -> tuple[Floats, Floats]:
    """Heart rate and SpO2 of 500 patients over time: two arrays, moments x patients."""
    patients = Patients(range(500), City(seed), physiology)
    heart, spo2 = [], []
    for moment in np.arange(0, seconds, step):
        patients.advance(float(moment))
        heart.append(patients.heart_rate)
        spo2.append(patients.spo2)
    return np.array(heart), np.array(spo2)


def scores_three(heart: Floats, spo2: Floats) -> np.ndarray:
    """Where NEWS2 gives 3 for a single sign."""
    return (heart <= 40) | (heart >= 131) | (spo2 <= 91)


@pytest.mark.parametrize("seed", [1, 7])
def test_without_episodes_nobody_is_ever_abnormal(seed: int) -> None:
    heart, spo2 = course(seed, 3600, Physiology(episodes_per_hour=0))
    assert not scores_three(heart, spo2).any()
    assert 60 < np.median(heart) < 90
    assert (np.median(spo2, axis=0) >= 94.5).all()
    assert np.ptp(heart, axis=0).max() > 30  # somebody has run


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10_000))
def test_vitals_change_as_bodies_do(seed: int) -> None:
    heart, spo2 = course(seed, 900, Physiology(episodes_per_hour=20))
    assert heart.min() >= 20
    assert heart.max() <= 200
    assert spo2.min() >= 75
    assert np.abs(np.diff(heart, axis=0)).max() < 45  # per second: the fastest onset is five seconds for 90 beats
    assert np.abs(np.diff(spo2, axis=0)).max() < 10


def test_episodes_of_each_kind_build_up_hold_and_pass() -> None:
    heart, spo2 = course(3, 3600, Physiology())
    for abnormal in (heart >= 131, heart <= 40, spo2 <= 91):
        assert abnormal.any()
        assert (abnormal.sum(axis=0) < 1200).all()
        assert abnormal[0].mean() < 0.02  # nearly everybody is well at the start
    three = scores_three(heart, spo2)
    begun = (three[30:] & ~three[:-30]).any(axis=0).sum()
    assert three.any(axis=0).sum() == begun
    assert 0.02 < three.mean() < 0.08


@pytest.mark.parametrize("seed", [1, 2, 3, 7])
def test_some_tens_of_a_thousand_are_in_need_within_a_minute(seed: int) -> None:
    blocks = [Patients(range(first, first + 500), City(seed)) for first in (0, 500)]
    need = np.zeros(1000, dtype=bool)
    for second in range(60):
        for block in blocks:
            block.advance(float(second))
        need |= np.concatenate([scores_three(block.heart_rate, block.spo2) for block in blocks])
    assert 15 <= need.sum() <= 60


def test_seldom_readings_are_as_plausible_as_frequent_ones() -> None:
    seldom_heart, seldom_spo2 = course(5, 400 * 300, Physiology(), step=300)
    often_heart, often_spo2 = course(5, 1200, Physiology())
    assert abs(np.median(seldom_heart) - np.median(often_heart)) < 4
    assert abs(np.median(seldom_spo2) - np.median(often_spo2)) < 0.5
