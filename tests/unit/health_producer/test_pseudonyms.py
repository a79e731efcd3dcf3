"""Patients under other names: the same for the same patient, found by nobody without the key, and nothing else lost."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import re
import sys
from typing import Any

import msgspec
import pytest
from health_events import ALERTS, DISPATCHES, SOURCES, VITALS, Event, decode
from health_pipeline.settings import ProducerSettings, SettingsError
from health_producer.checking import Bad, Checker, Good
from health_producer.pseudonyms import Pseudonyms, main, pseudonyms_of
from health_producer.sources import Broken, Item
from health_simulator.orders import Order, read_command
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.health_producer.records import bent_records, good_record

KEY, OTHER_KEY = "0123456789abcdef" * 4, "fedcba9876543210" * 4
SETTINGS = ProducerSettings(pipeline="london", bootstrap_servers="", source="vitals", url="", pseudonym_key_id="k1",
                            pseudonym_key=KEY)  # fmt: skip
PATIENT = good_record(VITALS) | {
    "entity_id": "patient-000815",
    "device_id": "watch-4711",
    "event_id": "patient-000815-9",
}


def pseudonyms(key: str = KEY, key_id: str = "k1") -> Pseudonyms:
    return Pseudonyms(VITALS, key_id, key)


def checked(record: dict[str, Any] | bytes, names: Pseudonyms | None = None) -> Good | Bad:
    payload = record if isinstance(record, bytes) else json.dumps(record).encode()
    return Checker(VITALS, names or pseudonyms(), lambda: 4_102_444_800_000)(Item("7", msgspec.Raw(payload)))


def test_who_a_patient_is_is_neither_in_the_record_nor_in_its_key() -> None:
    verdict = checked(PATIENT)
    assert isinstance(verdict, Good)
    for secret in (b"000815", b"4711"):
        assert secret not in verdict.value + verdict.key.encode()
    record = decode(verdict.value, VITALS)
    assert record["entity_id"] == verdict.key
    for name in ("event_id", "entity_id", "device_id"):
        assert re.fullmatch("k1-[0-9a-f]{32}", record[name]), "and it keeps the contract's bounds"
    same = {name: value for name, value in PATIENT.items() if name not in ("event_id", "entity_id", "device_id")}
    assert {name: record[name] for name in same} == same


def test_a_patient_has_one_name_for_each_key() -> None:
    name = pseudonyms().name("entity_id", "patient-000815")
    assert name == pseudonyms().name("entity_id", "patient-000815"), "also after a restart"
    assert name != pseudonyms().name("entity_id", "patient-000816")
    assert name != pseudonyms().name("device_id", "patient-000815"), "nobody sees that two fields say the same"
    rotated = pseudonyms(OTHER_KEY, "k2").name("entity_id", "patient-000815")
    assert rotated.startswith("k2-")
    assert rotated[3:] != name[3:]


def test_what_the_contract_does_not_know_goes_no_further() -> None:
    for record in (PATIENT | {"full_name": "Ada"}, PATIENT | {"full_name": "Ada", "observed_at": 1_700_000_000_000.0}):
        verdict = checked(record)
        assert b"Ada" not in verdict.value
    assert isinstance(checked(PATIENT | {"full_name": "Ada"}), Good)


@given(st.data())
def test_the_verdict_is_the_same_with_pseudonyms(data: st.DataObject) -> None:
    payload = data.draw(bent_records(VITALS))
    item = Item("7", msgspec.Raw(payload))
    plain, renamed = Checker(VITALS, now_ms=lambda: 4_102_444_800_000)(item), checked(payload)
    assert (type(plain), plain.cursor) == (type(renamed), renamed.cursor)
    if isinstance(plain, Bad) and isinstance(renamed, Bad):
        assert (renamed.reason, pseudonyms().open(renamed.value)) == (plain.reason, payload)
    if isinstance(plain, Good) and isinstance(renamed, Good):
        assert renamed.observed_at == plain.observed_at
        assert decode(renamed.value, VITALS)["entity_id"] == pseudonyms().name("entity_id", plain.key)


@pytest.mark.parametrize(
    "broken", [json.dumps(PATIENT | {"spo2": 400}).encode(), b'{"entity_id": "patient-000815"', b""]
)
def test_a_broken_record_is_kept_whole_and_sealed(broken: bytes) -> None:
    for verdict in (checked(broken), Checker(VITALS, pseudonyms())(Broken("7", broken, "broken"))):
        assert isinstance(verdict, Bad)
        assert b"000815" not in verdict.value
        assert pseudonyms().open(verdict.value) == broken
        with pytest.raises(ValueError, match="another key"):
            pseudonyms(OTHER_KEY).open(verdict.value)
        with pytest.raises(ValueError, match="changed since"):
            pseudonyms().open(verdict.value[:-1] + bytes([verdict.value[-1] ^ 1]))
        with pytest.raises(ValueError, match="does not begin with sealed:k2:"):
            pseudonyms(OTHER_KEY, "k2").open(verdict.value)


def test_the_longest_record_still_fits_when_sealed() -> None:
    assert len(pseudonyms().seal(b"x" * 1_000_000)) - 1_000_000 < 64


def test_no_key_no_records() -> None:
    assert pseudonyms_of(dataclasses.replace(SETTINGS, pseudonym_key_id="")) is None
    for key in ("", "short", "x" * 31):
        with pytest.raises(SettingsError, match="HEALTH_PSEUDONYM_KEY has"):
            pseudonyms_of(dataclasses.replace(SETTINGS, pseudonym_key=key))
    assert KEY not in repr(SETTINGS)
    assert KEY not in str(SETTINGS.to_env())


@pytest.mark.parametrize("event", SOURCES, ids=lambda event: event.name)
def test_patients_are_only_in_vitals(event: Event) -> None:
    personal = [field.name for field in event.fields if field.personal]
    assert personal == (["event_id", "entity_id", "device_id"] if event is VITALS else [])


def test_whatever_follows_vitals_has_the_patient_by_the_same_name() -> None:
    """Alerts and dispatches copy it, so nothing after the producer needs the key."""
    for event in (ALERTS, DISPATCHES):
        assert event.field("entity_id").max_length >= len(pseudonyms(key_id="k" * 8).name("entity_id", "x"))


def test_a_vehicle_finds_the_patient_by_the_place_and_not_by_the_name() -> None:
    dispatch = good_record(DISPATCHES) | {"outcome": "dispatched", "entity_id": pseudonyms().name("entity_id", "p")}
    order = read_command(json.dumps(dispatch).encode())
    assert order == Order("vehicle_id-1", "dispatch_id-1", 1.0, 1.0)


def test_who_has_the_key_can_open_a_letter_and_find_a_patient(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    environ = {"HEALTH_PSEUDONYM_KEY": KEY}
    letter = base64.b64encode(pseudonyms().seal(b"whole"))
    monkeypatch.setattr(sys, "stdin", io.StringIO(letter.decode()))
    assert main(["open"], environ) == 0
    sys.stdout.flush()
    assert capfdbinary.readouterr().out == b"whole"
    assert main(["name", "patient-000815"], environ) == 0
    sys.stdout.flush()
    assert capfdbinary.readouterr().out.decode().strip() == pseudonyms().name("entity_id", "patient-000815")
    monkeypatch.setattr(sys, "stdin", io.StringIO(letter.decode()))
    assert main(["open"], {"HEALTH_PSEUDONYM_KEY": OTHER_KEY}) == 2
