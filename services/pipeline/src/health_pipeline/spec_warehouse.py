"""The part of the spec that is about the warehouse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from health_pipeline.quantities import Duration
from health_pipeline.spec_fields import spec
from health_pipeline.spec_transform import GlueJob

# Of a database or schema of Redshift's, so that nobody needs quotes for it.
_NAME = r"[a-z_][a-z0-9_]{0,99}"


@dataclass(frozen=True)
class Spectrum:
    """External schemas: Redshift reads the lake's own files."""

    schema: str = spec("Their common beginning: <schema>_raw and <schema>_transformed", pattern=_NAME, maximum=100)


@dataclass(frozen=True)
class Redshift:
    """A Redshift that is there. Exactly one of workgroup and clusterIdentifier."""

    copy_role_arn: str = spec("IAM role that Redshift itself reads the lake with; it must be associated with it",
                              pattern=r"arn:aws[-a-z]*:iam::\d{12}:role/[\w+=,.@/-]+")  # fmt: skip
    workgroup: str | None = spec("Of Redshift Serverless", None, pattern=r"[a-z0-9-]{3,64}", maximum=64)
    cluster_identifier: str | None = spec("Of a provisioned cluster", None,
                                          pattern=r"[a-z][a-z0-9]*(-[a-z0-9]+)*", maximum=63)  # fmt: skip
    database: str = spec("Database in it", "dev", pattern=_NAME, maximum=100)
    schema: str | None = spec("Where the tables are; the catalogue's database when absent", None, pattern=_NAME,
                              maximum=100)  # fmt: skip
    secret_arn: str | None = spec(
        "Secret with the database user; when absent, the role of the component, or of the job, is the user", None,
        pattern=r"arn:aws[-a-z]*:secretsmanager:[-a-z0-9]+:\d{12}:secret:[\w/+=.@-]+"
    )  # fmt: skip
    spectrum: Spectrum | None = spec("External schemas over the lake; none when absent", None)
    job: GlueJob | None = spec("The load is a Glue job that follows the transform's; a component that looks every"
                               " interval when absent", None)  # fmt: skip


@dataclass(frozen=True)
class DuckDb:
    """A file on this machine."""

    path: str = spec("Absolute, or in the run's own folder, which each run begins anew", "warehouse.duckdb",
                     pattern=r"[!-~]([ -~]*[!-~])?")  # fmt: skip


@dataclass(frozen=True)
class Warehouse:
    """The transformed zone's tables in a warehouse."""

    engine: Literal["redshift", "duckdb"] = spec("Amazon Redshift, or a file on a laptop")
    redshift: Redshift | None = spec("With engine redshift", None)
    duckdb: DuckDb = spec("With engine duckdb", DuckDb)
    interval: Duration = spec("How often to look for hours that are new or were written anew", Duration(60_000),
                              minimum=1000)  # fmt: skip
