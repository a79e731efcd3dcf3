"""Draws a dashboard from a real Prometheus's data: no Grafana draws so plainly, but a person sees what it shows."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from tests.monitoring.boards import filled_in
from tests.monitoring.server import Prometheus, Series

_SECONDS, _STEP = 300.0, 5.0
_UNIT_INCHES, _LINE_INCHES = 0.8, 0.42
_GREEN, _RED, _GREY = "#3a9d4f", "#c8322d", "#666666"
_MOST_LEGENDS, _MOST_ROWS = 12, 14

Panel = dict[str, Any]


def draw(board: dict[str, Any], prometheus: Prometheus, path: Path) -> None:
    """As a PNG, panels where Grafana would have them."""
    lines = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    figure = Figure(figsize=(24 * _UNIT_INCHES, lines * _LINE_INCHES + 0.6), facecolor="white")
    height = lines + 1.5
    figure.text(0.01, 1 - 0.5 / height, board["title"], fontsize=18, va="top")
    for panel in board["panels"]:
        place = panel["gridPos"]
        top = 1 - (place["y"] + 1.5) / height
        if panel["type"] == "row":
            figure.text(0.01, top - 0.8 / height, panel["title"], fontsize=14, weight="bold", color=_GREY)
            continue
        axes = figure.add_axes(
            (
                (place["x"] + 0.9) / 24,
                top - (place["h"] - 1.3) / height,
                (place["w"] - 1.2) / 24,
                (place["h"] - 2.4) / height,
            )
        )
        axes.set_title(panel["title"], fontsize=10, loc="left")
        _DRAW[panel["type"]](axes, panel, prometheus)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=70)


def shown(value: float, unit: str) -> str:
    """A value as it is read."""
    if math.isnan(value):
        return "?"
    if unit == "s" and abs(value) < 1:
        return f"{value * 1000:.3g} ms"
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    if unit == "bytes":
        return f"{value / 2**20:.4g} MiB"
    text = f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return text + {"s": " s", "cps": "/s", "ops": "/s"}.get(unit, "")


def _lines(axes: Axes, panel: Panel, prometheus: Prometheus) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    series = _series(panel, prometheus)
    now = time.time()
    curves = [
        (legend, [(at - now) / 60 for at, _ in points], [value for _, value in points]) for legend, points in series
    ]
    for legend, minutes, values in curves:
        axes.plot(minutes, values, linewidth=1.2, label=legend)
    axes.set_ylim(bottom=0)
    axes.set_xlim(-_SECONDS / 60, 0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: shown(value, defaults.get("unit", ""))))
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.3)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[:_MOST_LEGENDS], labels[:_MOST_LEGENDS], fontsize=6, loc="upper left", ncols=2)


def _figure(axes: Axes, panel: Panel, prometheus: Prometheus) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    ((_, points), *_others) = _series(panel, prometheus) or [("", [(0.0, math.nan)])]
    value = next((value for _, value in reversed(points) if not math.isnan(value)), math.nan)
    steps = defaults["thresholds"]["steps"]
    colours = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    colour = {"green": _GREEN, "red": _RED}[colours[-1]]
    axes.set_axis_off()
    axes.text(0.5, 0.4, shown(value, defaults.get("unit", "")), ha="center", va="center", fontsize=20, color=colour)


def _states(axes: Axes, panel: Panel, prometheus: Prometheus) -> None:
    series = _series(panel, prometheus)
    now = time.time()
    for line, (_, points) in enumerate(series):
        colours = [_GREEN if value == 1 else _RED for _, value in points]
        axes.broken_barh([((at - now) / 60, _STEP / 60) for at, _ in points], (line - 0.4, 0.8), facecolors=colours)
    axes.set_yticks(range(len(series)), [legend for legend, _ in series], fontsize=7)
    axes.set_xlim(-_SECONDS / 60, 0)
    axes.tick_params(axis="x", labelsize=7)


def _table(axes: Axes, panel: Panel, prometheus: Prometheus) -> None:
    organise = panel["transformations"][1]["options"]
    columns = organise["indexByName"]
    keys = [name for name in columns if not name.startswith("Value #")]
    units = {over["matcher"]["options"]: over["properties"][0]["value"] for over in panel["fieldConfig"]["overrides"]}
    titles = [organise["renameByName"].get(name, name) for name in columns if name not in organise["excludeByName"]]
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for target in panel["targets"]:
        title = organise["renameByName"][f"Value #{target['refId']}"]
        for series in prometheus.instant(filled_in(target["expr"])):
            key = tuple(series["metric"].get(label, "") for label in keys)
            rows.setdefault(key, {})[title] = shown(float(series["value"][1]), units.get(title, ""))
    cells = [[*key, *(values.get(title, "") for title in titles[len(keys) :])] for key, values in sorted(rows.items())]
    axes.set_axis_off()
    if cells:
        drawn = axes.table(cells[:_MOST_ROWS], colLabels=titles, loc="upper left", cellLoc="left")
        drawn.auto_set_font_size(False)
        drawn.set_fontsize(8)


def _series(panel: Panel, prometheus: Prometheus) -> list[tuple[str, Sequence[tuple[float, float]]]]:
    """Legend and points of every series of a panel's queries."""
    return [
        (_legend(target, series), [(float(at), float(value)) for at, value in series["values"]])
        for target in panel["targets"]
        for series in prometheus.over_time(filled_in(target["expr"]), _SECONDS, _STEP)
    ]


def _legend(target: dict[str, Any], series: Series) -> str:
    fill = target.get("legendFormat", "")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: series["metric"].get(match[1], ""), fill)


_DRAW = {"timeseries": _lines, "stat": _figure, "state-timeline": _states, "table": _table}
