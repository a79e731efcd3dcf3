"""Process sessions: a component, its JVM and that JVM's workers are one session, whatever groups they form.

The kernel signals a group, not a session, and PySpark's workers leave their group; so /proc is read. The standard
library only: the guard uses this too.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

_PROC = Path("/proc")


def members(sessions: Iterable[int]) -> list[int]:
    """Pids of all live processes in these sessions."""
    wanted = set(sessions)
    if not _PROC.is_dir():  # no Linux: the leader's group is the best there is
        return [pid for pid in wanted if _exists(pid)]
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit() and _session(entry) in wanted]


def signal_all(sessions: Iterable[int], number: int) -> bool:
    """Send a signal to every live process of these sessions; whether there were any."""
    pids = members(sessions)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
    return bool(pids)


def _session(entry: Path) -> int | None:
    """The session of a live process; None for a zombie and for one that has just gone."""
    try:
        # pid (name) state ppid pgrp session ...; the name may hold anything, also spaces and parentheses.
        state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
    except (OSError, ValueError):
        return None
    return None if state == "Z" else int(session)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
