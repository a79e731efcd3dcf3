"""The long-running programs of the node, children of its first process."""

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from node.errors import NodeError, last_lines
from node.paths import LOGS
from node.process import say, wait_until


class Parts:
    """Starts programs, each with a log of its own, and notices when one ends."""

    def __init__(self) -> None:
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str | Path]) -> None:
        say(f"  starting {name}")
        with (LOGS / f"{name}.log").open("wb") as log:
            self._running[name] = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_until(self, name: str, what: str, true: Callable[[], bool], timeout: float) -> None:
        """Wait for a condition that `name` brings about; NodeError with its log when a part ends or it takes long."""

        def check() -> bool:
            self._none_ended()
            return true()

        wait_until(what, check, timeout, lambda: f"the end of {name}'s log:\n{last_lines(LOGS / f'{name}.log')}")

    def _none_ended(self) -> None:
        for name, process in self._running.items():
            if process.poll() is not None:
                raise _ended(name, process.returncode)

    def reap_for_ever(self) -> None:
        """Reap every orphan of the namespace, as its first process must; NodeError when a part of the node ends."""
        names = {process.pid: name for name, process in self._running.items()}
        while True:
            pid, status = os.waitpid(-1, 0)
            if pid in names:
                raise _ended(names[pid], os.waitstatus_to_exitcode(status))


def _ended(name: str, code: int) -> NodeError:
    return NodeError(f"{name} ended with {code}; the end of its log:\n{last_lines(LOGS / f'{name}.log')}")
