"""Whoever runs a pipeline is told which source cannot be read and why, once, and when it can be read again."""

from health_lag.readings import Readings
from healthctl.troubles import Troubles

SAID = [
    "2026-01-02 12:00:00,000 INFO producer-gps reading http://gps.example/v1/gps from the beginning",
    "2026-01-02 12:00:01,000 WARNING producer-gps http://gps.example/v1/gps answers 500 (oops); next try in 0.2 s",
    "2026-01-02 12:00:02,000 WARNING producer-gps http://gps.example/v1/gps answers 503 (busy); next try in 0.5 s",
]


def test_a_source_that_fails_is_in_trouble_in_its_producers_words_until_something_comes() -> None:
    troubles = Troubles(lambda component: SAID if component == "producer-gps" else [])
    assert troubles.note(Readings(produced={"vitals": 10})) == {}
    told = {"gps": "http://gps.example/v1/gps answers 503 (busy); next try in 0.5 s"}
    assert troubles.note(Readings(produced={"vitals": 20}, source_errors={"gps": 2})) == told
    assert troubles.note(Readings(produced={"vitals": 30}, source_errors={"gps": 2})) == told
    assert troubles.note(Readings(produced={"vitals": 30, "gps": 1}, source_errors={"gps": 3})) == {}


def test_a_source_that_sends_nothing_of_use_is_in_trouble() -> None:
    troubles = Troubles(lambda _component: SAID[:1])
    (told,) = troubles.note(Readings(produced={"gps": 0}, dead_lettered={"gps": 40})).values()
    assert "SELECT reason, payload FROM raw.dead_letters WHERE source = 'gps'" in told
    assert troubles.note(Readings(produced={"gps": 100}, dead_lettered={"gps": 45})) == {}


def test_a_producer_that_does_not_answer_for_a_while_changes_nothing_by_that() -> None:
    troubles = Troubles(lambda _component: SAID)
    failing = Readings(produced={"gps": 100}, source_errors={"gps": 1})
    troubles.note(Readings(produced={"gps": 100}))
    for seen in (failing, Readings(), failing):
        assert list(troubles.note(seen)) == ["gps"]
    assert troubles.note(Readings(produced={"gps": 3})) == {}  # it was started anew, and counts anew
