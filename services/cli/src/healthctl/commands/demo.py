"""``healthctl demo``: a bounded run, checked to the last record."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from health_pipeline.quantities import Duration
from rich.console import Console

from healthctl.demo.run import run_demo
from healthctl.interrupts import Interrupted, interruptible
from healthctl.spec_file import file_option, load_pipeline

_LEAST = Duration(1000)


def _duration(_context: click.Context, _option: click.Parameter, text: str) -> Duration:
    try:
        duration = Duration.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if duration < _LEAST:
        raise click.BadParameter(f"at least {_LEAST}, not {text}")
    return duration


@click.command(short_help="Run a pipeline to the end of its data, and check every record.")
@file_option()
@click.option(
    "--data",
    metavar="DURATION",
    default="60s",
    show_default=True,
    callback=_duration,
    help="How much data of each source that has no duration of its own in the file; of vehicles 30 s more.",
)
@click.option("-o", "--output", metavar="FOLDER", default="build/demo", show_default=True, help="For summary.json.")
def demo(file: str, data: Duration, output: str) -> None:
    """Run a pipeline whose sources are all simulated to an end; wait until everything has arrived; check and tell.

    It fails, saying why, when an item that a source served is not in the lake, an alert has no outcome, a vehicle was
    sent twice or too far, a table is empty, or a part is down at the end.

    \b
    Examples:
      healthctl demo -f k8s/examples/quickstart.yaml -o build/demo
      healthctl demo -f k8s/examples/quickstart.yaml --data 5m
    """
    pipeline = load_pipeline(file)
    console = Console(highlight=False)
    try:
        with interruptible():
            is_good = run_demo(pipeline, data, Path(output), console)
    except Interrupted as interrupt:
        raise click.ClickException(
            f"{interrupt}: the demo was ended before its time, nothing of it runs any more"
        ) from None
    sys.exit(0 if is_good else 1)
