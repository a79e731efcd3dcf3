"""``healthctl plan``: what a file gives here, or would change on a cluster."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
from health_pipeline import Component, HealthPipeline
from health_pipeline.spec import DEFAULT_NAMESPACE
from rich.console import Console

from healthctl import judgement
from healthctl.embedded.layout import Layout, lay_out, require_runnable, secret_variable, start_after
from healthctl.kubectl import deployed
from healthctl.spec_file import file_option, load_pipeline
from healthctl.tables import make_console, make_table

_CHANGES = 2  # as of `terraform plan -detailed-exitcode` and, but for the number, of `kubectl diff`


@click.command(short_help="Show what a file gives, without starting it.")
@file_option()
@click.option("--aws", is_flag=True, help="With AWS's own S3 and Glue where the file names no endpoint.")
@click.option("--against-cluster", is_flag=True, help="Show what applying it would change on kubectl's cluster.")
@click.option("-n", "--namespace", help="Of the pipeline there. [default: the file's, else kubectl's current one]")
@click.option("--detailed-exitcode", is_flag=True, help="End with 2 when it would change something on the cluster.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def plan(
    *, file: str, aws: bool, against_cluster: bool, namespace: str | None, detailed_exitcode: bool, output: str
) -> None:
    """Show what a file gives, without starting anything.

    On this machine: components, topics, infrastructure. With --against-cluster, what applying it would do to the
    pipeline that runs there: field by field, as the operator will judge it.

    \b
    Examples:
      healthctl plan -f k8s/examples/quickstart.yaml
      healthctl plan -f pipeline.yaml -o json | jq '.topics[].name'
      healthctl plan -f pipeline.yaml --against-cluster
    """
    if against_cluster:
        changes = _against_cluster(load_pipeline(file), namespace, output)
        sys.exit(_CHANGES if changes and detailed_exitcode else 0)
    if namespace or detailed_exitcode:
        raise click.UsageError("--namespace and --detailed-exitcode go with --against-cluster")
    pipeline = load_pipeline(file)
    require_runnable(pipeline)
    layout = lay_out(pipeline, lambda _component, _port: 0, on_aws=aws)
    if output == "json":
        click.echo(json.dumps(as_json(layout), indent=2))
    else:
        show(layout, make_console())


def _against_cluster(wanted: HealthPipeline, namespace: str | None, output: str) -> bool:
    """Show the judgement; whether anything would change."""
    given = wanted.namespace if wanted.namespace != DEFAULT_NAMESPACE else None
    found = judgement.judge(wanted, deployed(wanted.name, namespace or given))
    if output == "json":
        click.echo(json.dumps(judgement.as_json(found), indent=2))
    else:
        judgement.show(found, make_console())
    return found.changes


def as_json(layout: Layout) -> dict[str, Any]:
    """The plan as a document. Ports that are chosen at the start are 0; no secret is in it."""
    return {
        "pipeline": layout.pipeline.name,
        "infrastructure": {
            "kafka": "embedded" if layout.embeds_kafka else layout.kafka.bootstrap_servers,
            "s3": "embedded" if layout.embeds_lake else layout.lake.lake_endpoint or "AWS",
            "glue": _glue(layout),
            "lake": layout.lake.lake,
        },
        "components": [_component_json(component, layout) for component in layout.components],
        "topics": [
            {"name": topic.name, "partitions": topic.partitions, "replication": layout.replication}
            | {"config": topic.config}
            for topic in layout.topics
        ],
    }


def show(layout: Layout, console: Console) -> None:
    """The plan for a person."""
    console.print(f"[bold]{layout.pipeline.name}[/]: {len(layout.components)} components, {len(layout.topics)} topics")
    for name, where in as_json(layout)["infrastructure"].items():
        console.print(f"  {name:<6} {where}")
    parts = make_table("component", "runs", "starts after", "secrets", "niceness")
    for component in layout.components:
        after = ", ".join(start_after(component, layout))
        secrets = ", ".join(secret_variable(reference) for reference in component.secrets.values())
        parts.add_row(component.name, _runs(component), after, secrets, str(int(component.priority)))
    console.print(parts)
    topics = make_table("topic", "partitions", "settings")
    for topic in layout.topics:
        topics.add_row(topic.name, str(topic.partitions), " ".join(f"{k}={v}" for k, v in topic.config.items()))
    console.print(topics)


def _glue(layout: Layout) -> str:
    given = layout.pipeline.spec.catalog.endpoint
    return given or ("embedded" if layout.embeds_aws else "AWS")


def _runs(component: Component) -> str:
    master = getattr(component.settings, "spark_master", "")
    return f"{component.module} on {master}" if master else component.module


def _component_json(component: Component, layout: Layout) -> dict[str, Any]:
    return {
        "name": component.name,
        "stage": component.stage,
        "module": component.module,
        "after": list(start_after(component, layout)),
        "niceness": int(component.priority),
        "ports": sorted(component.ports),
        "secrets": {variable: secret_variable(reference) for variable, reference in component.secrets.items()},
        "env": component.env,
    }
