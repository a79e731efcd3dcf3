"""Run programs, bounded in time, with their output in a log and errors that show its end."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from node.errors import NodeError, last_lines

HEARTBEAT_SECONDS = 30.0
POLL_SECONDS = 0.1


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is what a command line tool is for


def output(command: Sequence[str | Path], timeout: float = 60, env: Mapping[str, str] | None = None) -> str:
    """What a short command prints; NodeError with what it said when it fails or takes longer than `timeout` seconds."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            timeout=timeout,
            env=merged(env),
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except FileNotFoundError:
        raise NodeError(f"there is no program '{command[0]}' on this machine") from None
    except subprocess.TimeoutExpired:
        raise NodeError(f"'{_short(command)}' did not end within {timeout:.0f} s") from None
    if done.returncode:
        raise NodeError(f"'{_short(command)}' ended with {done.returncode}:\n{_indented(done.stderr or done.stdout)}")
    return done.stdout


def logged(
    what: str,
    command: Sequence[str | Path],
    log: Path,
    timeout: float,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Run a long command with its output in `log`; say now and then that it still runs; NodeError when it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=sink,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=cwd,
            env=merged(env),
            start_new_session=True,
        )
        try:
            code = _wait_with_heartbeat(process, what, started, timeout)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    if code:
        raise NodeError(f"{what} failed ('{_short(command)}' ended with {code}); the end of {log}:\n{last_lines(log)}")


def _wait_with_heartbeat(process: subprocess.Popen[bytes], what: str, started: float, timeout: float) -> int:
    while True:
        left = started + timeout - time.monotonic()
        if left <= 0:
            raise NodeError(f"{what} did not end within {timeout / 60:.0f} min")
        try:
            return process.wait(min(left, HEARTBEAT_SECONDS))
        except subprocess.TimeoutExpired:
            say(f"  {what}: {time.monotonic() - started:.0f} s so far")


def wait_until(what: str, true: Callable[[], bool], timeout: float, explain: Callable[[], str] = lambda: "") -> None:
    """Poll `true` until it holds; after `timeout` seconds NodeError with what `explain` says."""
    deadline = time.monotonic() + timeout
    while not true():
        if time.monotonic() > deadline:
            raise NodeError(f"{what}: not within {timeout:.0f} s\n{explain()}".rstrip())
        time.sleep(POLL_SECONDS)


def merged(env: Mapping[str, str] | None) -> dict[str, str]:
    return {**os.environ, **(env or {})}


def _short(command: Sequence[str | Path]) -> str:
    return " ".join(str(part) for part in command)[:160]


def _indented(text: str) -> str:
    return "\n".join(f"  | {line}" for line in text.strip().splitlines()[-15:])
