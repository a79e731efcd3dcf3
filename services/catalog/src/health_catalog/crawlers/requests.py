"""Words that a table has new folders, as objects in the lake: ``checkpoints/crawl-requests/<table>/<name>``.

Each has a name of its own and is never written again, so one that is removed is one that was seen.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from health_pipeline.settings import LakeSettings

from health_catalog.clients import make_client
from health_catalog.errors import aws_errors
from health_catalog.names import REQUESTS

_AT_ONCE = 1000  # S3's limit for DeleteObjects


class Requests:
    """Those of a pipeline. All methods raise CatalogError."""

    def __init__(self, settings: LakeSettings, client: Any = None) -> None:
        lake = urlsplit(settings.lake)
        self._bucket = lake.netloc
        self._root = "/".join(filter(None, (lake.path.strip("/"), REQUESTS)))
        self._settings, self._given = settings, client

    @cached_property
    def _s3(self) -> Any:
        return self._given or make_client("s3", self._settings.lake_endpoint, self._settings.region)

    def leave(self, table: str, folders: Iterable[str] = ()) -> str:
        """Ask for a crawl of the table; the request's key. ``folders`` are for people who look."""
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
        key = f"{self._root}/{table}/{moment}-{secrets.token_hex(4)}"
        body = json.dumps({"table": table, "folders": sorted(folders)}).encode()
        with aws_errors("s3:PutObject", f"{self._bucket}/{key}"):
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/json")
        return key

    def waiting(self) -> dict[str, frozenset[str]]:
        """The keys of all requests, by table."""
        found: dict[str, set[str]] = {}
        with aws_errors("s3:ListBucket", f"{self._bucket}/{self._root}"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=f"{self._root}/")
            for page in pages:
                for item in page.get("Contents", ()):
                    table, _, name = item["Key"].removeprefix(f"{self._root}/").partition("/")
                    if name:
                        found.setdefault(table, set()).add(item["Key"])
        return {table: frozenset(keys) for table, keys in found.items()}

    def forget(self, keys: Iterable[str]) -> None:
        """Remove these; those that are gone already are no fault."""
        left = sorted(keys)
        while left:
            chunk, left = left[:_AT_ONCE], left[_AT_ONCE:]
            with aws_errors("s3:DeleteObject", f"{self._bucket}/{self._root}"):
                objects: Any = {"Objects": [{"Key": key} for key in chunk], "Quiet": True}
                self._s3.delete_objects(Bucket=self._bucket, Delete=objects)
