"""Every image runs as nobody on a read-only root file system, says what it misses, and ends when it is told to."""

from __future__ import annotations

from pathlib import Path

import pytest
from health_pipeline.settings import (
    ConsoleSettings,
    DispatchSettings,
    LagSettings,
    ProducerSettings,
    Settings,
    SimulatedSource,
    SimulatorSettings,
)
from imagebuild.table import images

from tests.images.conftest import ImageRoot, Run, WaitFor
from tests.images.containers import Pod

ALL = images(Path(__file__).parents[2])
KAFKA = {"pipeline": "p", "metrics_port": 9464, "bootstrap_servers": "127.0.0.1:9092"}
TOLD: dict[str, Settings] = {
    "producer": ProducerSettings(**KAFKA, source="vitals", url="http://127.0.0.1:8080/v1/vitals"),
    "dispatch": DispatchSettings(
        **KAFKA, radius_km=5, position_ttl_s=30, patient_cooldown_s=300, retry_for_s=60, ack_timeout_s=30,
        alert_ttl_s=60,
    ),
    "console": ConsoleSettings(**KAFKA, port=8080),
    "lag": LagSettings(**KAFKA, port=8080, targets=()),
    "simulator": SimulatorSettings(
        **KAFKA, port=8080, sources=(SimulatedSource(name="vitals", entities=5, events_per_second=5, seed=1),)
    ),
}  # fmt: skip
_INSIDE = """
set -e
test "$(id -u)" = 10001
! touch /anywhere /opt/anywhere 2>/dev/null
touch /tmp/somewhere
for program in gcc cc g++ make pip git; do ! command -v $program; done
"""


@pytest.mark.parametrize("name", sorted(ALL))
def test_an_image_says_who_it_runs_as_and_holds_no_tools(image_root: ImageRoot, run_image: Run, name: str) -> None:
    assert image_root(name)[1]["User"] == "10001:10001"
    code, told = run_image(name, args=["sh", "-c", _INSIDE]).wait()
    assert (code, told) == (0, "")


@pytest.mark.parametrize("name", sorted(image.name for image in ALL.values() if image.member and image.module))
def test_a_service_can_be_imported_and_is_compiled(run_image: Run, name: str) -> None:
    module = ALL[name].module
    code = f"import {module}.__main__ as m; from pathlib import Path; print(Path(m.__cached__).exists())"
    assert run_image(name, args=["python", "-c", code]).wait() == (0, "True\n")


@pytest.mark.parametrize("name", sorted(TOLD))
def test_a_service_that_is_told_nothing_says_what_it_misses(run_image: Run, name: str) -> None:
    code, told = run_image(name).wait()
    assert code == 2
    assert "HEALTH_PIPELINE is not set" in told


@pytest.mark.parametrize("name", sorted(TOLD))
def test_a_service_without_kafka_lives_and_ends_when_it_is_told_to(
    pod: Pod, run_image: Run, wait_for: WaitFor, name: str
) -> None:
    service = run_image(name, env=TOLD[name].to_env())
    wait_for(lambda: pod.answers("http://127.0.0.1:9464/livez"), service, 60)
    code, seconds = service.stop()
    assert code == 0, service.log.read_text()
    assert seconds < 10


def test_a_service_that_is_still_starting_can_be_stopped(run_image: Run, wait_for: WaitFor) -> None:
    service = run_image("producer", args=["sh", "-c", "echo begun; exec python -c 'import time; time.sleep(60)'"])
    wait_for(lambda: "begun" in service.log.read_text(), service, 30)
    code, seconds = service.stop()
    assert code == 128 + 15
    assert seconds < 5
