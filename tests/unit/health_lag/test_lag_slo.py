"""How a pipeline does, computed from what its components said within a minute."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from health_lag.canaries import Canary
from health_lag.outcomes import Seen
from health_lag.readings import Histogram, Readings
from health_lag.slo import WINDOW_S, Sample, Window, events_per_second, judge
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_790_000_000.0

counts = st.integers(0, 10_000)
# What a component counts between two scrapes; None: it was restarted just before, and so counts from zero.
progress = st.lists(st.tuples(st.booleans(), counts), min_size=1, max_size=20)


def window_of(*said: Readings | None, component: str = "producer-vitals", every_s: float = 2.0) -> Window:
    """A window whose last sample was taken at NOW."""
    window = Window()
    for index, readings in enumerate(said):
        window.add(Sample(NOW - every_s * (len(said) - 1 - index), {component: readings}))
    return window


@given(progress)
def test_events_are_counted_whatever_is_restarted(steps: list[tuple[bool, int]]) -> None:
    total, given_to_kafka, said = 100, 0, [Readings(produced={"vitals": 100})]
    for restarts, more in steps:
        # A counter that begins anew and has come as far as before looks as if it had gone on: nobody can tell.
        restarted = restarts and more < total
        given_to_kafka += more
        total = more if restarted else total + more
        said.append(Readings(produced={"vitals": total - total // 3}, dead_lettered={"vitals": total // 3}))
    window = window_of(*said)
    found = events_per_second(window)
    assert found is not None
    assert found == pytest.approx(given_to_kafka / (2 * len(steps)))


def test_events_of_all_sources_are_added_and_silence_between_answers_loses_none() -> None:
    window = Window()
    for at, vitals, gps in ((0, 0, 1000), (2, None, 1100), (4, 400, 1200)):
        said = {
            "producer-vitals": None if vitals is None else Readings(produced={"vitals": vitals}),
            "producer-gps": Readings(produced={"gps": gps}),
            "landing": Readings(rows_landed=at),
        }
        window.add(Sample(NOW + at, said))
    assert events_per_second(window) == (400 + 200) / 4
    assert judge("p", window, Seen(), NOW + 4).components == dict.fromkeys(
        ("producer-vitals", "producer-gps", "landing"), True
    )


def test_what_runs_at_times_is_as_far_behind_as_its_last_run_left_it_and_need_not_answer() -> None:
    window = Window()
    for at, said in (
        (0, None),
        (2, Readings(transform_lag_s=7.0, freshness_s={"transformed.vitals": 20.0})),
        (4, None),
        (30, Readings(rows_landed=9)),
        (32, None),
    ):
        window.add(Sample(NOW + at, {"landing": Readings()}, {} if said is None else {"transform": said}))
    slo = judge("p", window, Seen(), NOW + 32)
    assert slo.lags == {"transform": 7 + 30}  # the run after it has done nothing yet
    assert slo.components == {"landing": True}
    assert slo.tables == {"transformed.vitals": 20 + 30}


def test_what_is_older_than_the_window_is_forgotten_but_not_how_far_behind_somebody_was() -> None:
    window = Window()
    for second in range(0, 300, 2):
        alive = Readings(produced={"gps": 5.0 * second}, source_lag_s={"gps": 0.5})
        dead = Readings(produced={"vitals": 900.0 * second}, source_lag_s={"vitals": 0.5}) if second < 100 else None
        window.add(Sample(NOW + second, {"producer-gps": alive, "producer-vitals": dead}))
    slo = judge("p", window, Seen(), NOW + 299)
    assert window.span_s <= WINDOW_S
    assert slo.events_per_second == 5
    assert slo.components == {"producer-gps": True, "producer-vitals": False}
    assert slo.lag_seconds == pytest.approx(299 - 98 + 0.5)  # it grows, for nobody reads that source
    assert slo.last_event_at == pytest.approx(NOW + 298 - 0.5)


def test_a_clock_that_is_put_back_begins_a_new_window() -> None:
    window = window_of(Readings(produced={"vitals": 1}), Readings(produced={"vitals": 2}))
    window.add(Sample(NOW - 3600, {"producer-vitals": Readings(produced={"vitals": 3})}))
    assert events_per_second(window) is None
    window.add(Sample(NOW - 3599, {"producer-vitals": Readings(produced={"vitals": 7})}))
    assert events_per_second(window) == 4


def test_latencies_are_what_kafka_tells_whatever_two_replicas_of_dispatch_say_in_turns() -> None:
    """Their Service lets now one answer and now the other: neither has been begun anew, and nothing has happened."""
    old, young = (Readings(alert_latency=Histogram({0.01: count, 60.0: 3 * count})) for count in (9000, 12))
    window = window_of(*(old, young) * 15, component="dispatch")
    quiet = judge("p", window, Seen(), NOW)
    assert (quiet.alert_latency_p50_ms, quiet.alert_latency_p99_ms, quiet.dispatch_latency_p99_ms) == (None,) * 3
    told = judge("p", window, Seen(alert_p50_ms=6, alert_p99_ms=82, dispatch_p99_ms=211), NOW)
    assert (told.alert_latency_p50_ms, told.alert_latency_p99_ms, told.dispatch_latency_p99_ms) == (6, 82, 211)


def test_lag_and_freshness_are_the_worst_of_all() -> None:
    window = Window()
    said = {
        "producer-gps": Readings(source_lag_s={"gps": 1.5}),
        "producer-vitals": Readings(source_lag_s={"vitals": -0.3}),  # clocks differ
        "landing": Readings(
            landing_lag_s={"p.vitals": 4.0, "p.gps": 2.0}, freshness_s={"vitals": 9.0, "gps": 12.0, "alerts": 700.0}
        ),
    }
    window.add(Sample(NOW, said))
    slo = judge("p", window, Seen(), NOW)
    assert (slo.lag_seconds, slo.freshness_seconds) == (4, 12)  # nobody may be ill for long: alerts do not count


def test_lag_is_not_known_before_landing_has_said_its_own() -> None:
    window = Window()
    producer = Readings(source_lag_s={"gps": 0.1})
    for at, landing in ((0, None), (2, Readings()), (4, Readings(landing_lag_s={"p.gps": 3.0})), (6, None)):
        window.add(Sample(NOW + at, {"producer-gps": producer, "landing": landing}))
        assert judge("p", window, Seen(), NOW + at).lag_seconds == {0: None, 2: None, 4: 3, 6: 5}[at]


def test_a_process_that_begins_anew_takes_back_nothing_of_what_is_known() -> None:
    """Landing says nothing until its first batch is done, a producer nothing until its source has something new."""
    window = Window()
    landing = {name: Readings(landing_lag_s={"p.gps": lag, "p.vitals": 1.0}, freshness_s={"gps": age})
               for name, lag, age in (("before", 4.0, 9.0), ("after", 0.5, 2.0))}  # fmt: skip
    producer = Readings(produced={"gps": 70.0}, source_lag_s={"gps": 3.0})
    for at, said in enumerate((landing["before"], None, Readings(), Readings(rows_landed=5))):
        window.add(Sample(NOW + 10 * at, {"landing": said, "producer-gps": Readings() if at else producer}))
    slo = judge("p", window, Seen(), NOW + 30)
    assert slo.lags == pytest.approx({"landing": 34, "producer-gps": 33})
    assert (slo.lag_seconds, slo.freshness_seconds) == pytest.approx((34, 39))
    assert slo.last_event_at == pytest.approx(NOW - 3)
    window.add(Sample(NOW + 40, {"landing": landing["after"], "producer-gps": Readings(source_lag_s={"gps": 0.2})}))
    slo = judge("p", window, Seen(), NOW + 40)
    assert slo.lags == pytest.approx({"landing": 1.0, "producer-gps": 0.2})
    assert (slo.freshness_seconds, slo.last_event_at) == pytest.approx((2, NOW + 39.8))


def test_what_landing_says_first_is_of_one_topic_and_the_others_go_on_ageing() -> None:
    window = Window()
    for at, lags in ((0, {"p.gps": 1.0, "p.vitals": 2.0}), (10, {}), (20, {"p.gps": 0.0})):
        window.add(Sample(NOW + at, {"landing": Readings(landing_lag_s=lags)}))
    assert judge("p", window, Seen(), NOW + 20).lags == pytest.approx({"landing": 22})


def test_each_component_has_a_lag_of_its_own() -> None:
    window = Window()
    window.add(Sample(NOW - 4, {"producer-gps": Readings(source_lag_s={"gps": 1.5})}))
    said = {
        "producer-gps": None,  # since 4 s
        "landing": Readings(landing_lag_s={"p.vitals": 3.0}),
        "transform": Readings(transform_lag_s=300.0),
        "dispatch": Readings(),
    }
    window.add(Sample(NOW, said))
    now_ms = int(NOW * 1000)
    seen = Seen(canary=Canary(now_ms - 5000, 12.0), dispatch_lag_s=0.5)
    slo = judge("p", window, seen, NOW)
    assert slo.lags == pytest.approx(
        {"producer-gps": 5.5, "landing": 3, "transform": 300, "alerts": 0.012, "dispatch": 0.5}
    )
    assert slo.lag_seconds == pytest.approx(5.5), "transform has a schedule"
    assert judge("p", window, replace(seen, awaited_ms=now_ms - 9000), NOW).lag_seconds == pytest.approx(9)


def test_nothing_is_made_up() -> None:
    told = judge("p", Window(), Seen(), NOW).as_json()
    assert told.pop("pipeline") == "p"
    assert told.pop("components") == told.pop("lags") == told.pop("tables") == told.pop("troubles") == {}
    assert set(told.values()) == {None}
    silent = judge("p", window_of(None, None), Seen(), NOW).as_json()
    assert silent.pop("components") == {"producer-vitals": False}
    assert silent.pop("lags") == silent.pop("tables") == silent.pop("troubles") == {}
    assert {name for name, value in silent.items() if value is not None} == {"pipeline"}


def test_the_document(golden: Callable[[str, str], None]) -> None:
    window = Window()
    for at, events in ((-60, 1000), (0, 61_000)):
        said = {
            "producer-vitals": Readings(
                produced={"vitals": events - 500}, dead_lettered={"vitals": 500}, source_lag_s={"vitals": 0.123}
            ),
            "landing": Readings(landing_lag_s={"p.vitals": 3.21}, freshness_s={"vitals": 12.34}),
            "dispatch": Readings(),
            "catalog": Readings(troubles=("gps: Throttled", "vitals: CrawlFailed")),
            "alerts": None,
        }
        window.add(Sample(NOW + at, said))
    seen = Seen(
        alerts=1562, dispatches=53, dead_letters=500, canary=Canary(int(NOW * 1000) - 2500, 9.0),
        alert_p50_ms=6, alert_p99_ms=82, dispatch_p99_ms=211,
    )  # fmt: skip
    golden("lag/slo.json", json.dumps(judge("london", window, seen, NOW).as_json(), indent=2) + "\n")
