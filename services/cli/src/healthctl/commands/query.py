"""``healthctl query``: ask the lake."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from health_pipeline.settings import LakeSettings

from healthctl.embedded.lake import embedded_credentials
from healthctl.embedded.layout import lay_out
from healthctl.errors import HealthctlError, InputError
from healthctl.meter import Meter
from healthctl.running import find_run, split_name
from healthctl.spec_file import file_option, load_pipeline

if TYPE_CHECKING:
    import pyarrow as pa


@click.command(short_help="Ask the lake in SQL.")
@click.argument("arguments", nargs=-1, metavar='[NAME] "SQL"')
@file_option(required=False)
@click.option(
    "--named", metavar="QUERY", help="A query by its name instead of SQL; list: says which there are.",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True,
    help="A table for people, CSV with a header, or JSON with an object a line.",
)  # fmt: skip
@click.option(
    "--warehouse", is_flag=True, help="Ask the duckdb warehouse of a pipeline that runs here, in its dialect."
)
def query(arguments: tuple[str, ...], file: str | None, named: str | None, output: str, warehouse: bool) -> None:
    """Ask the lake in SQL (the dialect of Athena).

    The statement goes to Athena when the pipeline has a workgroup, and is answered on this machine otherwise. With -f
    the pipeline need not run here: the file says where its lake is. Ctrl-C stops the query in Athena as well; what it
    has read, and about what that costs, is said on standard error.

    \b
    Examples:
      healthctl query "SELECT count(*) FROM vitals"
      healthctl query "SELECT * FROM dispatch_outcomes LIMIT 5" -o json
      healthctl query london "SHOW TABLES" -o csv
      healthctl query -f london.yaml "SELECT * FROM vitals_minute LIMIT 5"
      healthctl query --warehouse "SELECT count(*) FROM vitals_minute"
      healthctl query --named list
      healthctl query london --named rising-scores
    """
    if named == "list":
        click.echo(_questions(), nl=False)
        return
    name, sql = split_name((*arguments, _sql_of(named)) if named else arguments, '"SQL"')
    if file is not None and name is not None:
        raise InputError("give the pipeline's name or its file, not both")
    if warehouse:
        answer = _of_warehouse(name, file, sql)
    else:
        with _lake(name, file) as (settings, workgroup):
            answer = _ask(settings, workgroup, sql)
    click.echo(_formats()[output](answer), nl=False)


@contextmanager
def _lake(name: str | None, file: str | None) -> Iterator[tuple[LakeSettings, str]]:
    """Where to ask: the lake's settings and Athena's workgroup, if any."""
    if file is not None:
        layout = lay_out(load_pipeline(file), lambda _component, _port: 0, on_aws=True)
        athena = layout.pipeline.spec.catalog.athena
        yield layout.lake, athena.workgroup if athena else ""
        return
    document = find_run(name).document
    settings = LakeSettings.from_env(document["lake"])
    if document["embedded"]["lake"]:
        with embedded_credentials():
            yield settings, ""
    else:
        yield settings, document["athena_workgroup"]


def _ask(settings: LakeSettings, workgroup: str, sql: str) -> pa.Table:
    # Both are slow to import, and --help needs neither.
    from health_catalog.athena import AthenaSql  # noqa: PLC0415
    from health_catalog.errors import CatalogError, QueryError  # noqa: PLC0415
    from health_catalog.sql import LocalSql  # noqa: PLC0415

    try:
        if not workgroup:
            return LocalSql(settings).query(sql)
        with Meter(sys.stderr) as meter:
            return AthenaSql(settings, workgroup, on_progress=meter.show).query(sql)
    except QueryError as error:
        raise InputError(str(error)) from error
    except CatalogError as error:
        raise HealthctlError(str(error)) from error


def _of_warehouse(name: str | None, file: str | None, sql: str) -> pa.Table:
    from health_catalog.errors import CatalogError, QueryError  # noqa: PLC0415 (slow to import, as above)
    from health_catalog.warehouse.local import ask  # noqa: PLC0415

    if file is not None:
        raise InputError("--warehouse asks a pipeline that runs here: give its name, or nothing")
    path = find_run(name).document["warehouse"]
    if not path:
        raise InputError("the pipeline has no duckdb warehouse: set spec.warehouse.engine to duckdb")
    try:
        return ask(Path(path), sql)
    except QueryError as error:
        raise InputError(str(error)) from error
    except CatalogError as error:
        raise HealthctlError(str(error)) from error


def _sql_of(named: str) -> str:
    from health_catalog.questions import question  # noqa: PLC0415

    try:
        return question(named).sql
    except KeyError:
        raise InputError(f"no query is named {named}; there are\n{_questions()}".rstrip()) from None


def _questions() -> str:
    from health_catalog.questions import QUESTIONS  # noqa: PLC0415

    return "".join(f"{each.name:<24}{each.asks}\n" for each in QUESTIONS)


def _formats() -> Mapping[str, Callable[[pa.Table], str]]:
    from health_catalog.formats import FORMATS  # noqa: PLC0415

    return FORMATS
