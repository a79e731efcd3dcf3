"""What the metrics are read into."""

from __future__ import annotations

import math

from health_lag.readings import Histogram, Readings, interpret, parse, rates
from hypothesis import given
from hypothesis import strategies as st

TEXT = """\
# TYPE health_producer_events_total counter
health_producer_events_total{pipeline="p",source="vitals",result="published"} 90.0
health_producer_events_total{pipeline="p",source="vitals",result="dead_letter"} 10.0
# TYPE health_producer_source_errors_total counter
health_producer_source_errors_total{pipeline="p",source="gps",kind="http_500"} 2.0
health_producer_source_errors_total{pipeline="p",source="gps",kind="timeout"} 1.0
# TYPE health_streaming_lag_records gauge
health_streaming_lag_records{pipeline="p",query="landing",topic="p.vitals",partition="0"} 3.0
health_streaming_lag_records{pipeline="p",query="landing",topic="p.vitals",partition="1"} 4.0
health_streaming_lag_records{pipeline="p",query="alerts",topic="p.vitals",partition="1"} 400.0
# TYPE health_dispatch_total counter
health_dispatch_total{pipeline="p",outcome="dispatched"} 5.0
# TYPE health_streaming_rows_total counter
health_streaming_rows_total{pipeline="p",query="landing",result="read"} 12.0
health_streaming_rows_total{pipeline="p",query="landing",result="dead_letter"} 2.0
health_streaming_rows_total{pipeline="p",query="alerts",result="read"} 7.0
# TYPE health_alert_latency_seconds histogram
health_alert_latency_seconds_bucket{pipeline="p",le="0.01"} 50.0
health_alert_latency_seconds_bucket{pipeline="p",le="0.02"} 100.0
health_alert_latency_seconds_bucket{pipeline="p",le="+Inf"} 100.0
health_alert_latency_seconds_count{pipeline="p"} 100.0
health_alert_latency_seconds_sum{pipeline="p"} 1.0
"""


def test_metrics_become_what_a_person_asks_for() -> None:
    seen = interpret(parse(TEXT))
    assert (seen.produced, seen.dead_lettered) == ({"vitals": 90}, {"vitals": 10})
    assert seen.source_errors == {"gps": 3}
    assert seen.landing_lag == {"p.vitals": 7}
    assert seen.dispatches == {"dispatched": 5}
    assert seen.rows_landed == 12
    assert seen.alerts == 100
    assert seen.alert_latency.quantile_ms(0.5) == 10
    assert seen.alert_latency.quantile_ms(0.75) == 15
    assert seen.dispatch_latency.quantile_ms(0.5) is None


def test_a_quantile_beyond_the_last_bound_is_not_made_up() -> None:
    assert Histogram({60.0: 1.0, math.inf: 100.0}).quantile_ms(0.5) == math.inf


def test_rates_survive_a_restart_of_the_producer() -> None:
    before, after = Readings(produced={"gps": 100}), Readings(produced={"gps": 150}, dead_lettered={"gps": 10})
    assert rates(before, after, 2) == {"gps": 30}
    assert rates(after, Readings(produced={"gps": 20}), 2) == {"gps": 10}


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=8), st.floats(0.01, 1))
def test_a_quantile_lies_within_the_bucket_that_holds_it(counts: list[int], quantile: float) -> None:
    cumulative = [sum(counts[: index + 1]) for index in range(len(counts))]
    bounds = [0.01 * 2**index for index in range(len(counts))]
    value = Histogram(dict(zip(bounds, cumulative, strict=True))).quantile_ms(quantile)
    if not cumulative[-1]:
        assert value is None
        return
    assert value is not None
    place = next(index for index, count in enumerate(cumulative) if count >= quantile * cumulative[-1] and count)
    low = bounds[place - 1] if place else 0
    assert low * 1000 - 1e-6 <= value <= bounds[place] * 1000 + 1e-6


def test_who_is_in_trouble_is_named_and_all_jobs_where_it_is_about_all() -> None:
    text = (
        'health_catalog_crawl_trouble{pipeline="london",crawler="vitals",reason="CrawlFailed"} 1.0\n'
        'health_catalog_crawl_trouble{pipeline="london",crawler="gps",reason="Throttled"} 0.0\n'
        'health_catalog_etl_trouble{pipeline="london",step="load",reason="RunFailed"} 1.0\n'
        'health_catalog_etl_trouble{pipeline="london",step="",reason="NameTaken"} 1.0\n'
        'health_catalog_etl_running{pipeline="london",step="load"} 1.0\n'
    )
    assert interpret(parse(text)).troubles == ("jobs: NameTaken", "load: RunFailed", "vitals: CrawlFailed")
