"""``healthctl up`` as a process: what it needs before it starts, what it shows, and that nothing is left of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from healthctl.embedded.state import StateDir
from healthctl.embedded.waiting import wait_until

from tests.unit.health_producer.misbehaving import serving

PIPELINE: dict[str, Any] = {
    "apiVersion": "health-streaming.com/v1alpha1",
    "kind": "HealthPipeline",
    "metadata": {"name": "small"},
    "spec": {
        "lake": {"bucket": "s3://small-lake", "triggerInterval": "2s"},
        "sources": [{"name": "weather", "simulate": {"entities": 4, "eventsPerSecond": 20}}],
    },
}
# How long the whole may take to come up, or to go, on a machine that is busy with other things.
UP_S, LAND_S, GONE_S = 240, 240, 30


class Healthctl:
    """The command with a state folder of its own; every process that descends from it carries the folder's name."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.log = folder / "up.log"
        self.file = folder / "pipeline.yaml"
        self.file.write_text(yaml.safe_dump(PIPELINE))
        self.environ = {**os.environ, "XDG_STATE_HOME": str(self.state)}

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "healthctl", *arguments]
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=120, check=False)
        assert "Traceback" not in done.stderr
        return done

    @contextmanager
    def up(self) -> Iterator[subprocess.Popen[bytes]]:
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "healthctl", "up", "-f", str(self.file)]
            process = subprocess.Popen(command, env=self.environ, stdout=log, stderr=log)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(60)

    def states(self) -> dict[str, str]:
        """As the run file says; the same as ``status -o json``."""
        run = StateDir(self.state / "health-streaming" / "small").read_run()
        return {part["name"]: part["state"] for part in run["components"]} if run else {}

    def processes(self) -> list[str]:
        """Command lines of all live processes that descend from it."""
        mark = f"XDG_STATE_HOME={self.state}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:  # it has just ended, or is not ours
                continue
        return found


@pytest.fixture
def healthctl(tmp_path: Path, spark_jars: Path) -> Iterator[Healthctl]:  # noqa: ARG001 (they are fetched before)
    command = Healthctl(tmp_path)
    yield command
    assert wait_until(lambda: not command.processes(), GONE_S), command.processes()


@pytest.mark.spark
@pytest.mark.timeout(600)
def test_it_runs_answers_and_ends_cleanly_when_told(healthctl: Healthctl) -> None:
    """With a source that answers 500, which it says, and goes on with the others."""
    with serving(lambda request: request.reply(500, b"oops", "text/plain")) as url:
        broken = {"name": "gps", "endpoint": {"url": url}}
        spec = PIPELINE["spec"] | {"sources": [*PIPELINE["spec"]["sources"], broken]}
        healthctl.file.write_text(yaml.safe_dump(PIPELINE | {"spec": spec}))
        _runs_answers_and_ends(healthctl, f" gps: {url} answers 500 (oops); next try in ")


def _runs_answers_and_ends(healthctl: Healthctl, trouble: str) -> None:
    with healthctl.up() as process:
        assert wait_until(
            lambda: healthctl.states().get("landing") == "ready" or process.poll() is not None, UP_S, 1
        ), healthctl.log.read_text()
        shown = json.loads(healthctl("status", "-o", "json").stdout)["components"]
        assert {"kafka", "aws", "simulator", "producer-weather", "transform"} <= {part["name"] for part in shown}
        again = healthctl("up", "-f", str(healthctl.file))
        assert again.returncode == 1
        assert f"Error: pipeline small runs already (pid {process.pid})" in again.stderr

        def rows() -> int:
            done = healthctl("query", "SELECT count(*) AS n FROM weather", "-o", "json")
            return int(json.loads(done.stdout)["n"]) if done.returncode == 0 else 0

        assert wait_until(lambda: rows() > 0, LAND_S, 4), healthctl("logs", "landing").stdout
        assert wait_until(lambda: trouble in healthctl.log.read_text(), LAND_S), healthctl.log.read_text()
        assert healthctl.log.read_text().count(trouble) == 1
        assert healthctl("query", "SELECT nothing FROM weather").returncode == 2
        assert "INFO" in healthctl("logs", "landing").stdout
        done = healthctl("down")
        assert (done.returncode, done.stdout) == (0, "pipeline small has ended\n")
        assert process.wait(10) == 0
    assert "SIGTERM: small has ended, nothing of it runs any more" in healthctl.log.read_text()
    assert healthctl.processes() == []


@pytest.mark.spark
@pytest.mark.timeout(400)
def test_nothing_is_left_when_it_is_killed(healthctl: Healthctl) -> None:
    """Not the JVMs under the Spark drivers, nor their Python workers."""
    with healthctl.up() as process:
        assert wait_until(lambda: any("SparkSubmit" in line for line in healthctl.processes()), UP_S)
        process.send_signal(signal.SIGKILL)
        assert wait_until(lambda: not healthctl.processes(), GONE_S), healthctl.processes()
    done = healthctl("status", "small")
    assert done.returncode == 1
    assert f"the healthctl that ran it (pid {process.pid}) was ended without cleaning up" in done.stderr


def test_a_busy_port_is_one_clear_line(healthctl: Healthctl) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = healthctl("up", "-f", str(healthctl.file), "--port", f"simulator.http={port}")
    assert done.returncode == 1
    assert done.stderr == (
        f"Error: port {port}, wanted for simulator.http, is busy: another program listens on it. "
        "Give another one, or none to have a free one chosen\n"
    )
    done = healthctl("up", "-f", str(healthctl.file), "--port", "simulator.htp=8080")
    assert done.stderr.startswith("Error: nothing listens on a port called simulator.htp: there are aws.http, ")
    assert " simulator.http, " in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_missing_secret_says_which_variable_to_set(healthctl: Healthctl) -> None:
    endpoint = {"url": "http://127.0.0.1:9/v1/weather", "secretRef": {"name": "weather-api", "key": "token"}}
    document = PIPELINE | {"spec": PIPELINE["spec"] | {"sources": [{"name": "weather", "endpoint": endpoint}]}}
    healthctl.file.write_text(yaml.safe_dump(document))
    done = healthctl("up", "-f", str(healthctl.file))
    assert done.returncode == 1
    assert done.stderr == (
        "Error: producer-weather needs the secret weather-api, key token: "
        "set HEALTH_SECRET_WEATHER_API_TOKEN in the environment\n"
    )


def test_a_kafka_that_does_not_answer_is_one_clear_line(healthctl: Healthctl) -> None:
    external = {"mode": "external", "external": {"bootstrapServers": "127.0.0.1:9", "tls": False}}
    healthctl.file.write_text(yaml.safe_dump(PIPELINE | {"spec": PIPELINE["spec"] | {"kafka": external}}))
    done = healthctl("up", "-f", str(healthctl.file))
    assert done.returncode == 1
    assert done.stderr.startswith("Error: the topics cannot be made on 127.0.0.1:9: ")
    assert done.stderr.endswith(". Does that Kafka run, and is spec.kafka.external right?\n")
    assert done.stderr.count("\n") == 1
