"""Reading a statement in Athena's SQL: what it wants, of which tables, and whether it may; pure.

Only reading is allowed. ``raw.`` and ``transformed.`` stand for the pipeline's databases, whose full names work too.
Without either, a table that is named like an event of the contract is the raw one, and any other a transformed one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import sqlglot
from health_events import EVENTS
from health_pipeline.settings import LakeSettings
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from health_catalog.errors import QueryError
from health_catalog.schemas import RAW, TRANSFORMED

ZONES = (RAW, TRANSFORMED)
_RAW_TABLES = frozenset(event.name for event in EVENTS)

Kind = Literal["select", "explain", "show tables", "show partitions", "describe"]

_READS = ("SELECT", "WITH", "(")
_ALLOWED = "SELECT, WITH, EXPLAIN, SHOW TABLES, SHOW PARTITIONS and DESCRIBE"
_NAME = r"(?P<name>[\w.\"`]+)"
_SMALL: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("show tables", re.compile(r"SHOW\s+TABLES(\s+(IN|FROM)\s+(?P<zone>[\w\"`]+))?", re.IGNORECASE)),
    ("show partitions", re.compile(rf"SHOW\s+PARTITIONS\s+{_NAME}", re.IGNORECASE)),
    ("describe", re.compile(rf"DESC(RIBE)?\s+(TABLE\s+)?{_NAME}", re.IGNORECASE)),
)
# Nodes that change something, or whose meaning the parser does not know.
_FORBIDDEN = (exp.DML, exp.DDL, exp.Into, exp.Command, exp.Copy, exp.Attach, exp.Set, exp.Pragma, exp.Use)


@dataclass(frozen=True)
class TableName:
    """A table by its zone and its name."""

    zone: str
    name: str

    def __str__(self) -> str:
        return f"{self.zone}.{self.name}"


@dataclass(frozen=True)
class Statement:
    """One statement that may run.

    ``tables``: those it reads or asks about. ``query``: what is selected or explained, None for the small statements.
    ``zone``: of ``show tables``, None for all of them.
    """

    text: str
    kind: Kind
    tables: tuple[TableName, ...] = ()
    query: exp.Expr | None = None
    zone: str | None = None


def read_statement(sql: str, settings: LakeSettings) -> Statement:
    """The one statement in ``sql``; QueryError when it is not one, cannot be read, or does more than read."""
    text = sql.rstrip().rstrip(";")
    word, start, end = _first_word(text)
    if word == "EXPLAIN":
        # Blanks in its place, so that a mistake is reported where it is.
        return _query("explain", re.sub(r"\S", " ", text[:end]) + text[end:], text, settings)
    if word in _READS:
        return _query("select", text, text, settings)
    for kind, pattern in _SMALL:
        if match := pattern.fullmatch(text[start:].rstrip()):
            return _small(kind, match.group(), match.groupdict(), settings)
    raise QueryError(f"{word} is not allowed here: this is for reading only ({_ALLOWED})")


def for_athena(statement: Statement, settings: LakeSettings) -> str:
    """The statement's own text with ``raw.`` and ``transformed.`` replaced by the databases' names."""
    if statement.kind == "show tables":
        return f"SHOW TABLES IN `{settings.glue_database(statement.zone or RAW)}`"
    if statement.query is None:
        (table,) = statement.tables
        return f"{statement.kind.upper()} `{settings.glue_database(table.zone)}`.`{table.name}`"
    text = statement.text
    for start, end, zone in sorted(_edits(statement.query), reverse=True):
        dot = "." if start == end else ""
        text = f'{text[:start]}"{settings.glue_database(zone)}"{dot}{text[end:]}'
    return text


def _parse(text: str) -> list[exp.Expr]:
    """The statements in ``text``; QueryError with the place of the first mistake."""
    try:
        return [item for item in sqlglot.parse(text, read="athena") if not isinstance(item, exp.Semicolon | None)]
    except ParseError as error:
        where = error.errors[0]
        mark = str(where.get("highlight") or "").strip()
        near = f" near {mark!r}" if mark else ""
        # sqlglot adds the names of its own classes to some of its messages.
        said = re.sub(r" (but got|for) <.*", "", str(where.get("description")))
        raise QueryError(f"line {where.get('line')}, column {where.get('col')}: {said}{near}") from error
    except SqlglotError as error:
        raise QueryError(f"cannot be read: {error}") from error


def is_cte(table: exp.Table) -> bool:
    """Whether the name stands for a WITH of the same statement that can be seen from where it is used."""
    if table.args.get("db"):
        return False
    inside: list[exp.Expr] = []
    for node in _ancestors(table):
        found = node.args.get("with_")
        if isinstance(found, exp.With) and table.name.lower() in _visible(found, inside):
            return True
        inside.append(node)
    return False


def _visible(found: exp.With, inside: list[exp.Expr]) -> set[str]:
    """Names of a WITH's parts as seen from inside of these nodes: a part sees those before it; RECURSIVE, itself."""
    names: set[str] = set()
    for part in found.expressions:
        is_here = any(part is node for node in inside)
        if not is_here or found.recursive:
            names.add(part.alias_or_name.lower())
        if is_here:
            break
    return names


def zone_of(database: str, settings: LakeSettings) -> str | None:
    """The zone that a database's name stands for, or None."""
    given = database.strip('"`').lower()
    return next((zone for zone in ZONES if given in (zone, settings.glue_database(zone).lower())), None)


def table_name(table: exp.Table, settings: LakeSettings) -> TableName:
    """Which table is meant; QueryError when there is no such database."""
    if table.catalog and table.catalog.lower() != "awsdatacatalog":
        raise QueryError(f"no catalog {table.catalog!r}: there is AwsDataCatalog")
    zone = _zone(table.db, settings) if table.db else _usual_zone(table.name)
    return TableName(zone, table.name.lower())


def _usual_zone(name: str) -> str:
    return RAW if name.lower() in _RAW_TABLES else TRANSFORMED


def _zone(database: str, settings: LakeSettings) -> str:
    zone = zone_of(database, settings)
    if zone is None:
        raise QueryError(f"no database {database!r}: there are {' and '.join(ZONES)}")
    return zone


def _query(kind: Kind, readable: str, text: str, settings: LakeSettings) -> Statement:
    found = _parse(readable)
    if len(found) != 1:
        raise QueryError(f"one statement at a time, not {len(found)}")
    (query,) = found
    if not isinstance(query, exp.Query):
        raise QueryError(f"{query.key.upper()} is not allowed: this is for reading only ({_ALLOWED})")
    _refuse_more_than_reading(query)
    tables = {table_name(table, settings) for table in query.find_all(exp.Table) if not is_cte(table)}
    return Statement(text, kind, tuple(sorted(tables, key=str)), query)


def _refuse_more_than_reading(query: exp.Expr) -> None:
    for node in query.walk():
        if isinstance(node, _FORBIDDEN) and not isinstance(node, exp.Query):
            raise QueryError(f"{node.key.upper()} is not allowed: this is for reading only ({_ALLOWED})")
        is_function = isinstance(node, exp.Table) and not isinstance(node.this, exp.Identifier)
        if is_function or (isinstance(node, exp.Lateral) and not isinstance(node.this, exp.Query | exp.Unnest)):
            raise QueryError(f"FROM {node.this.sql('athena')} is not allowed: only tables, subqueries and UNNEST are")


def _small(kind: Kind, text: str, given: dict[str, str | None], settings: LakeSettings) -> Statement:
    if kind == "show tables":
        zone = given.get("zone")
        return Statement(text, kind, zone=zone and _zone(zone, settings))
    parts = [part.strip('"`') for part in str(given["name"]).split(".")]
    zone = _zone(parts[-2], settings) if len(parts) > 1 else _usual_zone(parts[-1])
    return Statement(text, kind, (TableName(zone, parts[-1].lower()),))


def _first_word(text: str) -> tuple[str, int, int]:
    """The first word in capitals, where it starts and where it ends; comments are no words."""
    try:
        # Trino's rules for all: sqlglot's tokens for the Hive half of Athena are of no use here.
        tokens = sqlglot.tokenize(text, read="trino")
    except SqlglotError as error:
        raise QueryError("cannot be read: a quote or a comment is not closed") from error
    if not tokens:
        raise QueryError("there is no statement")
    return tokens[0].text.upper(), tokens[0].start, tokens[0].end + 1


def _ancestors(node: exp.Expr) -> Iterator[exp.Expr]:
    above = node.parent
    while above is not None:
        yield above
        above = above.parent


def _edits(query: exp.Expr) -> Iterator[tuple[int, int, str]]:
    """Where a database's name goes: from, to (the same where there is none yet), and its zone."""
    for node in query.find_all(exp.Table, exp.Column):
        database, name = node.args.get("db"), node.this
        if isinstance(database, exp.Identifier):
            if database.name.lower() in ZONES:
                yield database.meta["start"], database.meta["end"] + 1, database.name.lower()
        elif isinstance(node, exp.Table) and not is_cte(node):
            yield name.meta["start"], name.meta["start"], _usual_zone(node.name)
