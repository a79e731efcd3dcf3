"""``healthctl logs``: what a component says."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import IO

import click

from healthctl.embedded.state import StateDir
from healthctl.errors import HealthctlError
from healthctl.running import find_run, split_name

_INTERVAL_S = 0.2


@click.command(short_help="Show what a component says.")
@click.argument("arguments", nargs=-1, metavar="[NAME] COMPONENT")
@click.option("-f", "--follow", is_flag=True, help="Go on as it says more; Ctrl-C ends.")
@click.option("-n", "--lines", type=click.IntRange(0), default=50, show_default=True, help="How many lines back.")
def logs(arguments: tuple[str, ...], follow: bool, lines: int) -> None:
    """Show a component's log; after the end of a run too, when NAME is given.

    Components are those of ``healthctl status``, and kafka and aws (the S3 and Glue endpoint).

    \b
    Examples:
      healthctl logs alerts -f
      healthctl logs london landing -n 200
    """
    name, component = split_name(arguments, "COMPONENT")
    state = StateDir.of(name) if name is not None else find_run(None).state
    log = state.log(component)
    if not log.is_file():
        there = sorted(path.stem for path in log.parent.glob("*.log")) if log.parent.is_dir() else []
        raise HealthctlError(f"{state.name} has no log of {component}: there are {', '.join(there) or 'none'}")
    with log.open("rb") as file:
        _tail(file, lines)
        with suppress(KeyboardInterrupt):
            while follow:
                time.sleep(_INTERVAL_S)
                click.echo(file.read(), nl=False)


def _tail(file: IO[bytes], lines: int) -> None:
    """Print the last lines and leave the file at its end."""
    content = file.read().splitlines(keepends=True)
    click.echo(b"".join(content[len(content) - lines :] if lines < len(content) else content), nl=False)
