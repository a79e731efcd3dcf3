"""``healthctl demo``: a bounded run, checked to the last record."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from healthctl.demo.run import run_demo
from healthctl.interrupts import Interrupted, interruptible
from healthctl.spec_file import file_option, load_pipeline


@click.command(short_help="Run a pipeline to the end of its data, and check every record.")
@file_option()
@click.option("-o", "--output", metavar="FOLDER", default="build/demo", show_default=True, help="For summary.json.")
def demo(file: str, output: str) -> None:
    """Run a pipeline whose sources are all simulated and bounded; wait until everything has arrived; check and tell.

    It fails, saying why, when an item that a source served is not in the lake, an alert has no outcome, a vehicle was
    sent twice or too far, a table is empty, or a part is down at the end.

    \b
    Example:
      healthctl demo -f k8s/examples/quickstart.yaml -o build/demo
    """
    pipeline = load_pipeline(file)
    console = Console(highlight=False)
    try:
        with interruptible():
            is_good = run_demo(pipeline, Path(output), console)
    except Interrupted as interrupt:
        raise click.ClickException(
            f"{interrupt}: the demo was ended before its time, nothing of it runs any more"
        ) from None
    sys.exit(0 if is_good else 1)
