"""Ends what a crashed owner has left behind: a process of its own that outlives the owner by a few seconds.

The owner writes lines to its standard input: ``+123`` for a session that must not outlive the owner, ``-123`` for one
that has ended. The kernel closes the pipe when the owner is gone, however it went; what is left then is given
``GRACE_S`` seconds after a SIGTERM, and is killed.
"""

from __future__ import annotations

import signal
import sys
import time

from healthctl.embedded import sessions

GRACE_S = 4.0


def main() -> None:
    """Watch until the owner is gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # ends when its owner does, not before
    watched: set[int] = set()
    for line in sys.stdin:
        session = int(line[1:])
        (watched.add if line[0] == "+" else watched.discard)(session)
    end(watched)


def end(watched: set[int]) -> None:
    """SIGTERM, a few seconds, SIGKILL until nothing is left."""
    deadline = time.monotonic() + GRACE_S
    left = signal_until(watched, signal.SIGTERM, deadline)
    if left:
        signal_until(watched, signal.SIGKILL, deadline + GRACE_S)


def signal_until(watched: set[int], number: int, deadline: float) -> bool:
    """Signal once a second until nothing is left or it is too late; whether something is left."""
    left = bool(watched) and sessions.signal_all(watched, number)
    while left and time.monotonic() < deadline:
        time.sleep(0.1)
        left = bool(sessions.members(watched))
        if left and number == signal.SIGKILL:
            sessions.signal_all(watched, number)
    return left


if __name__ == "__main__":
    main()
