"""The pipeline's audit on a real broker: each entry once and in order, whoever is stopped or killed in between."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from health_lag.kafka import Journal, Reader, Unwritten
from health_lag.trail import Scribe, key_of
from health_pipeline.settings import LagSettings
from healthctl.embedded.waiting import wait_until

Entry = dict[str, Any]


def entry(sequence: int, uid: str = "u-1") -> Entry:
    return {"sequence": sequence, "at": "2026-11-29T07:00:00Z", "audit": "SpecApplied", "uid": uid}


class Audit:
    """A pipeline's audit: the file that the operator's record is shown as, and the topic that it goes to."""

    def __init__(self, broker: str, names: dict[str, str], folder: Path) -> None:
        self.file, self.topic = folder / "entries.json", names["audit"]
        self.broker = broker
        self.settings = LagSettings(
            pipeline=names["pipeline"], bootstrap_servers=broker, port=0, targets=(), audit_file=str(self.file)
        )

    def record(self, *entries: Entry) -> None:
        """As the kubelet does it: at once."""
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(entries))
        new.replace(self.file)

    def held(self) -> list[Entry]:
        """What the topic holds."""
        reader, found = Reader(self.settings, (self.topic,)), []
        try:
            while not reader.is_caught_up:
                found += [json.loads(record.payload) for record in reader.poll(0.2)]
        finally:
            reader.close()
        return found

    @contextmanager
    def written(self) -> Iterator[Scribe]:
        """The watcher's part is at work."""
        stop = threading.Event()
        scribe = Scribe(self.settings, stop)
        scribe.start()
        try:
            yield scribe
        finally:
            stop.set()
            scribe.join(30)
        assert not scribe.is_alive()
        assert scribe.error is None

    def comes_to_hold(self, *entries: Entry) -> bool:
        """It does so, and nothing more."""
        return wait_until(lambda: self.held() == list(entries), 60, 1)


@pytest.fixture
def audit(broker: str, make_pipeline_topics: Callable[[], dict[str, str]], tmp_path: Path) -> Audit:
    return Audit(broker, make_pipeline_topics(), tmp_path)


def test_every_entry_is_written_once_in_order_and_none_twice_after_a_restart(audit: Audit) -> None:
    with audit.written():  # there is no record yet
        audit.record(entry(1), entry(2))
        assert audit.comes_to_hold(entry(1), entry(2))
    with audit.written():
        audit.record(entry(2), entry(3), entry(4))  # the first was taken off the record
        assert audit.comes_to_hold(*map(entry, (1, 2, 3, 4)))
    with audit.written():
        audit.record(entry(1, "u-2"))  # the pipeline was made again under its name
        assert audit.comes_to_hold(*map(entry, (1, 2, 3, 4)), entry(1, "u-2"))


def test_what_somebody_left_half_written_counts_as_not_written(audit: Audit) -> None:
    killed = Producer({"bootstrap.servers": audit.broker, "transactional.id": audit.topic})
    killed.init_transactions(30)
    killed.begin_transaction()
    killed.produce(audit.topic, json.dumps(entry(1)), key_of(entry(1)))
    killed.flush(30)
    audit.record(entry(1), entry(2))
    with audit.written():
        assert audit.comes_to_hold(entry(1), entry(2))


def test_one_that_was_thought_dead_writes_no_more(audit: Audit) -> None:
    old = Journal(audit.settings, audit.topic, threading.Event())
    assert old.records() == []
    Journal(audit.settings, audit.topic, threading.Event()).write([(key_of(entry(1)), json.dumps(entry(1)).encode())])
    with pytest.raises(Unwritten):
        old.write([(key_of(entry(1)), json.dumps(entry(1)).encode())])
    assert audit.held() == [entry(1)]


def test_a_file_that_holds_no_audit_is_left_alone_until_it_does(audit: Audit) -> None:
    audit.file.write_text("{")
    with audit.written():
        assert not audit.held()
        audit.record(entry(1))
        assert audit.comes_to_hold(entry(1))
