"""The supervisor, on small real processes."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from healthctl.embedded import sessions
from healthctl.embedded.process import Command
from healthctl.embedded.supervisor import Backoff, Service, State, Status, StopRank, Supervisor, describe
from healthctl.embedded.waiting import wait_until
from healthctl.errors import HealthctlError
from hypothesis import given
from hypothesis import strategies as st

QUICK = Backoff(first_s=0.05, most_s=0.4, stable_s=30)
FOREVER = "import time\nwhile True: time.sleep(1)"


def _service(
    folder: Path, name: str, code: str, is_ready: Callable[[], bool] = lambda: True, **more: object
) -> Service:
    command = Command(name, (sys.executable, "-c", code), folder / f"{name}.log", niceness=3)
    return Service(command, is_ready, **more)  # type: ignore[arg-type]


@contextmanager
def _running(*services: Service, on_change: Callable[[Status], None] | None = None) -> Iterator[Supervisor]:
    supervisor = Supervisor(services, on_change, QUICK)
    supervisor.start()
    try:
        yield supervisor
    finally:
        supervisor.stop()


def _status(supervisor: Supervisor, name: str) -> Status:
    return next(status for status in supervisor.statuses() if status.name == name)


def test_a_killed_process_comes_back_and_the_reason_is_kept(tmp_path: Path) -> None:
    with _running(_service(tmp_path, "a", f"print('at work', flush=True)\n{FOREVER}")) as supervisor:
        assert wait_until(
            lambda: "at work" in (tmp_path / "a.log").read_text() if (tmp_path / "a.log").exists() else False, 10
        )
        first = _status(supervisor, "a").pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        assert wait_until(
            lambda: _status(supervisor, "a").restarts == 1 and _status(supervisor, "a").state is State.READY, 10
        )
        status = _status(supervisor, "a")
        assert status.pid != first
        assert status.reason == "killed by SIGKILL: at work"


def test_one_that_keeps_failing_is_started_ever_more_slowly(tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    code = f"import time\nopen({str(starts)!r}, 'a').write(f'{{time.time()}}\\n')\nraise SystemExit('no luck')"
    with _running(_service(tmp_path, "a", code, lambda: False)) as supervisor:
        assert wait_until(lambda: starts.exists() and starts.read_text().count("\n") > 4, 30)
        assert _status(supervisor, "a").reason == "exit code 1: no luck"
    times = [float(line) for line in starts.read_text().split()]
    pauses = [after - before for before, after in itertools.pairwise(times)]
    assert all(pause >= QUICK.pause_s(failures) for failures, pause in enumerate(pauses, start=1))


@given(st.integers(1, 200))
def test_the_pause_doubles_up_to_its_limit(failures: int) -> None:
    pause = Backoff().pause_s(failures)
    assert 0.5 <= pause <= 30
    assert Backoff().pause_s(failures + 1) == min(30, pause * 2)


def test_a_configuration_error_is_not_tried_again(tmp_path: Path) -> None:
    code = "import sys; print('HEALTH_URL is not set'); sys.exit(2)"
    with _running(_service(tmp_path, "a", code, lambda: False), _service(tmp_path, "b", FOREVER)) as supervisor:
        assert wait_until(lambda: _status(supervisor, "a").state is State.FAILED, 10)
        assert _status(supervisor, "a").reason == "exit code 2: HEALTH_URL is not set"
        assert wait_until(lambda: _status(supervisor, "b").state is State.READY, 10)
        supervisor.check()  # the rest goes on


def test_a_required_one_that_does_not_come_up_fails_the_whole(tmp_path: Path) -> None:
    code = "raise SystemExit('disk full')"
    told: list[State] = []
    service = _service(tmp_path, "a", code, lambda: False, required=True)
    with _running(service, on_change=lambda status: told.append(status.state)) as supervisor:
        assert wait_until(lambda: _status(supervisor, "a").state is State.FAILED, 10)
        with pytest.raises(HealthctlError, match="a did not come up: exit code 1: disk full"):
            supervisor.check()
    assert told == [State.STARTING, State.FAILED], "once, not again when the rest is stopped"
    with _running(_service(tmp_path, "b", FOREVER, lambda: False, required=True, start_timeout_s=0.3)) as supervisor:
        assert wait_until(lambda: _status(supervisor, "b").state is State.FAILED, 10)
        with pytest.raises(HealthctlError, match="not ready within"):
            supervisor.check()


def test_starts_wait_for_readiness_and_stops_go_by_rank(tmp_path: Path) -> None:
    note = f"open({str(tmp_path / 'stops')!r}, 'a').write"
    code = "import signal, sys\ndef stop(*_):\n    {note}('{name} ')\n    sys.exit(0)\n"
    code += "signal.signal(signal.SIGTERM, stop)\nprint('up', flush=True)\n" + FOREVER

    def service(name: str, rank: StopRank, *after: str) -> Service:
        log = tmp_path / f"{name}.log"
        text = code.format(note=note, name=name)
        return _service(tmp_path, name, text, lambda: "up" in log.read_text(), stop_rank=rank, after=after)

    ready: list[str] = []
    services = [
        service("feed", StopRank.FEED, "work"),
        service("work", StopRank.WORK, "infra"),
        service("infra", StopRank.INFRASTRUCTURE),
    ]

    def note_ready(status: Status) -> None:
        if status.state is State.READY:
            ready.append(status.name)

    with _running(*services, on_change=note_ready):
        assert wait_until(lambda: len(ready) == 3, 20)
    assert ready == ["infra", "work", "feed"]
    assert (tmp_path / "stops").read_text().split() == ["feed", "work", "infra"]


def test_children_of_an_ended_process_go_before_it_comes_back(tmp_path: Path) -> None:
    """As with a driver, its JVM and the JVM's workers, which are in a process group of their own."""
    child = f"import os\nos.setpgid(0, 0)\n{FOREVER}"
    code = f"import subprocess, sys\np = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
    code += f"print(p.pid, flush=True)\n{FOREVER}"
    log = tmp_path / "a.log"
    with _running(_service(tmp_path, "a", code, lambda: log.exists() and bool(log.read_text()))) as supervisor:
        assert wait_until(lambda: _status(supervisor, "a").state is State.READY, 10)
        leader, orphan = _status(supervisor, "a").pid, int(log.read_text())
        assert leader is not None
        os.kill(leader, signal.SIGKILL)
        assert wait_until(lambda: _status(supervisor, "a").restarts == 1, 10)
        assert orphan not in sessions.members([leader])
    assert sessions.members([leader]) == []


_OWNER = """
import subprocess, sys, time
from pathlib import Path
from healthctl.embedded.process import Command, Process
child = (
    "import signal, os, time\\nos.setpgid(0, 0)\\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\\n"
    "while True: time.sleep(1)"
)
stubborn = (
    "import signal, subprocess, sys, time\\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\\n"
    f"subprocess.Popen([sys.executable, '-c', {child!r}])\\nwhile True: time.sleep(1)"
)
polite = "import time\\nwhile True: time.sleep(1)"
folder = Path(sys.argv[1])
for name, code in (("s", stubborn), ("p", polite)):
    print(Process(Command(name, (sys.executable, "-c", code), folder / name)).pid, end=" ", flush=True)
print(flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_an_owner_that_is_killed(tmp_path: Path, number: int) -> None:
    """Not even a process that ignores SIGTERM, nor its child in another process group."""
    owner = subprocess.Popen([sys.executable, "-c", _OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert owner.stdout is not None
        stubborn, polite = map(int, owner.stdout.readline().split())
        assert wait_until(lambda: len(sessions.members([stubborn])) == 2, 20)
        owner.send_signal(number)
        assert wait_until(lambda: not sessions.members([polite]), 3)
        assert wait_until(lambda: not sessions.members([stubborn]), 15)
    finally:
        owner.kill()
        owner.communicate()


def test_background_work_is_nice(tmp_path: Path) -> None:
    code = f"import os\nprint(os.nice(0), flush=True)\n{FOREVER}"
    log = tmp_path / "a.log"
    with _running(_service(tmp_path, "a", code, lambda: log.exists() and bool(log.read_text()))) as supervisor:
        assert wait_until(lambda: _status(supervisor, "a").state is State.READY, 10)
    assert int(log.read_text()) == min(19, os.nice(0) + 3)


@pytest.mark.parametrize(
    ("code", "told", "reason"),
    [(-9, [], "killed by SIGKILL"), (3, ["ValueError: x"], "exit code 3: ValueError: x"), (0, [], "exit code 0")],
)
def test_an_end_is_described_in_words(code: int, told: list[str], reason: str) -> None:
    assert describe(code, told) == reason
