"""The program that `helm test` of the platform runs, against real sockets."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading

from charts.vendor import PLATFORM

PROGRAM = PLATFORM / "files" / "answers.py"


def test_it_waits_until_all_take_connections() -> None:
    with socket.socket() as early, socket.socket() as late:
        for each in (early, late):
            each.bind(("127.0.0.1", 0))
        early.listen()
        addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in (early, late)]
        threading.Timer(0.5, late.listen).start()
        done = subprocess.run([sys.executable, "-c", PROGRAM.read_text(), *addresses], capture_output=True, text=True,
                              timeout=60, check=False)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    first, refused, *_, last = done.stdout.splitlines()
    assert (first, last) == (f"{addresses[0]} answers", f"{addresses[1]} answers")
    assert "Connection refused" in refused
