"""The one error that a user sees as a message instead of a traceback."""

from pathlib import Path


class NodeError(Exception):
    """Something a user can act on; the text says what and, if there is one, ends with the last lines of a log."""


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log, indented, or a word that there is none."""
    if not log.exists():
        return f"  ({log} was never written)"
    lines = log.read_text(errors="replace").splitlines()[-count:]
    return "\n".join(f"  | {line}" for line in lines) or "  (the log is empty)"
