"""Which pipeline a command means, and what its run file says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from healthctl.embedded.state import StateDir
from healthctl.errors import HealthctlError, InputError


@dataclass(frozen=True)
class Run:
    """A running pipeline as its run file describes it."""

    state: StateDir
    document: dict[str, Any]

    @property
    def name(self) -> str:
        """Of the pipeline."""
        return self.state.name

    @property
    def pid(self) -> int:
        """Of the healthctl that runs it."""
        return int(self.document["pid"])

    @property
    def components(self) -> list[dict[str, Any]]:
        """Infrastructure and components."""
        return list(self.document["components"])


def find_run(name: str | None) -> Run:
    """The running pipeline of that name, or the only one there is; HealthctlError saying what there is otherwise."""
    if name is None:
        running = [state for state in StateDir.known() if state.is_running()]
        if not running:
            raise HealthctlError("no pipeline runs here: start one with healthctl up -f FILE")
        if len(running) > 1:
            names = ", ".join(state.name for state in running)
            raise InputError(f"several pipelines run here, say which one: {names}")
        state = running[0]
    else:
        state = StateDir.of(name)
        if not state.is_running():
            raise HealthctlError(_not_running(state))
    document = state.read_run()
    if document is None:
        raise HealthctlError(f"pipeline {state.name} is just starting: try again in a moment")
    return Run(state, document)


def split_name(arguments: tuple[str, ...], what: str) -> tuple[str | None, str]:
    """``[NAME] WHAT`` as (name or None, what); InputError when there are more or fewer."""
    if len(arguments) == 1:
        return None, arguments[0]
    if len(arguments) == 2:  # noqa: PLR2004 (a name and what is meant)
        return arguments
    raise InputError(f"expected [NAME] {what}, got {len(arguments)} arguments (quote what belongs together)")


def _not_running(state: StateDir) -> str:
    left = state.read_run()
    if left is not None:
        return (
            f"pipeline {state.name} does not run: the healthctl that ran it (pid {left['pid']}) was ended without "
            f"cleaning up; its processes are gone, its logs are in {state.path / 'logs'}"
        )
    known = "it has run here before" if state.path.exists() else "it has never run here"
    return f"pipeline {state.name} does not run ({known}): start it with healthctl up -f FILE"
