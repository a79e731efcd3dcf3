"""What is to be loaded, for any catalogue and any ledger."""

from __future__ import annotations

from health_catalog import Partition
from health_catalog.warehouse.plan import (
    MOST_LAYOUTS,
    Entry,
    File,
    Load,
    loads,
    partition_text,
    partition_values,
    pending,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.health_catalog.warehouse_lake import DISPATCHES, VITALS

TABLES = {table.name: table for table in (VITALS, DISPATCHES)}
HOURS = st.tuples(st.sampled_from(["2026-11-22", "2026-11-23"]), st.sampled_from(["09", "10", "11"]))
# A partition's location is its version.
VERSIONS = st.dictionaries(st.tuples(st.sampled_from(sorted(TABLES)), HOURS), st.integers(1, 3), max_size=12)


def _location(table: str, hour: tuple[str, str], version: int) -> str:
    return f"s3://lake/transformed/{table}/event_date={hour[0]}/hour={hour[1]}/run={version}"


def _committed(versions: dict[tuple[str, tuple[str, str]], int]) -> list[tuple[object, list[Partition]]]:
    return [
        (TABLES[name], [Partition(hour, _location(table, hour, number)) for (table, hour), number in versions.items()
                        if table == name])
        for name in TABLES
    ]  # fmt: skip


def _ledger(versions: dict[tuple[str, tuple[str, str]], int]) -> list[Entry]:
    return [
        Entry(table, hour, _location(table, hour, number), f"load-{number}")
        for (table, hour), number in versions.items()
    ]


def _file(location: str, number: int = 0, columns: tuple[str, ...] = ("event_id",)) -> File:
    return File(f"{location}/part-{number}.parquet", 10, 1, columns)


@given(VERSIONS, VERSIONS)
def test_pending_is_what_the_catalogue_has_and_the_ledger_has_not(committed, loaded) -> None:  # type: ignore[no-untyped-def]
    found = pending(_committed(committed), _ledger(loaded))
    seen = {(item.table.name, item.partition.values): item for item in found}
    assert len(seen) == len(found)
    assert set(seen) == {key for key, version in committed.items() if loaded.get(key) != version}
    for key, item in seen.items():
        assert item.replaces == (f"load-{loaded[key]}" if key in loaded else "")


@given(VERSIONS, VERSIONS)
def test_what_is_loaded_is_pending_no_more_and_nothing_else_is_touched(committed, loaded) -> None:  # type: ignore[no-untyped-def]
    ledger = {(entry.table, entry.values): entry for entry in _ledger(loaded)}
    wanted = pending(_committed(committed), ledger.values())
    files = {item.partition.location: [_file(item.partition.location)] for item in wanted}
    made = list(loads(wanted, files))
    for load in made:
        ledger |= {(entry.table, entry.values): entry for entry in load.entries()}
    assert not pending(_committed(committed), ledger.values())
    assert sum(len(load.parts) for load in made) == len(wanted)
    assert {key: entry.location for key, entry in ledger.items()} == {
        key: _location(*key, version) for key, version in (loaded | committed).items()
    }


@given(st.lists(st.integers(0, 30), max_size=60))
def test_a_load_has_no_more_layouts_than_a_transaction_takes(layouts: list[int]) -> None:
    hours = [("2026-11-22", f"{number:02}") for number in range(len(layouts))]
    versions = {("vitals", hour): 1 for hour in hours}
    wanted = pending(_committed(versions), [])
    files = {
        _location("vitals", hour, 1): [
            _file(_location("vitals", hour, 1), number, (f"c{number}",)) for number in range(count)
        ]
        for hour, count in zip(hours, layouts, strict=True)
    }
    made = list(loads(wanted, files))
    for load in made:
        assert len(load.parts) == 1 or sum(len(part.layouts()) for part in load.parts) <= MOST_LAYOUTS
    assert [part.partition.values for load in made for part in load.parts] == [
        hour for hour, count in zip(hours, layouts, strict=True) if count
    ]
    assert sorted(file.uri for load in made for part in load.parts for file in part.files) == sorted(
        file.uri for found in files.values() for file in found
    )


def _only(load: list[Load]) -> Load:
    (one,) = load
    return one


def test_a_load_has_an_id_of_its_own_though_a_version_comes_back() -> None:
    hour, other = ("2026-11-22", "10"), "s3://lake/other"
    first = _location("vitals", hour, 1)
    files = {first: [_file(first)], other: [_file(other)]}
    committed = [(VITALS, [Partition(hour, first)])]
    ids = []
    ledger: list[Entry] = []
    for location in (first, other, first, other):
        committed = [(VITALS, [Partition(hour, location)])]
        load = _only(list(loads(pending(committed, ledger), files)))
        assert load.id == _only(list(loads(pending(committed, ledger), files))).id
        ledger = load.entries()
        ids.append(load.id)
    assert len(set(ids)) == 4


def test_an_older_hour_goes_first_whatever_its_table_is() -> None:
    versions = {("vitals", ("2026-11-22", "11")): 1, ("dispatches", ("2026-11-22", "12")): 1}
    wanted = pending(_committed(versions), [])
    files = {item.partition.location: [_file(item.partition.location)] for item in wanted}
    assert [load.table.name for load in loads(wanted, files)] == ["vitals", "dispatches"]


def test_a_partition_is_the_same_in_the_ledger_and_out_of_it() -> None:
    assert partition_values(partition_text(("2026-11-22", "10"))) == ("2026-11-22", "10")
