"""The sink of the raw zone: a Spark data source that writes Parquet by offsets and registers it in the catalogue.

A file is named by the topic partition and the range of offsets that it was made of. A batch that is replayed after a
crash has the same ranges, so it overwrites its own files with the same rows: exactly once for every reader, with no
log of files that only Spark would know of. A new epoch of checkpoints is in the name as well: it comes with another
Kafka, which counts its offsets from 0 again.

Spark hands over the records as they came, in Arrow batches, for it would take several times as long to parse them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from health_catalog import GlueCatalog, Partition, lake_filesystem, object_path, raw_table
from health_catalog.crawlers.requests import Requests
from health_events import by_name
from health_pipeline.settings import LakeSettings
from pyspark.sql.datasource import DataSource, DataSourceStreamArrowWriter, WriterCommitMessage
from pyspark.sql.types import StructType

from health_streaming import late
from health_streaming.sinks.files import parts
from health_streaming.sinks.tally import Tally, leave

_ZONE = "raw"
_TALLY, _ON_NEW_FOLDER = "tally", "on_new_folder"
# Of what lands: decoding is fast, and the smaller the file, the less Athena reads.
_COMPRESSION: Literal["zstd"] = "zstd"
# A dictionary of what hardly repeats is a second copy of it.
_UNIQUE = ("event_id", "observed_at", "latitude", "longitude", "kafka_offset", "kafka_timestamp", "source_cursor")


@dataclass(frozen=True)
class Landed(WriterCommitMessage):
    """What one task has written."""

    files: tuple[File, ...]


@dataclass(frozen=True)
class File:
    """A file in a partition, ``hour`` being (date, hour) as in the folder's name; ``newest`` in seconds since 1970."""

    table: str
    hour: tuple[str, str]
    rows: int
    newest: float


class LakeSource(DataSource):
    """``format("health_lake")``; its options are the variables of LakeSettings."""

    @classmethod
    def name(cls) -> str:
        """The name of the format."""
        return "health_lake"

    def streamWriter(self, schema: StructType, overwrite: bool) -> LakeWriter:  # noqa: ARG002, N802 (Spark's)
        """The writer of a query."""
        # Spark keeps the options' names in lower case only.
        settings = LakeSettings.from_env({key.upper(): value for key, value in self.options.items()})
        return LakeWriter(settings, self.options.get(_TALLY), self.options.get(_ON_NEW_FOLDER, "register"))


class LakeWriter(DataSourceStreamArrowWriter):
    """``write`` runs in the tasks, ``commit`` at the driver once all of them are done."""

    def __init__(self, settings: LakeSettings, tally: str | None, on_new_folder: str) -> None:
        self._settings, self._tally, self._on_new_folder = settings, tally, on_new_folder
        self._epoch = f"e{settings.checkpoint_epoch}-" if settings.checkpoint_epoch else ""

    def write(self, iterator: Iterator[pa.RecordBatch]) -> Landed:  # type: ignore[override]  # PySpark's own stubs
        """Write the rows of one task, which are of one partition of a topic; no file where there are none."""
        store = _store(self._settings)
        files = []
        for part in parts(iterator):
            folder = f"{self._settings.table_uri(_ZONE, part.table)}/{_folder(*part.hour)}"
            location = f"{folder}/{self._epoch}{part.file_name}"
            schema = raw_table(by_name(part.table)).schema
            repeated = [column.name for column in schema if column.name not in _UNIQUE]
            _tell(self._settings, part.table, date.fromisoformat(part.hour[0]), datetime.now(UTC).date())
            pq.write_table(
                part.rows.cast(schema), object_path(location), filesystem=store, compression=_COMPRESSION,
                use_dictionary=repeated,  # type: ignore[arg-type]  # PyArrow's own types lack it
            )  # fmt: skip
            newest: Any = pc.max(part.rows["kafka_timestamp"]).as_py()
            files.append(File(part.table, part.hour, part.rows.num_rows, newest.timestamp()))
        return Landed(tuple(files))

    def commit(self, messages: list[WriterCommitMessage | None], batchId: int) -> None:  # noqa: N803 (Spark's)
        """Tell of the new folders. An error fails the batch, and the query with it; the restart replays it."""
        files = [file for message in messages if message for file in cast(Landed, message).files]
        folders = {(file.table, *file.hour) for file in files}
        if self._on_new_folder == "register":
            register(self._settings, folders)
        elif self._on_new_folder == "request":
            request(self._settings, folders)
        if self._tally:
            leave(Path(self._tally), batchId, tally(files))

    def abort(self, messages: list[WriterCommitMessage | None], batchId: int) -> None:  # noqa: N803 (Spark's)
        """Nothing to undo: the replay of the batch overwrites its files."""


def tally(files: Iterable[File]) -> Tally:
    """What these files amount to."""
    rows: dict[str, int] = {}
    newest: dict[str, float] = {}
    for file in files:
        rows[file.table] = rows.get(file.table, 0) + file.rows
        newest[file.table] = max(file.newest, newest.get(file.table, file.newest))
    return Tally(rows, newest)


def register(settings: LakeSettings, folders: set[tuple[str, str, str]]) -> None:
    """Put the partitions of these (table, date, hour) into the catalogue, those that this process has not yet put."""
    catalog = _catalog(settings)
    known = _told(settings)
    new: dict[str, list[Partition]] = {}
    for name, day, hour in sorted(folders - known):
        location = f"{settings.table_uri(_ZONE, name)}/{_folder(day, hour)}"
        new.setdefault(name, []).append(Partition((day, hour), location))
    for name, partitions in new.items():
        table = raw_table(by_name(name))
        catalog.ensure_table(table)
        catalog.put_partitions(table, partitions)
    known |= folders


def request(settings: LakeSettings, folders: set[tuple[str, str, str]]) -> None:
    """Ask for a crawl of the tables of these (table, date, hour), where this process has not told of all of them."""
    known = _told(settings)
    new: dict[str, list[str]] = {}
    for name, day, hour in sorted(folders - known):
        new.setdefault(name, []).append(_folder(day, hour))
    for name, names in new.items():
        _requests(settings).leave(name, names)
    known |= folders


def options(settings: LakeSettings, tally: Path | None = None, on_new_folder: str = "register") -> Mapping[str, str]:
    """Options of the format for these settings; with a folder ``tally``, each batch leaves its tally there.

    ``on_new_folder`` as in LandingSettings.
    """
    told = LakeSettings(
        pipeline=settings.pipeline, lake=settings.lake, lake_endpoint=settings.lake_endpoint, region=settings.region,
        glue_endpoint=settings.glue_endpoint, database=settings.database, checkpoint_epoch=settings.checkpoint_epoch,
    )  # fmt: skip
    return {**told.to_env(), _ON_NEW_FOLDER: on_new_folder, **({_TALLY: str(tally)} if tally else {})}


def _folder(day: str, hour: str) -> str:
    return f"ingest_date={day}/hour={hour}"


# Workers live as long as the application: connections and what is registered are kept between batches.
_store = cache(lake_filesystem)
_catalog = cache(GlueCatalog)
_requests = cache(Requests)


@cache
def _tell(settings: LakeSettings, table: str, ingested: date, landed: date) -> None:
    late.tell(settings, _store(settings), table, ingested, landed)


@cache
def _told(settings: LakeSettings) -> set[tuple[str, str, str]]:  # noqa: ARG001 (the cache's key)
    return set()
