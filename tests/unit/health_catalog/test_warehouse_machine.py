"""Redshift's loads against a service that throttles, fails, loses answers and outlives us, whatever happens when."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path

from health_catalog import CatalogError, Table
from health_catalog.warehouse.engine import Stopped
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.unit.health_catalog.test_warehouse_redshift import Killed, Ward
from tests.unit.health_catalog.warehouse_lake import DISPATCHES, VITALS

TABLES = st.sampled_from([VITALS, DISPATCHES])
HOURS = st.sampled_from([("2026-11-22", hour) for hour in ("09", "10")])
PASSING = ("ThrottlingException", "ActiveStatementsExceededException", "InternalServerException", "lost", "unsent")
KILL = "kill"
# What somebody else does before the call goes out: another loader has a whole look, or the transform goes on.
OTHER, COMMIT = "another loader", "a commit"


class Loads(RuleBasedStateMachine):
    """The zone goes on, loaders come and go, and the service is as it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.ward = Ward(self.folder)
        self.other = self.ward.restarted()
        self.ward.restarted()
        self.ward.run()
        self.superseded: list[str] = []

    def teardown(self) -> None:
        self.look([])
        assert self.ward.rows() == self.ward.wanted()
        self.ward.model.settle()
        assert self.ward.rows() == self.ward.wanted()
        shutil.rmtree(self.folder)

    @rule(table=TABLES, hour=HOURS, rows=st.integers(0, 3))
    def commit(self, table: Table, hour: tuple[str, str], rows: int) -> None:
        """The transform writes an hour anew; what it replaced before is deleted."""
        replaced = self.ward.zone.catalogue.locations[table.name].get(hour)
        self.ward.zone.commit(table, hour, rows)
        for location in self.superseded:
            self.ward.zone.delete(location)
        self.superseded = [replaced] if replaced else []

    @rule(
        troubles=st.lists(
            st.sampled_from(["", "", "", *PASSING, "AccessDeniedException", KILL, OTHER, COMMIT]), max_size=25
        ),
        pace=st.sampled_from([1, 3, 40]),
    )
    def look(self, troubles: list[str], pace: int = 40) -> None:
        """A look, during which each call to the service meets the next trouble, be it amid a transaction."""
        left = iter(troubles)

        def trouble(_operation: str) -> str:
            met = next(left, "")
            if met == KILL:
                raise Killed
            if met in (OTHER, COMMIT):
                self.meanwhile(met)
                return ""
            return met

        self.ward.model.trouble, self.ward.model.pace = trouble, pace
        try:
            self.ward.run()
        except (CatalogError, Stopped):
            pass
        except Killed:
            self.ward.restarted()
        finally:
            self.ward.model.trouble, self.ward.model.pace = lambda _operation: "", 40
        if not troubles:
            self.ward.run()  # the first may have been told of a load that had failed

    def meanwhile(self, what: str) -> None:
        """Somebody else's work, whose own calls meet no trouble; what it fails by, it does again another time."""
        trouble, self.ward.model.trouble = self.ward.model.trouble, lambda _operation: ""
        try:
            if what == OTHER:
                self.other.run()
            else:
                self.commit(VITALS, ("2026-11-22", "09"), 2)
        except CatalogError:
            pass
        finally:
            self.ward.model.trouble = trouble

    @rule(number=st.integers(0, 3))
    def fail(self, number: int) -> None:
        """A look during which the service fails the transactions after some."""
        seen = Counter[str]()

        def fails(sqls: list[str]) -> str:
            seen["all"] += len(sqls) > 1
            return "ERROR: 1023 Serializable isolation violation" if seen["all"] > number else ""

        self.ward.model.fails = fails
        try:
            self.ward.run()
        except CatalogError:
            pass
        finally:
            self.ward.model.fails = lambda _sqls: ""

    @rule()
    def settle(self) -> None:
        """What dead processes have started comes to its end, however late."""
        self.ward.model.settle()

    @invariant()
    def rows_are_those_of_the_versions_in_the_ledger(self) -> None:
        """No partition is ever a mixture, nor twice there, nor without its row in the ledger."""
        ledger = self.ward.model.database.execute(
            "SELECT table_name, partition_values, location FROM ward.load_ledger"
        ).fetchall()
        assert len({row[:2] for row in ledger}) == len(ledger)
        assert self.ward.rows() == {
            table.name: self.ward.zone.rows_at(table, [tuple(row[1:]) for row in ledger if row[0] == table.name])
            for table in (VITALS, DISPATCHES)
        }


TestLoads = Loads.TestCase
TestLoads.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
