"""``healthctl status``: what runs."""

from __future__ import annotations

import json

import click
from rich.console import Console

from healthctl.embedded.ports import LOOPBACK
from healthctl.running import Run, find_run
from healthctl.tables import make_console, make_table


@click.command(short_help="Show the parts of a running pipeline.")
@click.argument("name", required=False)
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def status(name: str | None, output: str) -> None:
    """Show the parts of a running pipeline: state, pid, ports, restarts and why.

    NAME can be left out when only one runs. The JSON also holds how to reach Kafka, S3 and Glue.

    \b
    Examples:
      healthctl status
      healthctl status london -o json | jq -r .kafka.HEALTH_BOOTSTRAP_SERVERS
    """
    run = find_run(name)
    if output == "json":
        click.echo(json.dumps(run.document, indent=2))
    else:
        show(run, make_console())


def show(run: Run, console: Console) -> None:
    """The run for a person."""
    document = run.document
    console.print(f"[bold]{run.name}[/] since {document['started_at']} (pid {run.pid})")
    for part in run.components:
        if part["name"] == "console":
            console.print(f"  Console  http://{LOOPBACK}:{part['ports']['http']}")
    console.print(f"  Kafka    {document['kafka']['HEALTH_BOOTSTRAP_SERVERS']}")
    console.print(f"  S3       {document['lake']['HEALTH_LAKE_ENDPOINT'] or 'AWS'}  {document['lake']['HEALTH_LAKE']}")
    console.print(f"  Glue     {document['lake']['HEALTH_GLUE_ENDPOINT'] or 'AWS'}")
    table = make_table("component", "state", "pid", "restarts", "ports", "last ended with")
    for part in run.components:
        ports = " ".join(f"{name}={number}" for name, number in part["ports"].items())
        table.add_row(part["name"], part["state"], str(part["pid"] or ""), str(part["restarts"]), ports, part["reason"])
    console.print(table)
