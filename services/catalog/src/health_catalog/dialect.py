"""Athena's SQL as duckdb's; pure.

sqlglot does most of it. Here is what it leaves out, or where duckdb would answer something else without a word. Not the
other way round: a query that runs here can still be one that Athena refuses (duckdb is more lenient).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pyarrow as pa
from health_pipeline.settings import LakeSettings
from sqlglot import exp
from sqlglot.errors import ErrorLevel, UnsupportedError

from health_catalog.errors import QueryError
from health_catalog.statements import TableName, is_cte, table_name, zone_of

# Integer division as in Athena: 7 / 2 is 3. Division by zero is an error there and here.
SETTINGS = ("SET TimeZone = 'UTC'", "SET integer_division = true")

# Functions of Trino's that duckdb has not. Trino's great circle is on a sphere of 6371.01 km.
MACROS = (
    "at_timezone(t, zone) AS timezone(zone, t)",
    "from_unixtime_nanos(n) AS make_timestamptz(n // 1000)",
    "to_iso8601(t) AS strftime(t, '%Y-%m-%dT%H:%M:%S.%g')",
    "to_milliseconds(i) AS epoch_ms(i)",
    "infinity() AS 'inf'::DOUBLE",
    "nan() AS 'nan'::DOUBLE",
    "is_finite(x) AS isfinite(x)",
    "is_infinite(x) AS isinf(x)",
    "width_bucket(x, low, high, n) AS CASE WHEN x < low THEN 0 WHEN x >= high THEN n + 1 "
    "ELSE CAST(floor((x - low) * n / (high - low)) AS BIGINT) + 1 END",
    "great_circle_distance(lat1, lon1, lat2, lon2) AS 2 * 6371.01 * asin(sqrt(pow(sin(radians(lat2 - lat1) / 2), 2) "
    "+ cos(radians(lat1)) * cos(radians(lat2)) * pow(sin(radians(lon2 - lon1) / 2), 2)))",
)

# Joda-Time's pattern letters, those that have a counterpart in strftime.
_JODA = {
    "yyyy": "%Y", "YYYY": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%-m", "dd": "%d", "d": "%-d",
    "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I", "mm": "%M", "m": "%-M", "ss": "%S", "s": "%-S", "SSS": "%g",
    "a": "%p", "EEEE": "%A", "EEE": "%a", "Z": "%z",
}  # fmt: skip
_JODA_PARTS = re.compile(r"'(?P<quoted>[^']*)'|(?P<letters>([A-Za-z])\3*)|(?P<other>.)", re.DOTALL)


def to_duckdb(query: exp.Expr, schemas: Mapping[TableName, pa.Schema], settings: LakeSettings) -> str:
    """The query for a duckdb that has a schema for each zone. QueryError for what cannot be said in it."""
    rows = _columns_of_rows(schemas)
    translated = _with_column_names(query.copy()).transform(_named_by_zone, settings).transform(_for_duckdb, rows)
    try:
        return translated.sql("duckdb", unsupported_level=ErrorLevel.RAISE)
    except UnsupportedError as error:
        raise QueryError(f"local SQL cannot do this, Athena can: {error}") from error


_NAMED = (exp.Alias, exp.Aliases, exp.Column, exp.Dot)


def _with_column_names(query: exp.Expr) -> exp.Expr:
    """Columns of the answer that have no name are _col0, _col1, ... in Athena; duckdb calls them by their SQL."""
    first = query
    while isinstance(first, exp.SetOperation | exp.Subquery):
        first = first.this
    if isinstance(first, exp.Select):
        named = [
            item if item.is_star or isinstance(item, _NAMED) else exp.alias_(item, f"_col{index}", copy=False)
            for index, item in enumerate(first.expressions)
        ]
        first.set("expressions", named)
    return query


def _named_by_zone(node: exp.Expr, settings: LakeSettings) -> exp.Expr:
    if isinstance(node, exp.Table) and not is_cte(node):
        node.set("db", exp.to_identifier(table_name(node, settings).zone))
        node.set("catalog", None)
    # What looks like a column's database can be a table's alias before a column and its field.
    if isinstance(node, exp.Column) and (zone := zone_of(node.db, settings)):
        node.set("db", exp.to_identifier(zone))
        node.set("catalog", None)
    return node


def _for_duckdb(node: exp.Expr, rows: frozenset[str]) -> exp.Expr:
    if isinstance(node, exp.DateDiff):
        return _date_diff(node)
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.JSONExtract) and node.to.is_type(*_TEXT):
        # Athena takes the quotes off a JSON string when it casts it to text.
        return exp.JSONExtractScalar(**{**node.this.args, "scalar_only": True})
    if isinstance(node, exp.Unnest):
        return _unnest(node, rows)
    if isinstance(node, exp.ApproxQuantile) and node.args.get("weight"):
        raise QueryError("local SQL has no weights for approx_percentile; Athena has")
    if isinstance(node, exp.Reduce) and _is_identity(node.args.get("finish")):
        node.set("finish", None)
    if isinstance(node, exp.ParseDatetime):
        return exp.Anonymous(this="strptime", expressions=[node.this, _strftime(node.args["format"])])
    if isinstance(node, exp.Anonymous):
        return _anonymous(node)
    return node


_TEXT = (exp.DType.VARCHAR, exp.DType.TEXT)


def _is_identity(function: exp.Expr | None) -> bool:
    return isinstance(function, exp.Lambda) and [function.this] == function.expressions


def _date_diff(node: exp.DateDiff) -> exp.Expr:
    """Athena counts the whole units between; so does duckdb's datesub, but its date_diff counts boundaries crossed."""
    unit = exp.Literal.string(node.text("unit").lower())
    return exp.Anonymous(this="datesub", expressions=[unit, node.expression, node.this])


def _unnest(node: exp.Unnest, rows: frozenset[str]) -> exp.Expr:
    """A list of rows becomes a column for each of their fields, as in Athena; duckdb would give one struct."""
    lists = node.expressions
    if not any(isinstance(item, exp.Column) and item.name.lower() in rows for item in lists):
        return node
    if len(lists) > 1 or node.args.get("offset"):
        raise QueryError("local SQL unnests a list of rows only by itself and without ORDINALITY; Athena does both")
    spread = exp.Anonymous(
        this="unnest",
        expressions=[lists[0], exp.PropertyEQ(this=exp.to_identifier("max_depth"), expression=exp.Literal.number(2))],
    )
    return exp.Lateral(this=exp.select(spread).subquery(copy=False), alias=node.args.get("alias"))


def _anonymous(node: exp.Anonymous) -> exp.Expr:
    name, given = node.name.lower(), node.expressions
    if name == "format_datetime" and len(given) == 2:  # noqa: PLR2004 (its number of arguments)
        return exp.Anonymous(this="strftime", expressions=[given[0], _strftime(given[1])])
    if name in ("any_match", "all_match", "none_match") and len(given) == 2:  # noqa: PLR2004
        kept = exp.Anonymous(this="len", expressions=[exp.ArrayFilter(this=given[0], expression=given[1])])
        if name == "any_match":
            return exp.paren(exp.GT(this=kept, expression=exp.Literal.number(0)))
        every = exp.Anonymous(this="len", expressions=[given[0].copy()])
        return exp.paren(exp.EQ(this=kept, expression=every if name == "all_match" else exp.Literal.number(0)))
    return node


def _strftime(pattern: exp.Expr) -> exp.Expr:
    """A Joda-Time pattern as one of strftime."""
    if not isinstance(pattern, exp.Literal):
        raise QueryError("local SQL needs a date pattern that is written out")
    text = ""
    for part in _JODA_PARTS.finditer(pattern.name):
        letters = part["letters"]
        if letters and letters not in _JODA:
            raise QueryError(f"local SQL does not know {letters!r} in the date pattern {pattern.name!r}; Athena may")
        plain = part["quoted"] if part["quoted"] is not None else part["other"] or ""
        text += _JODA[letters] if letters else plain.replace("%", "%%") or "'"
    return exp.Literal.string(text)


def _columns_of_rows(schemas: Mapping[TableName, pa.Schema]) -> frozenset[str]:
    """Names of the columns that are lists of rows."""
    found = (field for schema in schemas.values() for field in schema)
    return frozenset(
        field.name.lower()
        for field in found
        if isinstance(field.type, pa.ListType) and isinstance(field.type.value_type, pa.StructType)
    )
