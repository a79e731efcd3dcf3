"""The demo asks for the tables that a pipeline has, and for rows where there must be some."""

import pytest
from health_events import SOURCES
from health_streaming.transforms.tables import EVENT_TABLES, derived_tables
from healthctl.demo.due import empty_tables, tables_of, twins

EVERY = [source.name for source in SOURCES]
SOME = [["vitals", "vehicles"], ["weather"], ["vitals"], EVERY]


@pytest.mark.parametrize("sources", SOME, ids=",".join)
def test_the_tables_are_those_that_the_transform_makes(sources: list[str]) -> None:
    landed = {*sources, "alerts", "dispatches"}
    own = {table.event.name: table.name for table in EVENT_TABLES if table.event.name in landed}
    names = {*own.values(), *(table.name for table in derived_tables(landed))}
    asked = {name.removeprefix("transformed.") for name in tables_of(sources) if name.startswith("transformed.")}
    assert asked == names
    assert dict(twins(sources)) == {f"raw.{event}": f"transformed.{name}" for event, name in own.items()}


@pytest.mark.parametrize("sources", SOME, ids=",".join)
def test_every_source_must_have_landed_and_what_is_made_of_rows_must_have_rows(sources: list[str]) -> None:
    full = dict.fromkeys(tables_of(sources), 1)
    assert list(empty_tables(full, sources)) == []
    for table in full:
        is_due = table.removeprefix("raw.") in sources or table.startswith("transformed.")
        assert list(empty_tables(full | {table: 0}, sources)) == [table] * is_due


def test_what_nothing_was_made_of_may_be_empty() -> None:
    rows = dict.fromkeys(tables_of(["vitals", "vehicles"]), 0)
    rows |= dict.fromkeys(("raw.vitals", "raw.vehicles", "transformed.vitals", "transformed.vehicle_positions",
                           "transformed.vitals_minute"), 9)  # fmt: skip
    assert list(empty_tables(rows, ["vitals", "vehicles"])) == []
    assert list(empty_tables(rows | {"raw.alerts": 1}, ["vitals", "vehicles"])) == [
        "transformed.alerts", "transformed.dispatch_outcomes", "transformed.city_hourly",
    ]  # fmt: skip
