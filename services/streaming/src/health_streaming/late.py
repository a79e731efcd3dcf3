"""Word that files land in a folder of an earlier day: landing leaves it, the transform looks where it is told to.

A folder's ingest date is Kafka's time. Landing may come to a record days later: where it is behind, or where a
producer's clock is. Nobody can list all folders for ever, so landing leaves an empty object before it writes there,
``checkpoints/late-folders/<table>/landed=2026-11-22/ingest_date=2026-11-19``. All files of a day share it, so nobody
counts words or removes them: there are as many a day as there are days that landing is behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from health_catalog import object_path
from health_catalog.names import LATE
from health_pipeline.settings import LakeSettings
from pyarrow.fs import FileSelector, S3FileSystem

_LANDED, _INGESTED = "landed=", "ingest_date="


@dataclass(frozen=True)
class Word:
    """On the day ``landed`` files landed in a folder of the earlier day ``ingested``; UTC."""

    landed: date
    ingested: date


def tell(settings: LakeSettings, files: S3FileSystem, table: str, ingested: date, landed: date) -> None:
    """Leave word where the folder is of an earlier day. Before the file: words are read, then files listed. OSError."""
    if ingested < landed:
        path = f"{_folder(settings, table)}/{_LANDED}{landed}/{_INGESTED}{ingested}"
        with files.open_output_stream(path):
            pass


def left(settings: LakeSettings, files: S3FileSystem, table: str) -> frozenset[Word]:
    """All words about this table. OSError."""
    selector = FileSelector(_folder(settings, table), allow_not_found=True, recursive=True)
    return frozenset(_words(info.path for info in files.get_file_info(selector) if info.is_file))


def _words(paths: Iterator[str]) -> Iterator[Word]:
    for path in paths:
        *_, landed, ingested = path.split("/")
        yield Word(*map(date.fromisoformat, (landed.removeprefix(_LANDED), ingested.removeprefix(_INGESTED))))


def _folder(settings: LakeSettings, table: str) -> str:
    return object_path(f"{settings.lake}/{LATE}/{table}")
