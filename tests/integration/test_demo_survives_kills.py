"""``kill -9`` of each component while data flows changes neither the sums nor the rules on dispatches."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
KILLED = ("producer-vitals", "dispatch", "landing", "alerts")
DATA_S = 45


@pytest.fixture
def pipeline_file(tmp_path: Path) -> Path:
    """The quickstart, smaller."""
    document = yaml.safe_load((ROOT / "k8s/examples/quickstart.yaml").read_text())
    document["metadata"]["name"] = "kills"
    document["spec"]["lake"]["bucket"] = "s3://kills-lake"
    for source in document["spec"]["sources"]:
        source["simulate"]["duration"] = f"{DATA_S}s"
    document["spec"]["sources"][0]["simulate"] |= {"entities": 600, "eventsPerSecond": 600}
    file = tmp_path / "kills.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def wait_for(found: Callable[[], Any], seconds: float, what: str) -> Any:
    """What ``found`` gives once it gives anything true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := found():
            return result
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {seconds:g} s")


@pytest.mark.timeout(600)
def test_each_component_killed_while_data_flows(pipeline_file: Path, tmp_path: Path) -> None:
    state, output = tmp_path / "state", tmp_path / "demo"
    run_file = state / "health-streaming/kills/run.json"
    command = [sys.executable, "-m", "healthctl", "demo", "-f", str(pipeline_file), "-o", str(output)]
    log = tmp_path / "demo.log"

    def part(name: str) -> dict[str, Any]:
        with contextlib.suppress(FileNotFoundError):
            parts = json.loads(run_file.read_text())["components"]
            return next((each for each in parts if each["name"] == name), {})
        return {}

    def is_ready(name: str) -> bool:
        return part(name).get("state") == "ready"

    with log.open("wb") as said:
        demo = subprocess.Popen(command, env={**os.environ, "XDG_STATE_HOME": str(state)}, stdout=said, stderr=said)
        try:
            wait_for(lambda: demo.poll() is not None or all(map(is_ready, KILLED)), 300, "everything ready")
            assert demo.poll() is None, log.read_text()
            for name in KILLED:
                pid = part(name)["pid"]
                os.kill(pid, signal.SIGKILL)
                # The next one dies while this one is coming back.
                wait_for(lambda name=name, pid=pid: part(name).get("pid") not in (None, pid), 60, f"{name} again")
            assert demo.wait(400) == 0, log.read_text()
        finally:
            demo.terminate()
            demo.wait(30)
    summary = json.loads((output / "summary.json").read_text())
    assert summary["ok"], summary["complaints"]
    assert all(summary["restarts"][name] >= 1 for name in KILLED), summary["restarts"]
    assert summary["dispatched"] > 0
    assert summary["alerts"] == summary["expected"] > 0
