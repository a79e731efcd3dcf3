"""What the loader wants of a warehouse."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from health_catalog.errors import CatalogError
from health_catalog.schemas import Table
from health_catalog.warehouse.plan import Entry, Load


class WarehouseError(CatalogError):
    """The warehouse has not done what it was asked to; the message is for a person."""


class Stopped(Exception):
    """The process is to end while the warehouse is still at work."""


class Engine(Protocol):
    """A warehouse. All methods raise CatalogError, and can be called again whatever has become of the last call."""

    def held(self) -> AbstractContextManager[None]:
        """The warehouse for the length of a look at it; the other methods are called within."""

    def prepare(self, tables: Sequence[Table]) -> None:
        """Make the ledger and these tables, and give a table that is there the columns that it lacks."""

    def ledger(self) -> list[Entry]:
        """What is loaded."""

    def load(self, load: Load) -> None:
        """Replace the rows of the partitions' former versions, and write the ledger: all of it or nothing."""
