"""The page of the pipeline's health, from what components say."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from health_console.flow import Flow
from health_console.health import KafkaState, Limits, headline, stages
from health_console.history import KEPT, History, Sample
from health_console.latencies import LATE_MS, WINDOW_MS, Latencies
from health_lag.readings import Histogram, Readings
from hypothesis import given
from hypothesis import strategies as st

LIMITS = Limits(alert_latency_ms=250, lag_s=30, freshness_s=60)
KAFKA = KafkaState(("p.vitals",))


def producer(events: float, lag_s: float = 0.5) -> Readings:
    return Readings(produced={"vitals": events}, dead_lettered={"vitals": 2}, source_lag_s={"vitals": lag_s})


def landing(rows: float, lag_s: float) -> Readings:
    return Readings(rows_landed=rows, landing_lag={"p.vitals": 70, "p.dead-letters": 0},
                    landing_lag_s={"p.vitals": lag_s, "p.dead-letters": 0}, freshness_s={"vitals": 9})  # fmt: skip


def shown(
    *samples: dict[str, Readings | None],
    slo: dict[str, Any] | None = None,
    rates: dict[str, float | None] | None = None,
    outcomes: dict[str, int] | None = None,
) -> dict[str, dict[str, Any]]:
    history = History()
    for number, readings in enumerate(samples):
        history.add(Sample(2.0 * number, readings, rates or {}))
    found = stages(history, slo or {}, KAFKA, outcomes or {}, LIMITS)
    json.dumps(found, allow_nan=False)
    return {stage["name"]: stage for stage in found}


def test_stages_are_in_the_order_of_the_path_whatever_is_known() -> None:
    order = ["sources", "kafka", "landing", "alerts", "dispatch", "transform", "watcher"]
    assert list(shown()) == order
    assert list(shown({"landing": None, "producer-vitals": producer(1)})) == order


def test_rates_and_lag_of_sources_and_landing() -> None:
    found = shown({"producer-vitals": producer(100), "landing": landing(50, 4)},
                  {"producer-vitals": producer(300), "landing": landing(150, 6)})  # fmt: skip
    assert found["sources"]["rate"]["value"] == 100
    assert [cell["value"] for cell in found["sources"]["table"]["rows"][0][1:]] == [100, 0.5, 2]
    assert found["landing"]["rate"]["value"] == 50
    assert found["landing"]["behind"] == {"label": "Behind", "value": 6, "unit": "s", "most": 30, "holds": True}
    rows = {row[0]: [cell["value"] for cell in row[1:]] for row in found["landing"]["table"]["rows"]}
    assert rows == {"vitals": [70, 6, 9], "dead_letters": [0, 0, None]}
    assert found["sources"]["state"] == found["landing"]["state"] == "up"


def test_a_stage_that_is_behind_or_silent_says_so() -> None:
    found = shown({"producer-vitals": None, "producer-gps": producer(1), "landing": landing(1, 31)})
    assert (found["sources"]["state"], found["sources"]["note"]) == ("down", "no answer from producer-vitals")
    assert found["landing"]["state"] == "behind"
    assert (found["dispatch"]["state"], found["transform"]["state"], found["watcher"]["state"]) == (
        "absent", "scheduled", "down",
    )  # fmt: skip


def test_a_stage_that_answers_and_is_stuck_is_behind() -> None:
    """Only the watcher knows how far these are: they are asked nothing that would tell."""
    answering: dict[str, Readings | None] = {
        name: Readings() for name in ("landing", "alerts", "dispatch", "transform")
    }
    stuck = shown(answering, slo={"lags": {"landing": 31.0, "alerts": 30.5, "dispatch": 300, "transform": 4000.0}})
    assert {name: stuck[name]["state"] for name in answering} == {
        "landing": "behind", "alerts": "behind", "dispatch": "behind", "transform": "up",
    }  # fmt: skip
    assert stuck["dispatch"]["behind"] == {"label": "Behind", "value": 300, "unit": "s", "most": 30, "holds": False}
    assert (stuck["transform"]["behind"]["value"], stuck["transform"]["behind"]["holds"]) == (4000, None)
    well = shown(answering, slo={"lags": {"alerts": 0.1, "dispatch": 0.0}})
    assert [well[name]["state"] for name in answering] == ["up"] * 4
    assert (well["alerts"]["behind"]["holds"], well["transform"]["behind"]) == (True, None)
    assert [shown(answering, slo={"lags": lags})["dispatch"]["state"] for lags in (None, [9], {"dispatch": "9"})] == [
        "up"
    ] * 3


def test_landing_is_as_far_behind_as_the_worse_of_what_it_and_the_watcher_say() -> None:
    assert shown({"landing": landing(1, 31)}, slo={"lags": {"landing": 2.0}})["landing"]["state"] == "behind"
    assert shown({"landing": landing(1, 2)}, slo={"lags": {"landing": 31.0}})["landing"]["behind"]["value"] == 31


def test_a_counter_that_begins_anew_is_no_negative_rate() -> None:
    found = shown({"producer-vitals": producer(1000)}, {"producer-vitals": producer(10)})
    assert found["sources"]["rate"]["value"] == 6  # twelve events, two of them dead letters, in two seconds


def test_alerts_and_dispatch_are_counted_on_kafka_whatever_two_replicas_of_dispatch_say_in_turns() -> None:
    """Their Service lets now one answer and now the other: neither has been begun anew, and nothing has happened."""
    old, young = ({"dispatch": Readings(dispatches={"dispatched": each}, alert_latency=Histogram({1.0: each}))}
                  for each in (9000.0, 12.0))  # fmt: skip
    found = shown(old, young, old, young, slo={"dispatchLatencyP99Ms": 80.0},
                  rates={"alerts": 0.5, "dispatch": None}, outcomes={"suppressed": 2, "dispatched": 1})  # fmt: skip
    assert found["alerts"]["rate"] == {"value": 0.5, "unit": "alerts/s", "curve": [0.5] * 4}
    assert found["dispatch"]["rate"]["curve"] == [None] * 4
    rows = [(name, cell["value"]) for name, cell in found["dispatch"]["table"]["rows"]]
    assert rows == [("dispatched", 1), ("suppressed", 2)]
    assert found["dispatch"]["facts"][0]["value"] == 80


@given(st.lists(st.tuples(st.integers(0, 2 * WINDOW_MS), st.sampled_from(["dispatched", "unassigned"]))))
def test_records_count_by_when_they_were_written_and_not_by_when_they_are_read(records: list[tuple[int, str]]) -> None:
    flow, now = Flow(), 10 * WINDOW_MS
    for ago, kind in records:
        flow.add(now - ago, kind)
    assert flow.per_second(now) == sum(ago <= 10_000 for ago, _ in records) / 10
    assert flow.counts(now) == Counter(kind for ago, kind in records if ago <= WINDOW_MS)
    assert (flow.per_second(2 * now), flow.counts(2 * now)) == (0, {})


def test_what_kafka_does_not_tell_has_not_therefore_not_happened() -> None:
    assert KAFKA.is_read
    assert not KafkaState().is_read
    assert not KafkaState(("p.vitals",), "the broker is away").is_read


def test_curves_are_as_long_as_they_are_kept() -> None:
    history = History()
    for number in range(KEPT + 20):
        history.add(Sample(2.0 * number, {"producer-vitals": producer(10.0 * number)}))
    values = history.curves["sources"].values
    assert (len(values), values[-1]) == (KEPT, 5)


def test_the_headline_compares_with_the_targets() -> None:
    slo = {"eventsPerSecond": 12.34, "lagSeconds": 31.0, "alertLatencyP99Ms": 250.0, "freshnessSeconds": None}
    found = {figure["label"]: (figure["value"], figure["holds"]) for figure in headline(slo, LIMITS)}
    assert found == {
        "Events": (12.3, None), "Behind": (31, False), "Reading to alert, p99": (250, True),
        "Reading to dispatch, p99": (None, None), "Oldest table": (None, None),
    }  # fmt: skip


@given(st.lists(st.integers(-1000, LATE_MS), min_size=1))
def test_quantiles_are_values_that_were_seen_in_order(took: list[int]) -> None:
    latencies = Latencies()
    for each in took:
        latencies.add(1_000_000, 1_000_000 + each)
    found = latencies.summary(1_000_000)
    seen = sorted(max(0, each) for each in took)
    assert found["count"] == len(took)
    assert found["p50"] <= found["p95"] <= found["p99"] <= found["max"] == seen[-1]
    assert {found["p50"], found["p95"], found["p99"]} <= set(seen)
    assert sum(each <= found["p50"] for each in seen) * 2 >= len(seen)


def test_latencies_leave_out_late_readings_and_forget() -> None:
    latencies = Latencies()
    latencies.add(0, 10)
    latencies.add(0, LATE_MS + 1)
    assert (latencies.summary(10)["count"], latencies.summary(10)["late"]) == (1, 1)
    assert latencies.summary(WINDOW_MS + LATE_MS + 100) == {
        "count": 0, "late": 0, "p50": None, "p95": None, "p99": None, "max": None,
    }  # fmt: skip
