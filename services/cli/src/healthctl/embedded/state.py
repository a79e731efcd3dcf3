"""What a running pipeline leaves on disk: one folder per name, with its logs, its Kafka's data and ``run.json``.

A lock on the folder tells a running pipeline from what a crashed one has left: the kernel lets it go with the process.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from healthctl.errors import HealthctlError


def state_root() -> Path:
    """Where the folders of all pipelines are."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "health-streaming"


@dataclass(frozen=True)
class StateDir:
    """The folder of one pipeline."""

    path: Path

    @classmethod
    def of(cls, name: str) -> StateDir:
        """The folder of the pipeline of that name, whether it exists or not."""
        return cls(state_root() / name)

    @classmethod
    def known(cls) -> list[StateDir]:
        """The folders of all pipelines that have ever run here, by name."""
        root = state_root()
        return [cls(path) for path in sorted(root.iterdir()) if path.is_dir()] if root.is_dir() else []

    @property
    def name(self) -> str:
        """Of the pipeline."""
        return self.path.name

    @property
    def run_file(self) -> Path:
        """What runs, as JSON: for ``status``, ``down`` and everyone else."""
        return self.path / "run.json"

    def log(self, component: str) -> Path:
        """A component's log."""
        return self.path / "logs" / f"{component}.log"

    def work(self, component: str) -> Path:
        """A component's working directory and place for temporary files; emptied at the start of a run."""
        return self.path / "work" / component

    @property
    def kafka(self) -> Path:
        """The data of the embedded Kafka."""
        return self.path / "kafka"

    def is_running(self) -> bool:
        """Whether a healthctl holds the folder."""
        try:
            with self._lock_file.open("r+") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def read_run(self) -> dict[str, Any] | None:
        """The run file; None when there is none."""
        try:
            run: dict[str, Any] = json.loads(self.run_file.read_text())
        except FileNotFoundError:
            return None
        return run

    def write_run(self, run: dict[str, Any]) -> None:
        """Replace the run file as a whole."""
        partial = self.run_file.with_suffix(".part")
        partial.write_text(json.dumps(run, indent=1) + "\n")
        partial.replace(self.run_file)

    def hold(self) -> IO[str]:
        """Take the folder for this process until the answer is closed; HealthctlError when another one has it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = self._lock_file.open("a+")
        except OSError as error:
            raise HealthctlError(f"the state folder cannot be written ({error}): set XDG_STATE_HOME") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            run = self.read_run() or {}
            raise HealthctlError(
                f"pipeline {self.name} runs already (pid {run.get('pid', 'unknown')}): "
                f"see healthctl status {self.name}, end it with healthctl down {self.name}"
            ) from None
        return lock

    def begin(self, keep_kafka: bool) -> None:
        """Make room for a new run: the last run's logs are kept aside, the rest goes."""
        self.run_file.unlink(missing_ok=True)
        logs, previous = self.path / "logs", self.path / "logs.previous"
        if logs.exists():
            shutil.rmtree(previous, ignore_errors=True)
            logs.rename(previous)
        shutil.rmtree(self.path / "work", ignore_errors=True)
        if not keep_kafka:
            shutil.rmtree(self.kafka, ignore_errors=True)

    @property
    def _lock_file(self) -> Path:
        return self.path / "lock"
