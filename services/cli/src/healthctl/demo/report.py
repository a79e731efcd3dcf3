"""The summary as a person reads it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from healthctl.demo.summary import Summary

MAX_ROWS = 5


def show(summary: Summary, console: Console) -> None:
    """Print everything, the verdict last, where the eye ends."""
    _show_sources(summary, console)
    _show_dispatch(summary, console)
    _show_latency(summary, console)
    console.print(_table("Tables in the lake", ("table", "rows"), summary.tables.items()))
    for answer in summary.answers:
        shown = answer.rows[:MAX_ROWS]
        columns = tuple(shown[0]) if shown else ("no rows",)
        console.print(_table(answer.title, columns, [row.values() for row in shown]))
        console.print(f'  healthctl query "{" ".join(answer.sql.split())}"', style="dim", soft_wrap=True, markup=False)
    _show_time(summary, console)
    restarted = [f"{name} {count} x" for name, count in summary.restarts.items() if count]
    if restarted:
        console.print(f"[yellow]Restarted[/]  {', '.join(restarted)}")
    if summary.complaints:
        console.print("\n[bold red]Not as it must be:[/]")
        for complaint in summary.complaints:
            console.print(f"  [red]✗[/] {complaint}")
    else:
        console.print(
            "\n[bold green]✓ Every item that a source served is accounted for, every alert has its outcome.[/]"
        )


def _show_sources(summary: Summary, console: Console) -> None:
    keys = ("served", "produced", "landed", "dead_lettered", "duplicates")
    body = [(name, *(getattr(account, key) for key in keys)) for name, account in summary.sources.items()]
    console.print(_table("From source to lake", ("source", *(key.replace("_", "-") for key in keys)), body))


def _show_dispatch(summary: Summary, console: Console) -> None:
    account = summary.dispatch
    console.print(
        f"\n[bold]Alerts[/] {account.alerts}: [green]{account.dispatched} dispatched[/], "
        f"{account.suppressed} suppressed (the patient has or awaits a vehicle), {account.unassigned} unassigned; "
        f"{account.doubled} doubled, {account.out_of_radius} out of radius",
        soft_wrap=True,
    )
    for example in summary.examples:
        console.print(
            f"  {example['patient']}  {example['reading']}  ->  {example['vehicle']}, "
            f"{example['km']:.2f} km away, decided {example['ms']:.0f} ms after the reading",
            highlight=False,
            soft_wrap=True,
        )


def _show_time(summary: Summary, console: Console) -> None:
    """When each part was ready, counted from the command, and how long each stage took."""
    ready = {
        stage.removesuffix("_ready"): seconds
        for stage, seconds in summary.seconds.items()
        if stage.endswith("_ready") and not stage.startswith(("producer", "prepare"))
    }
    spent = {stage: seconds for stage, seconds in summary.seconds.items() if not stage.endswith("_ready")}
    for title, found in (("Ready after", ready), ("Spent on", spent)):
        told = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in found.items())
        console.print(f"\n[bold]{title}[/]  {told}", soft_wrap=True)


def _show_latency(summary: Summary, console: Console) -> None:
    names = {"alert": "vitals -> alert", "dispatch": "vitals -> dispatch"}
    body = [(names[path], *found.values()) for path, found in summary.latency_ms.items()]
    console.print(_table("Latency from the moment of the reading, ms", ("path", "p50", "p95", "p99", "max"), body))
    if summary.first_alert_seconds is not None:
        console.print(f"  first alert {summary.first_alert_seconds:.1f} s after the start of this command")


def _table(title: str, columns: Sequence[str], body: Iterable[Iterable[Any]]) -> Table:
    table = Table(title=f"\n{title}", title_justify="left", title_style="bold", box=None, header_style="dim")
    lines = [list(line) for line in body]
    for index, column in enumerate(columns):
        is_number = any(isinstance(line[index], int | float) for line in lines)
        table.add_column(column, justify="right" if is_number else "left")
    for line in lines:
        table.add_row(*(_text(value) for value in line))
    return table


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str("-" if value is None else value)
