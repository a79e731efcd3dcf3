"""Becomes the program it is given, after asking the kernel to end it together with its parent.

Runs as ``python -I -S launch.py <parent pid> <niceness> program arguments...``: a small program of its own, because
Python code between fork and exec is not safe in a process with threads. Only the standard library, nothing of ours.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: int, niceness: int, command: list[str]) -> None:
    """Never returns: it is the command from here on (or has ended, when the parent is gone already)."""
    if sys.platform == "linux":
        # SIGTERM, so that a component still ends cleanly. Whoever does not is killed by the guard a little later.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the process that started this one is gone")
    os.nice(niceness)
    os.execvp(command[0], command)  # noqa: S606 (a program of ours, no shell)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
