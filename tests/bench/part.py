"""A component of ours as a process, for as long as a ``with`` lasts."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from health_pipeline.settings import Settings

READY_WITHIN_S = 120.0


def free_port() -> int:
    """A port of the loopback interface that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    module: str, settings: Settings, log: Path, secrets: Mapping[str, str] = MappingProxyType({})
) -> Iterator[None]:
    """Run ``python -m module``; the body starts once /readyz says yes. RuntimeError if it dies.

    ``secrets``: the variables that settings do not write.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, **settings.to_env(), **secrets, "PYSPARK_PYTHON": sys.executable}
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", module], env=env, stdout=output, stderr=output)
        try:
            _wait_ready(process, settings.metrics_port, log, READY_WITHIN_S)
            yield
        finally:
            process.terminate()
            process.wait(30)


def _wait_ready(process: subprocess.Popen[bytes], port: int, log: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"it ended with {process.returncode}: see {log}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"it was not ready within {seconds:g} s: see {log}")
