"""The catalogue of the lake: its tables and partitions in AWS Glue, the bucket they lie in, and SQL over them.

``schemas`` describes tables (those of the raw zone derived from the contract), ``hive`` gives types the names that Glue
and Athena use, ``shapes`` is Glue's way to write tables and the rules by which they may change; all three are pure.
``glue`` and ``storage`` talk to AWS or to what stands in for it. SQL is in ``sql`` (duckdb, on this machine) and
``athena``, to be imported from there: streaming workers import this package at every start and need no SQL engine.
"""

from health_catalog.errors import CatalogError
from health_catalog.glue import GlueCatalog
from health_catalog.schemas import RAW, TRANSFORMED, Partition, Table, arrow_schema, column, raw_table
from health_catalog.storage import ensure_bucket, lake_filesystem, object_path

__all__ = [
    "RAW",
    "TRANSFORMED",
    "CatalogError",
    "GlueCatalog",
    "Partition",
    "Table",
    "arrow_schema",
    "column",
    "ensure_bucket",
    "lake_filesystem",
    "object_path",
    "raw_table",
]
