"""The transformed zone as the loader sees it: what is committed, and which files hold it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow.parquet as pq
from health_pipeline.settings import LakeSettings
from pyarrow.fs import FileInfo, FileSystem

from health_catalog.datasets import files_under
from health_catalog.errors import CatalogError
from health_catalog.glue import GlueCatalog
from health_catalog.schemas import TRANSFORMED, Partition, Table
from health_catalog.storage import lake_filesystem
from health_catalog.warehouse.plan import File, Pending

# One listing for each partition and one footer for each file: it is waiting, mostly.
_READERS = 16


Committed = Sequence[tuple[Table, Sequence[Partition]]]


class Lake:
    """Committed partitions and their files. Raises CatalogError."""

    def __init__(
        self, settings: LakeSettings, catalog: GlueCatalog | None = None, filesystem: FileSystem | None = None
    ) -> None:
        self._settings = settings
        self._catalog = catalog or GlueCatalog(settings)
        self._filesystem = filesystem

    @property
    def filesystem(self) -> FileSystem:
        """Where the files are."""
        if self._filesystem is None:
            self._filesystem = lake_filesystem(self._settings)
        return self._filesystem

    def committed(self) -> Committed:
        """Every partitioned table of the zone, with its partitions as they are now."""
        tables = [table for table in self._catalog.tables(TRANSFORMED) if table.partition_keys]
        return [(table, self._catalog.partitions(table)) for table in tables]

    def files(self, wanted: Sequence[Pending]) -> dict[str, list[File]]:
        """The files of these partitions by location, without those that have been replaced meanwhile.

        The transform deletes a location a run after it has replaced it, so what the catalogue still has once its files
        are listed was listed whole.
        """
        locations = list(dict.fromkeys(item.partition.location for item in wanted))
        with ThreadPoolExecutor(_READERS, thread_name_prefix="warehouse-lake") as pool:
            found = dict(zip(locations, pool.map(self._files, locations), strict=True))
        return {location: found[location] for location in self._still_committed(wanted)}

    def _still_committed(self, wanted: Sequence[Pending]) -> set[str]:
        tables = {item.table.name: item.table for item in wanted}
        there = set()
        for name, table in tables.items():
            values = [item.partition.values for item in wanted if item.table.name == name]
            there |= {partition.location for partition in self._catalog.some_partitions(table, values)}
        return there & {item.partition.location for item in wanted}

    def _files(self, location: str) -> list[File]:
        try:
            return [self._file(info) for info in files_under(location, self.filesystem)]
        except FileNotFoundError:
            return []  # replaced and deleted since it was listed
        except (OSError, ValueError) as error:
            raise CatalogError(f"the lake cannot be read: {location}: {error}") from error

    def _file(self, info: FileInfo) -> File:
        metadata = pq.read_metadata(info.path, filesystem=self.filesystem)
        return File(f"s3://{info.path}", info.size, metadata.num_rows, tuple(metadata.schema.to_arrow_schema().names))
