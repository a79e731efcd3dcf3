"""What is read when a partition is taken over: no more than is needed, and without losing the partition over it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from health_dispatch import kafka, service
from health_dispatch.model import Alert, Decision
from health_dispatch.records import from_record, to_record
from health_dispatch.service import Dispatcher
from health_events import DISPATCHES, decode, encode
from health_pipeline.settings import DispatchSettings
from health_pipeline.telemetry import Telemetry
from healthctl.embedded.waiting import wait_until

MakeTopics = Callable[..., dict[str, str]]

HOUR_MS = 3_600_000
# The least that a broker allows of a session: who does not poll for so long is out of the group.
MOST_BETWEEN_POLLS_S = 6.0


@dataclass(frozen=True, kw_only=True)
class Settings(DispatchSettings):
    """As in production, but for the time that an instance may be busy with something else: five minutes there."""

    def client_config(self) -> dict[str, str]:
        least = str(round(MOST_BETWEEN_POLLS_S * 1000))
        return {**super().client_config(), "max.poll.interval.ms": least, "session.timeout.ms": least}


class Pipeline:
    """The topics of a pipeline, one partition each, and who writes to them."""

    def __init__(self, broker: str, topics: dict[str, str]) -> None:
        self.topics, self.broker = topics, broker
        self.settings = Settings(
            pipeline=topics["pipeline"], bootstrap_servers=broker, radius_km=5, position_ttl_s=30,
            patient_cooldown_s=60, retry_for_s=60, ack_timeout_s=30, alert_ttl_s=60,
        )  # fmt: skip
        self._producer = Producer({"bootstrap.servers": broker})

    def write(self, event: str, *records: dict[str, Any]) -> None:
        for record in records:
            self._producer.produce(self.topics[event], encode(record), "default", 0)
        assert self._producer.flush(10) == 0

    def report(self, vehicle: str, dispatch_id: str | None = None) -> None:
        at = now_ms()
        self.write("vehicles", {
            "event_id": f"{vehicle}-{at}", "source": "vehicles", "entity_id": vehicle, "observed_at": at,
            "latitude": 51.5, "longitude": -0.1, "speed_kmh": 0, "heading_deg": 0, "kind": "ambulance",
            "status": "idle", "area": None, "dispatch_id": dispatch_id, "dispatched_at": None,
        })  # fmt: skip

    def alert(self, alert_id: str) -> None:
        self.write("alerts", {
            "event_id": alert_id, "source": "alerts", "entity_id": f"patient-of-{alert_id}", "observed_at": now_ms(),
            "latitude": 51.5, "longitude": -0.1, "area": "default", "vital_event_id": f"vital-of-{alert_id}",
            "device_id": "watch", "metric": "spo2", "value": 88.0, "rule": "spo2 <= 91", "severity": "critical",
            "canary": None,
        })  # fmt: skip

    def committed(self) -> tuple[int, str]:
        """Offset and metadata."""
        asker = Consumer({"bootstrap.servers": self.broker, "group.id": f"{self.topics['pipeline']}.dispatch"})
        with closing(asker):
            (place,) = asker.committed([TopicPartition(self.topics["alerts"], 0)], timeout=10)
        return place.offset, place.metadata or ""

    def decisions(self, alert_id: str) -> list[Decision]:
        reader = Consumer({"bootstrap.servers": self.broker, "group.id": f"{self.topics['pipeline']}.test",
                           "isolation.level": "read_committed", "enable.partition.eof": True})  # fmt: skip
        found = []
        with closing(reader):
            reader.assign([TopicPartition(self.topics["dispatches"], 0, 0)])
            while not (message := reader.poll(10)) or message.error() is None:
                assert message is not None, "no end is told within 10 s"
                found.append(from_record(decode(message.value() or b"", DISPATCHES)))
        return [one for one in found if one.alert.alert_id == alert_id]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def pipeline(broker: str, make_pipeline_topics: MakeTopics) -> Pipeline:
    return Pipeline(broker, make_pipeline_topics(partitions={"vehicles": 1}))


@contextmanager
def running(settings: DispatchSettings) -> Iterator[Dispatcher]:
    stop, telemetry = threading.Event(), Telemetry(settings)
    dispatcher = Dispatcher(settings, stop, telemetry)
    thread = threading.Thread(target=dispatcher.run)
    thread.start()
    try:
        yield dispatcher
    finally:
        stop.set()
        thread.join()
        telemetry.close()


def test_a_partition_that_falls_idle_keeps_no_moment(pipeline: Pipeline) -> None:
    """Else it keeps its last one for ever, and whoever takes over reads all decisions since then, of all partitions."""
    with running(pipeline.settings):
        pipeline.report("v")
        pipeline.alert("a")
        assert wait_until(lambda: pipeline.decisions("a"), 30)
        dispatched = pipeline.decisions("a")[-1]
        assert dispatched.outcome == "dispatched"
        assert pipeline.committed() == (1, str(dispatched.decided_at))
        pipeline.report("v", dispatched.dispatch_id)
        assert wait_until(lambda: pipeline.decisions("a")[-1].outcome == "released", 30)
        assert pipeline.committed() == (1, "")


def test_a_place_of_before_is_put_right_by_who_takes_over(pipeline: Pipeline) -> None:
    """One that was committed with a moment though nothing is open, by a version that did so."""
    client = kafka.Client({"bootstrap.servers": pipeline.broker}, threading.Event())
    group = f"{pipeline.topics['pipeline']}.dispatch"
    alerts = kafka.Alerts(client, pipeline.topics["alerts"], group)
    with closing(alerts):
        alerts.join()
        assert wait_until(lambda: alerts.poll(0.05) == [] and alerts.owned is not None, 30)
        transactions = kafka.Transactions(client, pipeline.topics["dispatches"], pipeline.topics["alerts"], group)
        transactions.open([0])
        transactions.commit(0, [], kafka.Place(0, now_ms() - 500 * HOUR_MS), alerts.group_metadata())
    assert pipeline.committed()[1] != ""
    with running(pipeline.settings):
        assert wait_until(lambda: pipeline.committed() == (0, ""), 30)


def test_reading_for_long_costs_neither_the_partition_nor_memory(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without polling, the group would share the partition out anew while it is read for; so again, and for ever."""
    old = [a_decision(number, now_ms() - HOUR_MS) for number in range(180)]
    pipeline.write("dispatches", *(to_record(one, 5) for one in old))
    running_ones: list[Dispatcher] = []
    known: list[int] = []

    def slowly(record: dict[str, Any]) -> Decision:
        known.extend(len(one._state.decided) for one in running_ones)
        time.sleep(1.5 * MOST_BETWEEN_POLLS_S / len(old))
        return from_record(record)

    monkeypatch.setattr(service, "from_record", slowly)
    monkeypatch.setattr(kafka, "_MOST_FOLLOWED", 20)
    with running(pipeline.settings) as dispatcher:
        running_ones.append(dispatcher)
        pipeline.alert("a")
        assert wait_until(lambda: pipeline.decisions("a"), 60), "it never comes to decide"
    assert 0 < max(known) < 20, "what is too old to matter is kept while the rest is read"


def a_decision(number: int, at: int) -> Decision:
    alert = Alert(alert_id=f"old-{number}", patient_id=f"p-{number}", observed_at=at, latitude=51.5, longitude=-0.1,
                  area="default", metric="spo2", value=88.0, rule="spo2 <= 91", severity="critical")  # fmt: skip
    return Decision(outcome="suppressed", reason="a test", alert=alert, decided_at=at)
