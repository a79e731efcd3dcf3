"""From what a spec says of the transform to what the keeper of its Glue job is told; pure."""

from __future__ import annotations

from typing import Any

from health_pipeline.catalogue import follow_crawls
from health_pipeline.spec_catalog import Catalog
from health_pipeline.spec_transform import GlueJob, Transform

_MINUTE_MS = 60_000


def is_glue(transform: Transform) -> bool:
    """Whether a job of AWS Glue does it, rather than Spark on the cluster."""
    return transform.engine == "glue"


def glue_job(transform: Transform, catalog: Catalog) -> dict[str, Any]:
    """Keyword arguments of EtlSettings about the job; where there shall be none, enough to remove it."""
    glue = transform.glue
    if glue is None:
        return {"role_arn": "", "schedule": ""}
    return {
        **running(glue),
        "schedule": transform.schedule,
        "worker_type": glue.worker_type,
        "workers": glue.workers,
        "then": follow_crawls(catalog),
    }


def running(job: GlueJob) -> dict[str, Any]:
    """Keyword arguments about how any Glue job is to run."""
    return {
        "role_arn": job.role_arn,
        "timeout_minutes": -(-job.timeout // _MINUTE_MS),
        "retries": job.retries,
    }
