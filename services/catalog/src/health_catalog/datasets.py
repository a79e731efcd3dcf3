"""A registered table as a pyarrow dataset: the files under its registered partitions, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow.fs import FileInfo, FileSelector, FileSystem, FileType

from health_catalog.schemas import Partition, Table
from health_catalog.storage import object_path

# Listing is waiting: one request per partition and thousand files.
_LISTERS = 16


def open_dataset(table: Table, partitions: Sequence[Partition], filesystem: FileSystem) -> ds.Dataset:
    """What Athena would read of the table: its columns, then its partition keys.

    A file that lies where no partition is registered is not seen. A column that a file does not have is null in it.
    Each file carries its partition's values, so a predicate on the keys opens no file that it rules out. Raises OSError
    when the store cannot be listed.
    """
    with ThreadPoolExecutor(_LISTERS) as pool:
        listed = pool.map(lambda partition: files_under(partition.location, filesystem), partitions)
        found = [(info.path, partition) for partition, infos in zip(partitions, listed, strict=True) for info in infos]
    return dataset_of(table, found, filesystem)


def dataset_of(table: Table, found: Sequence[tuple[str, Partition]], filesystem: FileSystem) -> ds.Dataset:
    """The rows of exactly these files, each by its path on the file system and with its partition."""
    keys = [pa.field(key, pa.string()) for key in table.partition_keys]
    schema = pa.schema([*table.schema, *keys]).remove_metadata()
    return ds.FileSystemDataset.from_paths(
        [path for path, _ in found],
        schema=schema,
        format=ds.ParquetFileFormat(),
        filesystem=filesystem,
        partitions=[_guarantee(table.partition_keys, partition.values) for _, partition in found],
    )


def files_under(location: str, filesystem: FileSystem) -> list[FileInfo]:
    """Files under a location, in order; Athena, too, passes over names that begin with a dot or an underscore."""
    selector = FileSelector(object_path(location), allow_not_found=True, recursive=True)
    infos = [info for info in filesystem.get_file_info(selector) if info.type == FileType.File and info.size]
    shown = [info for info in infos if not info.base_name.startswith((".", "_"))]
    return sorted(shown, key=lambda info: info.path)


def _guarantee(keys: tuple[str, ...], values: tuple[str, ...]) -> ds.Expression:
    """What is true of every row of a partition."""
    expression = ds.scalar(True)
    for key, value in zip(keys, values, strict=True):
        expression = expression & (ds.field(key) == value)
    return expression
