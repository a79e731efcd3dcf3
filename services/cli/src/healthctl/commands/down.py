"""``healthctl down``: end a pipeline."""

from __future__ import annotations

import os
import shutil
import signal

import click

from healthctl.embedded.state import StateDir
from healthctl.embedded.waiting import wait_until
from healthctl.errors import HealthctlError, InputError
from healthctl.running import find_run

TIMEOUT_S = 60.0


@click.command(short_help="End a running pipeline.")
@click.argument("name", required=False)
@click.option("--delete-data", is_flag=True, help="Also delete its folder: Kafka's data and the logs.")
def down(name: str | None, delete_data: bool) -> None:
    """End a running pipeline, cleanly: sources first, Kafka last.

    NAME can be left out when only one runs.

    \b
    Examples:
      healthctl down
      healthctl down london --delete-data
    """
    if delete_data and name is None:
        raise InputError("say whose data is to be deleted: healthctl down NAME --delete-data")
    state = StateDir.of(name) if name is not None else None
    if not (delete_data and state is not None and state.path.is_dir() and not state.is_running()):
        state = _end(name)
    if delete_data:
        shutil.rmtree(state.path)
        click.echo(f"deleted {state.path}")


def _end(name: str | None) -> StateDir:
    run = find_run(name)
    os.kill(run.pid, signal.SIGTERM)
    if not wait_until(lambda: not run.state.is_running(), TIMEOUT_S):
        raise HealthctlError(
            f"pipeline {run.name} still runs {TIMEOUT_S:.0f} s after it was told to end (pid {run.pid})"
        )
    click.echo(f"pipeline {run.name} has ended")
    return run.state
