"""From what a spec says of the warehouse to what its loader is told; pure."""

from __future__ import annotations

from typing import Any

from health_pipeline.spec_transform import GlueJob
from health_pipeline.spec_warehouse import Redshift, Warehouse


def loading(warehouse: Warehouse, database: str) -> dict[str, Any]:
    """Keyword arguments of WarehouseSettings about the engine; ``database`` is the pipeline's in the catalogue."""
    if warehouse.redshift and warehouse.engine == "redshift":
        return _redshift(warehouse.redshift, database)
    return {"duckdb_path": warehouse.duckdb.path}


def load_job(warehouse: Warehouse | None) -> GlueJob | None:
    """The Glue job that loads; None where a component does, or nobody."""
    redshift = warehouse.redshift if warehouse and warehouse.engine == "redshift" else None
    return redshift.job if redshift else None


def _redshift(wanted: Redshift, database: str) -> dict[str, Any]:
    return {
        "workgroup": wanted.workgroup or "",
        "cluster": wanted.cluster_identifier or "",
        "secret_arn": wanted.secret_arn or "",
        "warehouse_database": wanted.database,
        "warehouse_schema": wanted.schema or database,
        "copy_role_arn": wanted.copy_role_arn,
        "spectrum_schema": wanted.spectrum.schema if wanted.spectrum else "",
    }
