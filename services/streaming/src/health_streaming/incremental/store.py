"""The lake as the transform sees it: raw files to take in, folders of results, and the state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from health_catalog import RAW, TRANSFORMED, lake_filesystem, object_path
from health_catalog.hive import TIMESTAMP
from health_pipeline.settings import LakeSettings
from pyarrow.fs import FileInfo, FileSelector, FileType, S3FileSystem

from health_streaming.incremental.plan import State, Window, ingest_date
from health_streaming.late import Word, left

# Values of the partition keys event_date and hour: ("2026-11-22", "10"), UTC.
Hour = tuple[str, str]

_TIMES = pa.schema([("observed_at", TIMESTAMP), ("kafka_timestamp", TIMESTAMP)])

_RUN = "/run="


def run_of(location: str) -> str:
    """The id of the run that wrote what is there; ids sort by time."""
    return location.rpartition(_RUN)[2]


@dataclass(frozen=True)
class Contents:
    """Of raw files: the hours that ``observed_at`` falls in, how many rows there are, and when the newest of them was
    written to Kafka, in seconds since 1970.
    """

    hours: frozenset[Hour]
    rows: int
    newest: float


class Store:
    """The lake's files. Errors are OSError."""

    def __init__(self, settings: LakeSettings, files: S3FileSystem | None = None) -> None:
        self._settings = settings
        self._files = files or lake_filesystem(settings)
        self._state = f"{object_path(settings.state_uri('transform'))}/state.json"

    def state(self) -> State | None:
        """What the last run left; None at the first."""
        try:
            with self._files.open_input_stream(self._state) as file:
                return State.from_json(file.read())
        except FileNotFoundError:
            return None

    def save(self, state: State) -> None:
        """Replace the state: one PUT, so it is the old one or the new one."""
        with self._files.open_output_stream(self._state) as file:
            file.write(state.to_json())

    def late(self, table: str) -> frozenset[Word]:
        """What landing has told of late folders."""
        return left(self._settings, self._files, table)

    def raw_files(self, table: str, window: Window) -> list[str]:
        """Keys of the table's files that can be new."""
        base = object_path(self._settings.table_uri(RAW, table))
        folders = [folder.path for folder in self._listed(base) if window.covers(ingest_date(folder.base_name))]
        files = (file for folder in folders for file in self._listed(folder, recursive=True))
        dated = ((file.path.removeprefix(f"{base}/"), _day(file)) for file in files if file.extension == "parquet")
        return [key for key, written in dated if window.may_be_new(key, written)]

    def raw_location(self, table: str, key: str) -> str:
        """The s3:// location of a raw file."""
        return f"{self._settings.table_uri(RAW, table)}/{key}"

    def contents(self, table: str, keys: Iterable[str]) -> Contents:
        """What is in these raw files."""
        paths = [object_path(self.raw_location(table, key)) for key in keys]
        dataset = ds.dataset(paths, schema=_TIMES, format="parquet", filesystem=self._files)
        hours: set[Hour] = set()
        rows, newest = 0, 0.0
        for batch in dataset.to_batches():
            distinct = pc.unique(pc.floor_temporal(batch.column(0), unit="hour"))
            hours.update((f"{moment:%Y-%m-%d}", f"{moment:%H}") for moment in distinct.to_pylist())
            rows += batch.num_rows
            written_at: Any = pc.max(batch.column(1)).as_py()
            newest = max(newest, written_at.timestamp() if written_at else 0.0)
        return Contents(frozenset(hours), rows, newest)

    def written(self, table: str, hours: Iterable[Hour], run: str) -> dict[Hour, str]:
        """Where what the run wrote for these hours is, without the hours that it wrote nothing for."""
        locations = {hour: f"{self._hour_location(table, hour)}{_RUN}{run}" for hour in hours}
        found = self._files.get_file_info([object_path(location) for location in locations.values()])
        paired = zip(locations.items(), found, strict=True)
        return {hour: location for (hour, location), info in paired if info.type is FileType.Directory}

    def locations(self, table: str, hours: Iterable[Hour]) -> Iterator[str]:
        """The locations of all that any run wrote for these hours and nobody has deleted."""
        for hour in hours:
            location = self._hour_location(table, hour)
            for folder in self._listed(object_path(location)):
                if folder.type is FileType.Directory:
                    yield f"{location}/{folder.base_name}"

    def delete(self, locations: Iterable[str]) -> None:
        """Delete these folders; one that is not there is deleted."""
        for location in locations:
            with suppress(FileNotFoundError):
                self._files.delete_dir(object_path(location))

    def _hour_location(self, table: str, hour: Hour) -> str:
        event_date, hour_of_day = hour
        return f"{self._settings.table_uri(TRANSFORMED, table)}/event_date={event_date}/hour={hour_of_day}"

    def _listed(self, path: str, *, recursive: bool = False) -> list[FileInfo]:
        return self._files.get_file_info(FileSelector(path, allow_not_found=True, recursive=recursive))


def _day(file: FileInfo) -> date:
    """When it was written, UTC."""
    return file.mtime.astimezone(UTC).date() if file.mtime else date.max
