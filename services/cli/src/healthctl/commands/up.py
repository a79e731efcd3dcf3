"""``healthctl up``: run a pipeline in the foreground."""

from __future__ import annotations

import time
from collections.abc import Callable

import click
from rich.console import Console
from rich.live import Live

from healthctl.embedded.run import EmbeddedPipeline, Observation
from healthctl.embedded.supervisor import Status
from healthctl.errors import InputError
from healthctl.interrupts import Interrupted, interruptible
from healthctl.live import screen, status_line, summary_line
from healthctl.spec_file import file_option, load_pipeline

_LINE_EVERY_S = 10.0
_MAX_PORT = 65_535


@click.command(short_help="Run a pipeline here until Ctrl-C.")
@file_option()
@click.option(
    "--aws", is_flag=True, help="Where the file names no endpoint, use AWS's S3 and Glue and your credentials."
)
@click.option("--port", "ports", multiple=True, metavar="NAME=PORT", help="Fix a port, as in kafka.kafka=9092.")
def up(file: str, aws: bool, ports: tuple[str, ...]) -> None:
    """Run a pipeline here until Ctrl-C: Kafka, an S3 and Glue endpoint, Spark, every component, watcher and console.

    Everything listens on the loopback interface, on free ports (see healthctl status) unless --port says otherwise.
    What ends is restarted, with a growing pause. When this ends, however it ends, everything ends.

    The embedded S3 and Glue keep their data in memory, so each run starts empty; with a real lake (--aws, or endpoints
    in the file) Kafka's data is kept between runs. A Secret NAME with the key KEY is the environment variable
    HEALTH_SECRET_NAME_KEY.

    \b
    Examples:
      healthctl up -f k8s/examples/quickstart.yaml
      healthctl up -f pipeline.yaml --port kafka.kafka=9092 --port simulator.http=8080
      HEALTH_SECRET_VITALS_API_TOKEN=... healthctl up -f london.yaml --aws
    """
    pipeline = load_pipeline(file)
    console = Console(stderr=True, highlight=False)

    def say(line: str) -> None:
        click.echo(f"{time.strftime('%H:%M:%S')} {line}", err=True)

    def say_status(status: Status) -> None:
        if not console.is_terminal:  # there the table shows it
            say(status_line(status))

    runtime = EmbeddedPipeline(
        pipeline, on_aws=aws, watched=True, ports=_ports(ports), report=say, on_change=say_status
    )
    try:
        with interruptible(), runtime as running:
            say(f"{pipeline.name} is starting; its logs and data are in {running.state.path}")
            say(f"what it does can be seen on {running.console_url} as soon as the console is ready")
            if console.is_terminal:
                _show_table(running, console)
            else:
                _show_lines(running, say)
    except Interrupted as interrupt:
        say(f"{interrupt}: {pipeline.name} has ended, nothing of it runs any more")


def _show_lines(running: EmbeddedPipeline, say: Callable[[str], None]) -> None:
    known: set[str] = set()

    def show(seen: Observation) -> bool:
        for source in sorted(seen.troubles.keys() - known):
            say(f"{source}: {seen.troubles[source]}")
        for source in sorted(known - seen.troubles.keys()):
            say(f"{source}: it is read again")
        known.clear()
        known.update(seen.troubles)
        say(summary_line(seen))
        return False

    running.watch(show, interval_s=_LINE_EVERY_S)


def _show_table(running: EmbeddedPipeline, console: Console) -> None:
    kafka, lake = running.layout.kafka.bootstrap_servers, running.layout.lake.lake_endpoint
    where = f"Console {running.console_url}  Kafka {kafka}  S3 {lake or 'AWS'}"
    with Live(console=console, auto_refresh=False) as live:

        def show(seen: Observation) -> bool:
            live.update(screen(running.state.name, seen, where), refresh=True)
            return False

        running.watch(show)


def _ports(given: tuple[str, ...]) -> dict[str, int]:
    """``simulator.http=8080`` as {"simulator.http": 8080}."""
    wanted = {}
    for text in given:
        name, _, number = text.partition("=")
        if not (name and number.isdecimal() and 0 < int(number) <= _MAX_PORT):
            raise InputError(f"--port {text}: write NAME=PORT, as in simulator.http=8080")
        wanted[name] = int(number)
    return wanted
