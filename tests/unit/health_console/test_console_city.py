"""The city as records tell it: where each call stands, what a client is told, and that nothing grows for ever."""

from __future__ import annotations

from typing import Any

import pytest
from health_console import city as module
from health_console.city import ALARM_MS, KEPT_MS, LONGEST_MS, SILENT_MS, Call, Changes, City, Phase
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.health_console.records_of import NOW, alert, decision, vehicle


def after(*records: Any, now: int = NOW) -> City:
    city = City()
    for record in records:
        city.take(record)
    city.tick(now)
    return city


def only_call(city: City) -> Call:
    (call,) = city.calls()
    return call


@pytest.mark.parametrize(
    ("records", "phase"),
    [
        ([alert()], Phase.NEW),
        ([alert(), decision("suppressed")], Phase.SUPPRESSED),
        ([alert(), decision("unassigned", retry_until=NOW + 1000)], Phase.WAITING),
        ([alert(), decision("unassigned")], Phase.GIVEN_UP),
        ([alert(), decision()], Phase.COMING),
        ([decision()], Phase.COMING),
        ([decision(), alert()], Phase.COMING),
        ([decision(), decision("suppressed", at=NOW + 5)], Phase.COMING),
        ([decision(), vehicle(status="on_scene", dispatch="dispatch-1")], Phase.ON_SCENE),
        ([vehicle(status="on_scene", dispatch="dispatch-1"), decision()], Phase.ON_SCENE),
        ([decision(), vehicle(status="on_scene", dispatch="another")], Phase.COMING),
        ([decision(), vehicle(status="returning", dispatch="dispatch-1")], Phase.ENDED),
        ([vehicle(status="returning", dispatch="dispatch-1"), decision()], Phase.ENDED),
        ([decision(), decision("released")], Phase.ENDED),
        ([decision(), decision("released", dispatch_id="another")], Phase.COMING),
        ([decision(), decision("released"), alert(at=NOW + 100)], Phase.ENDED),
        ([decision("unassigned", retry_until=NOW + 9), decision(at=NOW + 5)], Phase.COMING),
    ],
)
def test_where_a_call_stands(records: list[Any], phase: Phase) -> None:
    assert only_call(after(*records)).phase is phase


def test_a_call_has_its_story_and_how_it_ended() -> None:
    call = only_call(after(alert(), alert(at=NOW + 10), decision(), decision("released", reason="served", at=NOW + 99)))
    assert call.decision is not None
    assert [each.verdict for each in call.decision.candidates] == ["chosen", "farther"]
    assert (call.alerts, call.ended, call.ended_at) == (2, "served", NOW + 149)


def test_dispatch_has_the_last_word_on_how_a_call_ended() -> None:
    returning = vehicle(status="returning", dispatch="dispatch-1")
    assert only_call(after(decision(), returning)).ended == "vehicle-1 is on its way back"
    assert only_call(after(decision(), returning, decision("released", reason="served"))).ended == "served"


def test_a_patient_who_needs_somebody_again_is_another_call() -> None:
    again = decision(at=NOW + 1000, dispatch_id="dispatch-2")
    first, second = after(decision(), decision("released"), again).calls()
    assert (first.phase, second.phase) == (Phase.ENDED, Phase.COMING)
    assert first.number < second.number


def test_what_is_read_twice_is_one() -> None:
    twice = [decision(), decision("released")] * 2
    assert only_call(after(*twice)).phase is Phase.ENDED


def test_canaries_are_no_patients_and_old_reports_no_news() -> None:
    city = after(alert(canary=True), vehicle(at=NOW), vehicle(at=NOW - 1, status="on_scene"))
    assert list(city.calls()) == []
    assert [report.status for report in city.vehicles()] == ["idle"]


def test_what_is_over_is_forgotten_and_what_is_under_way_is_not() -> None:
    city = after(alert("calm"), decision("suppressed", "calm"), decision(patient="served"),
                 decision("released", "served"), decision(patient="coming", dispatch_id="d-3"), vehicle())  # fmt: skip
    city.tick(NOW + ALARM_MS + 1)
    assert [call.patient_id for call in city.calls()] == ["served", "coming"]
    assert len(list(city.vehicles())) == 1
    city.tick(NOW + max(KEPT_MS, SILENT_MS) + 60_000)
    assert [call.patient_id for call in city.calls()] == ["coming"]
    assert list(city.vehicles()) == []


def test_a_call_whose_end_nobody_told_is_over_an_hour_after_it_was_last_heard_of() -> None:
    city = after(decision(), decision("unassigned", "waiting", dispatch_id=None, retry_until=NOW + 1000))
    last = NOW + LONGEST_MS - 1000
    city.take(vehicle(status="on_scene", dispatch="dispatch-1", at=last))
    city.tick(NOW + LONGEST_MS + 51)  # decided 50 ms after its reading
    assert [call.patient_id for call in city.calls()] == ["patient-1"]
    seen = city.tick(last + LONGEST_MS)
    city.tick(last + LONGEST_MS + 1)
    assert list(city.calls()) == []
    assert city.since(seen).gone_calls == [1]
    city.take(decision("released"))
    city.tick(last + LONGEST_MS + 2)
    assert list(city.calls()) == []


def test_there_are_never_more_than_can_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_VEHICLES", 3)
    monkeypatch.setattr(module, "MOST_CALLS", 2)
    records = [vehicle(f"vehicle-{number}", NOW + number) for number in range(5)]
    calls = [decision(patient="coming"), *(alert(f"patient-{number}", NOW + number) for number in range(4))]
    city = after(*records, *calls)
    assert [report.vehicle_id for report in city.vehicles()] == ["vehicle-2", "vehicle-3", "vehicle-4"]
    assert len(list(city.calls())) == 2
    city.take(alert("patient-9", NOW + 9))
    city.tick(NOW)
    assert "patient-9" in {call.patient_id for call in city.calls()}


class Page:
    """A client that keeps what it is told, as city.js does."""

    def __init__(self) -> None:
        self.version: int | None = None
        self.vehicles: dict[str, str] = {}
        self.calls: dict[int, Phase] = {}

    def ask(self, city: City) -> None:
        told: Changes = city.since(self.version)
        if told.is_whole:
            self.vehicles, self.calls = {}, {}
        for name in told.gone_vehicles:
            self.vehicles.pop(name, None)
        for number in told.gone_calls:
            self.calls.pop(number, None)
        self.vehicles |= {report.vehicle_id: report.status for report in told.vehicles}
        self.calls |= {call.number: call.phase for call in told.calls}
        self.version = told.version

    def agrees(self, city: City) -> bool:
        vehicles = {report.vehicle_id: report.status for report in city.vehicles()}
        return (self.vehicles, self.calls) == (vehicles, {call.number: call.phase for call in city.calls()})


NAMES = st.sampled_from(["1", "2", "3"])
TIMES = st.integers(0, 40).map(lambda minutes: NOW + minutes * 60_000)
RECORDS = st.one_of(
    st.builds(lambda name, at, status, d: vehicle(f"vehicle-{name}", at, status, f"dispatch-{d}"),
              NAMES, TIMES, st.sampled_from(["idle", "on_scene", "returning"]), NAMES),
    st.builds(lambda name, at: alert(f"patient-{name}", at), NAMES, TIMES),
    st.builds(lambda outcome, name, at, d: decision(outcome, f"patient-{name}", at, dispatch_id=f"dispatch-{d}"),
              st.sampled_from(["dispatched", "released"]), NAMES, TIMES, NAMES),
    st.builds(lambda outcome, name, at: decision(outcome, f"patient-{name}", at),
              st.sampled_from(["suppressed", "unassigned"]), NAMES, TIMES),
)  # fmt: skip


@given(st.lists(st.tuples(st.lists(RECORDS, max_size=5), TIMES, st.booleans()), max_size=12), st.integers(1, 3))
def test_whoever_asks_now_and_then_knows_as_much_as_who_asks_always(
    turns: list[tuple[list[Any], int, bool]], most_gone: int
) -> None:
    city, eager, lazy = City(), Page(), Page()
    city._gone.most = most_gone
    for records, now, asks in turns:
        for record in records:
            city.take(record)
        city.tick(now)
        eager.ask(city)
        if asks:
            lazy.ask(city)
    lazy.ask(city)
    assert eager.agrees(city)
    assert lazy.agrees(city)
