"""Redshift by its Data API: real requests to a model of the service, and its rows."""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from health_catalog import CatalogError, column
from health_catalog.errors import AccessDeniedError
from health_catalog.patience import Surroundings
from health_catalog.warehouse.dataapi import DataApi, StatementError, Target
from health_catalog.warehouse.engine import Stopped, WarehouseError
from health_catalog.warehouse.loader import Done, Loader
from health_catalog.warehouse.metrics import Metrics
from health_catalog.warehouse.plan import MOST_LAYOUTS
from health_catalog.warehouse.redshift import Names, Redshift

from tests.unit.health_catalog.redshift_model import Model, Statement
from tests.unit.health_catalog.warehouse_lake import DISPATCHES, VITALS, Zone, text_of

TEN, ELEVEN = ("2026-11-22", "10"), ("2026-11-22", "11")
ROLE = "arn:aws:iam::123456789012:role/ward-redshift"
NAMES = Names("ward", ROLE, "s3://lake/warehouse/manifests", "eu-west-2", {"lake_raw": "ward_raw"})
TARGET = Target("dev", workgroup="ward")


class Clock:
    """Time that passes when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.stops = False

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return self.stops


class Seen(Metrics):
    """Remembers how many partitions were pending."""

    def __init__(self, pipeline: str) -> None:
        super().__init__(pipeline)
        self.pending: list[int] = []

    def show(self, pending: int) -> None:
        self.pending.append(pending)
        super().show(pending)


class Ward:
    """A zone, a warehouse, and loaders between them."""

    def __init__(self, folder: Path) -> None:
        self.zone = Zone(folder)
        self.model = Model(self.zone.filesystem)
        self.client = self.model.client()
        self.clock = Clock()
        self._numbers = itertools.count(1)
        self.metrics = Seen("ward")
        self.loader = self.restarted()

    def api(self, target: Target = TARGET, deadline_s: float = 60) -> DataApi:
        return DataApi(self.client, target, self.clock.wait, deadline_s, self.clock)

    def restarted(self) -> Loader:
        """A loader as a new process has it."""
        engine = Redshift(self.api(), self.model, NAMES, lambda: f"n{next(self._numbers)}")  # type: ignore[arg-type]
        around = Surroundings(self.clock, lambda: 1.0)
        self.loader = Loader(self.zone.lake, engine, self.metrics, threading.Event(), around)
        return self.loader

    def run(self) -> Done:
        """A look so much later that whatever has failed is tried again."""
        self.clock.now += 3600
        return self.loader.run()

    def rows(self) -> dict[str, Counter[str]]:
        found = {}
        for name, table in self.zone.catalogue.known.items():
            names = ", ".join([*table.schema.names, *table.partition_keys])
            rows = self.model.database.execute(f"SELECT {names} FROM ward.{name}").fetchall()
            kinds = [*(item.type for item in table.schema), pa.string(), pa.string()]
            found[name] = Counter(text_of(map(_read, kinds, row)) for row in rows)
        return found

    def wanted(self) -> dict[str, Counter[str]]:
        return {name: self.zone.rows(table) for name, table in self.zone.catalogue.known.items()}


def _read(kind: pa.DataType, value: Any) -> Any:
    return json.loads(value) if pa.types.is_nested(kind) and value is not None else value


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    return Ward(tmp_path)


def test_rows_are_those_of_the_zone_and_a_second_look_does_nothing(ward: Ward) -> None:
    ward.zone.commit(VITALS, TEN, 5, files=2)
    ward.zone.commit(VITALS, ELEVEN, 3)
    ward.zone.commit(DISPATCHES, TEN, 2)
    assert (ward.run().rows, ward.rows()) == (10, ward.wanted())
    started = len(ward.model.statements)
    assert ward.run() == Done(0, 0, 0, 0)
    assert len(ward.model.statements) == started  # it has not even asked
    ward.zone.commit(VITALS, TEN, 4)
    assert (ward.run().rows, ward.rows()) == (4, ward.wanted())


def test_a_backlog_goes_in_by_transactions_that_the_api_takes(ward: Ward) -> None:
    hours = [(f"2026-11-{day}", "10") for day in range(10, 10 + MOST_LAYOUTS + 1)]
    for hour in hours:
        ward.zone.commit(VITALS, hour, 1)
    assert (ward.run().loads, ward.rows()) == (2, ward.wanted())
    assert max(len(item.sqls) for item in ward.model.statements.values()) > 35


class Killed(BaseException):
    """The process is gone: nobody catches it."""


@pytest.mark.parametrize("is_same_version", [True, False])
@pytest.mark.parametrize("after", [0, 1, 2, 5, 7])
def test_loads_of_one_hour_that_overlap_put_it_there_once(ward: Ward, after: int, is_same_version: bool) -> None:
    """For the first time, so that neither has rows to delete over which the two would meet."""
    ward.run()
    other, loader = ward.restarted(), ward.restarted()
    for each in (other, loader):
        each.run()
    ward.zone.commit(VITALS, TEN, 3)
    ward.model.fails = lambda sqls: (
        "the first attempt, whose token both have" if any("COPY" in sql for sql in sqls) else ""
    )
    with pytest.raises(StatementError):
        loader.run()
    ward.model.fails, ward.model.pace = lambda _sqls: "", 1
    begun, known = False, len(ward.model.statements)

    def meanwhile(_operation: str) -> str:
        """After so many statements of the one, the other has its whole look."""
        nonlocal begun
        loads = [item for item in list(ward.model.statements.values())[known:] if _is_load(item)]
        if loads and loads[0].done == after and not begun:
            begun = True
            if not is_same_version:
                ward.zone.commit(VITALS, TEN, 2)
            with suppress(StatementError):  # who comes later may be told that another load has come between
                other.run()
        return ""

    ward.model.trouble = meanwhile
    ward.clock.now += 3600
    with suppress(StatementError):
        loader.run()
    assert begun
    ward.run()
    assert ward.rows() == ward.wanted()


@pytest.mark.parametrize("rows_before", [0, 3])
def test_what_a_dead_process_has_started_comes_too_late(ward: Ward, rows_before: int) -> None:
    if rows_before:
        ward.zone.commit(VITALS, TEN, rows_before)
    ward.run()
    ward.zone.commit(VITALS, TEN, 2)
    known = len(ward.model.statements)

    def killed_while_it_loads(_operation: str) -> str:
        if any("COPY" in sql for each in list(ward.model.statements.values())[known:] for sql in each.sqls):
            raise Killed
        return ""

    ward.model.trouble = killed_while_it_loads
    with pytest.raises(Killed):
        ward.run()
    ward.model.trouble = lambda _operation: ""
    ward.restarted()
    ward.zone.commit(VITALS, TEN, 4)  # the hour anew, which the successor loads
    ward.run()
    ward.model.settle()
    assert ward.run() == Done(0, 0, 0, 0)
    assert ward.rows() == ward.wanted()


def test_exactly_these_requests_load_an_hour(ward: Ward) -> None:
    location = ward.zone.commit(DISPATCHES, TEN, 2)
    ward.run()
    (call,) = [given for _, given in ward.model.calls if any("COPY" in sql for sql in given.get("Sqls", []))]
    token = call["ClientToken"]
    address = f"s3://lake/warehouse/manifests/{token}/0-0.manifest"
    assert call == {
        "Database": "dev",
        "WorkgroupName": "ward",
        "ClientToken": token,
        "Sqls": [
            'LOCK "ward"."load_ledger"',
            'CREATE TEMP TABLE "stage_0_0" ("alert_id" VARCHAR(256), "observed_at" TIMESTAMP, "candidates" SUPER)',
            f"COPY \"stage_0_0\" FROM '{address}' IAM_ROLE '{ROLE}' FORMAT AS PARQUET SERIALIZETOJSON MANIFEST",
            'SELECT 1 / CASE WHEN count(*) = 0 THEN 1 ELSE 0 END FROM "ward"."load_ledger" WHERE '
            "table_name = :table_name AND load_id <> :load_id AND ((partition_values = :l0_partition))",
            'DELETE FROM "ward"."dispatches" WHERE ("event_date" = :p0_0 AND "hour" = :p0_1)',
            'INSERT INTO "ward"."dispatches" ("alert_id", "observed_at", "candidates", "event_date", "hour") SELECT '
            '"alert_id", "observed_at", "candidates", CAST(:p0_0 AS VARCHAR), CAST(:p0_1 AS VARCHAR) FROM "stage_0_0"',
            'DELETE FROM "ward"."load_ledger" WHERE table_name = :table_name AND partition_values IN (:l0_partition)',
            'INSERT INTO "ward"."load_ledger" (table_name, partition_values, location, load_id, row_count) VALUES '
            "(:table_name, :l0_partition, :l0_location, :load_id, CAST(:l0_rows AS BIGINT))",
        ],
        "Parameters": [
            {"name": "p0_0", "value": "2026-11-22"},
            {"name": "p0_1", "value": "10"},
            {"name": "table_name", "value": "dispatches"},
            {"name": "load_id", "value": token},
            {"name": "l0_partition", "value": "2026-11-22/10"},
            {"name": "l0_location", "value": location},
            {"name": "l0_rows", "value": "2"},
        ],
    }
    (entry,) = json.loads(ward.model.objects[address])["entries"]
    size = ward.zone.filesystem.get_file_info(f"{location.removeprefix('s3://')}/part-0.parquet").size
    assert entry == {
        "url": f"{location}/part-0.parquet", "mandatory": True, "meta": {"content_length": size}
    }  # fmt: skip
    assert ward.model.external == {"lake_raw": ("ward_raw", "eu-west-2", ROLE)}


def test_a_cluster_is_named_with_its_secret(ward: Ward) -> None:
    ward.api(Target("dev", cluster="ward-1", secret_arn="arn:secret")).run(["SELECT 1 AS one"], "t1")  # noqa: S106
    ((_, given), *_) = ward.model.calls
    assert given == {
        "Database": "dev", "ClusterIdentifier": "ward-1", "SecretArn": "arn:secret", "ClientToken": "t1",
        "Sql": "SELECT 1 AS one",
    }  # fmt: skip


def test_a_new_column_is_added_though_files_have_it_elsewhere(ward: Ward) -> None:
    ward.zone.commit(VITALS, TEN, 2)
    ward.run()
    first, *others = VITALS.schema
    written = pa.schema([first, column("area", pa.string(), "Where"), *others])
    grown = replace(VITALS, schema=VITALS.schema.append(column("area", pa.string(), "Where")))
    ward.zone.catalogue.known["vitals"] = grown
    ward.zone.commit(grown, ELEVEN, 2, schema=written)
    ward.run()
    assert ward.rows() == ward.wanted()


@pytest.mark.parametrize(
    "code",
    ["ThrottlingException", "ActiveStatementsExceededException", "ActiveSessionsExceededException",
     "InternalServerException", "DatabaseConnectionException", "lost", "unsent"],
)  # fmt: skip
def test_what_passes_is_waited_for(ward: Ward, code: str) -> None:
    troubles = itertools.cycle([code, "", code, code, ""])
    ward.model.trouble = lambda _: next(troubles)
    ward.zone.commit(VITALS, TEN, 3)
    ward.run()
    assert ward.rows() == ward.wanted()
    loads = [given for _, given in ward.model.calls if any("COPY" in sql for sql in given.get("Sqls", []))]
    assert len({given["ClientToken"] for given in loads}) == 1


def test_what_does_not_pass_is_told_at_once(ward: Ward) -> None:
    ward.model.trouble = lambda _: "AccessDeniedException"
    with pytest.raises(AccessDeniedError, match="redshift-data:BatchExecuteStatement"):
        ward.run()
    assert len(ward.model.calls) == 1


def test_throttling_without_end_is_told_at_the_deadline(ward: Ward) -> None:
    ward.model.trouble = lambda _: "ThrottlingException"
    with pytest.raises(CatalogError, match="refuses for load"):
        ward.run()
    assert ward.clock.now <= 3660


def test_a_failed_load_leaves_nothing_behind_and_is_done_by_a_later_look(ward: Ward) -> None:
    ward.zone.commit(VITALS, TEN, 3)
    ward.run()
    before = ward.rows()
    ward.model.fails = lambda sqls: "out of disk" if any("COPY" in sql for sql in sqls) else ""
    ward.zone.commit(VITALS, TEN, 5)
    with pytest.raises(StatementError, match="failed: out of disk"):
        ward.run()
    assert ward.rows() == before
    ward.model.fails = lambda _: ""
    ward.run()
    assert ward.rows() == ward.wanted()


def test_what_always_fails_lets_the_warehouse_sleep_ever_longer_and_keeps_no_other_table(ward: Ward) -> None:
    ward.zone.commit(VITALS, TEN, 3)
    ward.model.fails = lambda sqls: "out of disk" if any('INTO "ward"."vitals"' in sql for sql in sqls) else ""
    failed = []
    while ward.clock.now < 6 * 3600:
        ward.clock.now += 60
        asked = len(ward.model.calls)
        with pytest.raises(StatementError, match="out of disk"):
            ward.loader.run()
        failed += [ward.clock.now] if len(ward.model.calls) > asked else []
    assert len(failed) < 30
    ward.zone.commit(DISPATCHES, TEN, 2)
    with pytest.raises(StatementError, match="out of disk"):
        ward.loader.run()
    assert ward.rows()["dispatches"] == ward.wanted()["dispatches"]
    assert 0 not in ward.metrics.pending  # which would say that all is there
    ward.model.fails = lambda _: ""
    assert (ward.run().rows, ward.rows()) == (3, ward.wanted())
    ward.zone.commit(VITALS, TEN, 4)
    assert ward.loader.run().rows == 4  # at once: what went well is not waited for


def test_a_warehouse_that_lets_nobody_in_is_asked_ever_less(ward: Ward) -> None:
    ward.model.trouble = lambda _: "AccessDeniedException"
    while ward.clock.now < 6 * 3600:
        ward.clock.now += 60
        with pytest.raises(AccessDeniedError):
            ward.loader.run()
    assert len(ward.model.calls) < 30
    ward.model.trouble = lambda _: ""
    ward.run()


def test_what_takes_too_long_is_cancelled(ward: Ward) -> None:
    ward.run()
    ward.model.stuck = True
    with pytest.raises(WarehouseError, match="took more than 60 s and was cancelled"):
        ward.api().run(["SELECT 1 AS one"], "t1")
    assert [statement.status for statement in ward.model.statements.values()][-1] == "ABORTED"


def test_who_comes_after_a_crash_is_told_of_the_load_under_way(ward: Ward) -> None:
    ward.run()
    ward.zone.commit(VITALS, TEN, 3)

    def stop_once_it_loads(_operation: str) -> str:
        ward.clock.stops = any(_is_load(item) for item in ward.model.statements.values())
        return ""

    ward.model.trouble = stop_once_it_loads
    with pytest.raises(Stopped):
        ward.run()
    assert not ward.rows()["vitals"]
    ward.model.trouble, ward.clock.stops = lambda _: "", False
    ward.restarted().run()
    assert ward.rows() == ward.wanted()
    assert len([item for item in ward.model.statements.values() if _is_load(item)]) == 1


def test_what_failed_before_a_restart_is_tried_anew(ward: Ward) -> None:
    ward.zone.commit(VITALS, TEN, 3)
    ward.model.fails = lambda sqls: "no such role" if any("COPY" in sql for sql in sqls) else ""
    with pytest.raises(StatementError):
        ward.run()
    ward.model.fails = lambda _: ""
    ward.restarted().run()
    assert ward.rows() == ward.wanted()


def test_a_warehouse_that_was_emptied_is_filled_again(ward: Ward) -> None:
    """The Data API still remembers the first load under its token, and would not run it again."""
    ward.zone.commit(VITALS, TEN, 3)
    ward.run()
    ward.model.database.execute("DELETE FROM ward.vitals; DELETE FROM ward.load_ledger")
    ward.restarted().run()
    ward.run()
    assert ward.rows() == ward.wanted()


def _is_load(statement: Statement) -> bool:
    return any(sql.startswith("COPY") for sql in statement.sqls)
