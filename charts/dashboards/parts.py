"""What the dashboards are made of: panels in our style, on whatever Prometheus the reader chooses."""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from grafana_foundation_sdk.builders import common as build
from grafana_foundation_sdk.builders import dashboard as make
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATASOURCE = dashboard.DataSourceRef("prometheus", "${datasource}")
WIDTH, _HEIGHT, _LOW = 24, 8, 4
TAG = "health-streaming"
HIDDEN = ""  # the title of a column that only brings its labels

T = TypeVar("T")
_ONLY = ("Value", "Value #A")
Panel = timeseries.Panel | stat.Panel | table.Panel | statetimeline.Panel | make.Row


@dataclass(frozen=True)
class Query:
    """PromQL, and how its series are called: ``{{label}}`` stands for a label's value."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Column:
    """Of a table: a query of one value for each row, its title and unit. Red from ``bad_from`` on."""

    title: str
    expr: str
    unit: str = "short"
    decimals: int = 0
    bad_from: float | None = None


def lines(title: str, doc: str, unit: str, *queries: Query, width: int = 12, stacked: bool = False) -> timeseries.Panel:
    """Curves over time, from 0 on."""
    panel = (
        timeseries.Panel().title(title).description(doc).datasource(DATASOURCE).unit(unit).span(width).height(_HEIGHT)
        .min(0).line_width(1).fill_opacity(25 if stacked else 6).show_points(common.VisibilityMode.NEVER)
        .tooltip(build.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
        .legend(_legend().calcs(["lastNotNull", "max"]))
    )  # fmt: skip
    if stacked:
        panel = panel.stacking(build.StackingConfig().mode(common.StackingMode.NORMAL))
    return panel.targets([_target(query, letter) for query, letter in _lettered(queries)])


def figure(
    title: str, doc: str, unit: str, query: Query, *, width: int = 4, decimals: int = 0,
    bad_from: float | None = None, bad_below: float | None = None,
) -> stat.Panel:  # fmt: skip
    """The latest value, large, over a faint curve; red from ``bad_from`` on, or below ``bad_below``."""
    return (
        stat.Panel().title(title).description(doc).datasource(DATASOURCE).unit(unit).span(width).height(_LOW)
        .decimals(decimals).graph_mode(common.BigValueGraphMode.AREA).color_mode(common.BigValueColorMode.VALUE)
        .reduce_options(build.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(make.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(_steps(bad_from, bad_below)))
        .targets([_target(query, "A")])
    )  # fmt: skip


def states(title: str, doc: str, query: Query, good: str, bad: str, *, width: int = 12) -> statetimeline.Panel:
    """A band for each series over time: green and called ``good`` where it is 1, red and ``bad`` where it is 0."""
    names = {"1": dashboard.ValueMappingResult(good, "green"), "0": dashboard.ValueMappingResult(bad, "red")}
    return (
        statetimeline.Panel().title(title).description(doc).datasource(DATASOURCE).span(width).height(_HEIGHT)
        .mappings([dashboard.ValueMap(names)]).merge_values(True).row_height(0.8).fill_opacity(70).line_width(0)
        .show_value(common.VisibilityMode.NEVER).legend(_legend()).tooltip(build.VizTooltipOptions())
        .targets([_target(query, "A")])
    )  # fmt: skip


def rows(title: str, doc: str, keys: Sequence[str], columns: Sequence[Column], *, height: int = 9) -> table.Panel:
    """A table with a row for each combination of the labels ``keys``, which every column's series must have."""
    values = {f"Value #{letter}": column for column, letter in _lettered(columns)}
    order = {name: place for place, name in enumerate([*keys, *values])}
    organise = {
        # Grafana calls the only value of a table otherwise than one of several.
        "excludeByName": {"Time": True} | {name: True for it in columns if it.title == HIDDEN for name in _ONLY},
        "indexByName": order,
        "renameByName": {name: column.title for name, column in values.items()},
    }
    panel = table.Panel().title(title).description(doc).datasource(DATASOURCE).span(WIDTH).height(height)
    panel = panel.show_header(True).overrides([])  # which a table must have, empty or not
    for column in (it for it in columns if it.title != HIDDEN):
        panel = panel.override_by_name(column.title, _format(column))
    transformed = [dashboard.DataTransformerConfig(name, options=given) for name, given in
                   (("merge", {}), ("organize", organise))]  # fmt: skip
    return panel.transformations(transformed).targets([_row_target(it, letter) for it, letter in _lettered(columns)])


def row(title: str) -> make.Row:
    """A heading; what follows is below it."""
    return make.Row(title)


def choice(name: str, label: str, query: str, *, several: bool = False) -> make.QueryVariable:
    """A variable that is chosen from what Prometheus knows; all of them at first where there may be several."""
    variable = (
        make.QueryVariable(name).label(label).datasource(DATASOURCE).query(query)
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(dashboard.VariableSort.ALPHABETICAL_ASC)
    )  # fmt: skip
    if several:
        everything = dashboard.VariableOption(selected=True, text="All", value="$__all")
        variable = variable.multi(True).include_all(True).all_value(".*").current(everything)
    return variable


def board(
    uid: str, title: str, doc: str, variables: Iterable[make.QueryVariable], panels: Iterable[Panel]
) -> dashboard.Dashboard:
    """A dashboard of the last hour, linked to its sisters. Panels fill it from left to right and are numbered."""
    builder = (
        make.Dashboard(title).uid(uid).description(doc).tags([TAG]).time("now-1h", "now").refresh("30s")
        .timezone("browser").tooltip(dashboard.DashboardCursorSync.CROSSHAIR).readonly()
        .link(make.DashboardLink("Health pipelines").type(dashboard.DashboardLinkType.DASHBOARDS).tags([TAG])
              .as_dropdown(True).include_vars(True).keep_time(True))
        .with_variable(make.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )  # fmt: skip
    for variable in variables:
        builder = builder.with_variable(variable)
    for panel in panels:
        builder = builder.with_row(panel) if isinstance(panel, make.Row) else builder.with_panel(panel)
    built = builder.build()
    for number, made in enumerate(built.panels or [], 1):
        made.id_val = number
    for chosen in built.templating.list_val or []:
        chosen.auto = chosen.auto_min = chosen.auto_count = None  # the SDK gives all variables those of an interval
    return built


def _legend() -> build.VizLegendOptions:
    placed = build.VizLegendOptions().placement(common.LegendPlacement.BOTTOM)
    return placed.display_mode(common.LegendDisplayMode.LIST).show_legend(True)


def _lettered(items: Iterable[T]) -> Iterable[tuple[T, str]]:
    return zip(items, string.ascii_uppercase, strict=False)


def _target(query: Query, letter: str) -> prometheus.Dataquery:
    made = prometheus.Dataquery().expr(query.expr).ref_id(letter).datasource(DATASOURCE).range()
    return made.legend_format(query.legend) if query.legend else made


def _row_target(column: Column, letter: str) -> prometheus.Dataquery:
    made = prometheus.Dataquery().expr(column.expr).ref_id(letter).datasource(DATASOURCE)
    return made.instant().format(PromQueryFormat.TABLE)


def _steps(bad_from: float | None, bad_below: float | None) -> list[dashboard.Threshold]:
    if bad_below is not None:
        return [dashboard.Threshold(None, "red"), dashboard.Threshold(bad_below, "green")]
    steps = [dashboard.Threshold(None, "green")]
    return steps if bad_from is None else [*steps, dashboard.Threshold(bad_from, "red")]


def _format(column: Column) -> list[dashboard.DynamicConfigValue]:
    properties = [
        dashboard.DynamicConfigValue("unit", column.unit),
        dashboard.DynamicConfigValue("decimals", column.decimals),
    ]
    if column.bad_from is not None:
        steps = [dashboard.Threshold(None, "text"), dashboard.Threshold(column.bad_from, "red")]
        thresholds = dashboard.ThresholdsConfig(dashboard.ThresholdsMode.ABSOLUTE, steps)
        coloured = {"type": "color-text"}
        properties += [
            dashboard.DynamicConfigValue("thresholds", thresholds),
            dashboard.DynamicConfigValue("custom.cellOptions", coloured),
        ]
    return properties
