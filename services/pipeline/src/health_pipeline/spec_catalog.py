"""What a spec says of the Glue Data Catalog: who finds new data, and who answers queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from health_pipeline.quantities import Duration
from health_pipeline.spec_fields import ROLE_ARN, URL, spec

# The names of its crawlers' queues begin with health-<database>- and SQS takes 80 characters.
LONGEST_CRAWLED = 59


@dataclass(frozen=True)
class Crawler:
    """AWS Glue's crawlers over the raw zone, which make its tables and partitions; the transform makes its own.

    Without schedule and onNewFiles they crawl when somebody asks.
    """

    role_arn: str = spec("IAM role that Glue crawls with", pattern=ROLE_ARN)
    schedule: str | None = spec(
        "When to crawl, as Glue has it (UTC): cron(0 * * * ? *)",
        None,
        pattern=r"cron\([!-~]+( [!-~]+){5}\)",
        maximum=128,
    )
    on_new_files: Literal["commits", "events"] | None = spec(
        "Crawl when landing has made new folders, or when S3 tells of new files by SQS", None
    )
    recrawl: Literal["newFolders", "everything"] = spec(
        "What a crawl looks at; everything also adds new columns to tables", "newFolders"
    )
    then: tuple[str, ...] = spec("Glue jobs that run one by one when a crawl by schedule has succeeded", (), maximum=10)
    deadline: Duration = spec("A crawl that takes longer is stopped", Duration.parse("1h"), minimum=300_000)


@dataclass(frozen=True)
class ManagedWorkgroup:
    """The workgroup is made, kept and removed with the pipeline, and queries in it that answer its users' questions."""

    result_location: str | None = spec(
        "s3://bucket/folder/ of the answers; athena-results/ in the lake when absent", None,
        pattern=r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[\w./-]*",
    )  # fmt: skip
    bytes_scanned_limit: int = spec("A query that would read more is stopped", 10_000_000_000, minimum=10_000_000,
                                    maximum=10**15)  # fmt: skip
    encryption: Literal["SSE_S3", "SSE_KMS"] = spec("Of the answers", "SSE_S3")
    kms_key: str | None = spec(
        "ARN of the key, with SSE_KMS", None, pattern=r"arn:aws[-a-z]*:kms:[-\w:/]+", maximum=256
    )


@dataclass(frozen=True)
class Athena:
    """Queries by Athena."""

    workgroup: str = spec(
        "Holds result location and limits; with manage it has the pipeline's name", pattern=r"[\w.-]{1,128}"
    )
    manage: ManagedWorkgroup | None = spec("Keep the workgroup; it is somebody else's when absent", None)
    projected_days: int = spec(
        "Athena works out the raw zone's partitions of so many days by itself, and sees no older ones; 0: it asks Glue",
        0, minimum=0, maximum=3653,
    )  # fmt: skip


@dataclass(frozen=True)
class Catalog:
    """The Glue Data Catalog. Tables are in <database>_raw and <database>_transformed."""

    database: str | None = spec("The pipeline's name when absent", None, pattern=r"[a-z0-9_]{1,200}")
    mode: Literal["register", "crawler"] = spec(
        "Tables and partitions of the raw zone are registered as data lands, or found by crawlers", "register"
    )
    crawler: Crawler | None = spec("With mode crawler", None)
    endpoint: str = spec(
        "Of the Glue API; AWS when empty (on a laptop: one of healthctl's own)", "", pattern=rf"({URL})?"
    )
    athena: Athena | None = spec("Local SQL when absent", None)
