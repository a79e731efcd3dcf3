"""A child process that cannot outlive us, with everything that it starts."""

from __future__ import annotations

import atexit
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from healthctl.embedded import sessions

_LAUNCH = Path(__file__).with_name("launch.py")
_POLL_S = 0.05
_KILL_S = 10.0  # a process that the kernel cannot end by then waits for a disk, and will end
_LOG_TAIL_BYTES = 16_384
_FRAME = re.compile(r"\s+(at |\.\.\. \d+ more)")


@dataclass(frozen=True)
class Command:
    """What to run. Output goes to the end of ``log``; ``niceness`` is added to ours (0 first, 19 last).

    ``folder`` is its working directory (made when missing; ours when None).
    """

    name: str
    arguments: tuple[str, ...]
    log: Path
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    niceness: int = 0
    folder: Path | None = None


class Process:
    """A running command, the leader of a session of its own.

    Three things keep it from outliving us: ``stop``; the kernel, which ends the leader with the thread that started it;
    and the guard, which ends the rest of the session (a JVM, its Python workers) when we are gone.
    """

    def __init__(self, command: Command) -> None:
        self.command = command
        for folder in (command.log.parent, command.folder):
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
        launcher = (sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid()), str(command.niceness))
        with command.log.open("ab") as log:
            self._popen = subprocess.Popen(
                (*launcher, *command.arguments),
                env=dict(command.env),
                cwd=command.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _guard.watch(self.pid)

    @property
    def pid(self) -> int:
        """Of the leader, and so of the session."""
        return self._popen.pid

    def ended(self) -> int | None:
        """How the leader ended (a signal is negative, as subprocess has it); None while it runs."""
        return self._popen.poll()

    def send(self, number: int) -> None:
        """Signal every process of the session."""
        sessions.signal_all([self.pid], number)

    def ask_to_stop(self) -> None:
        """SIGTERM to the leader; its children end as it tells them to."""
        self._popen.send_signal(signal.SIGTERM)

    def stop(self, grace_s: float = 10.0) -> int:
        """Ask it to stop, wait, and kill what is left of the session; how the leader ended."""
        self.ask_to_stop()
        try:
            self._popen.wait(grace_s)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
        return self.clean_up()

    def clean_up(self) -> int:
        """Kill what is left of the session once its leader has ended or must; how the leader ended."""
        deadline = time.monotonic() + _KILL_S
        while sessions.signal_all([self.pid], signal.SIGKILL) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        _guard.forget(self.pid)
        return self._popen.wait()


def last_lines(log: Path, count: int) -> list[str]:
    """The last lines of a log that say something (frames of a Java trace do not); none when there is no log yet."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LOG_TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return []
    telling = (line.strip() for line in text.splitlines() if line.strip() and not _FRAME.match(line))
    return list(deque(telling, maxlen=count))


class _Guard:
    """The one guard process of this process, started with the first child."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._popen: subprocess.Popen[bytes] | None = None
        self._watched: set[int] = set()
        atexit.register(self.end)

    def watch(self, session: int) -> None:
        with self._lock:
            self._watched.add(session)
            self._tell(f"+{session}\n")

    def forget(self, session: int) -> None:
        with self._lock:
            self._watched.discard(session)
            self._tell(f"-{session}\n")

    def end(self) -> None:
        """Let it go, and see it gone: it first ends what it still watches."""
        if self._popen is not None and self._popen.stdin is not None:
            with suppress(BrokenPipeError, subprocess.TimeoutExpired):
                self._popen.stdin.close()
                self._popen.wait(_KILL_S)

    def _tell(self, line: str) -> None:
        if self._popen is None or self._popen.poll() is not None:
            self._popen = subprocess.Popen(
                (sys.executable, "-m", "healthctl.embedded.guard"),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
            line = "".join(f"+{session}\n" for session in self._watched)
        stdin = self._popen.stdin
        if stdin is not None:
            stdin.write(line.encode())
            stdin.flush()


_guard = _Guard()
