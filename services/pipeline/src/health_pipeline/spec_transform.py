"""The part of the spec that is about the transform: raw zone to transformed zone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from health_pipeline.quantities import Duration
from health_pipeline.spec_fields import ROLE_ARN, spec

# What Glue takes of an interval: five minutes at least, and a cron begins anew with each hour and each day.
GLUE_INTERVAL = r"@every ((5|6|10|12|15|20|30|60)m|(1|2|3|4|6|8|12|24)h)"
# The minutes of a cron that is due more often than every five of them.
TOO_OFTEN = r"[*](/[1-4])?[, ]"
_HOUR_MS, _WEEK_MS = 3_600_000, 604_800_000


@dataclass(frozen=True)
class GlueJob:
    """A job of AWS Glue. It is made, kept and removed with the pipeline."""

    role_arn: str = spec("IAM role that the job itself runs as", pattern=ROLE_ARN)
    timeout: Duration = spec("A run that takes longer is ended; in whole minutes, rounded up", Duration(_HOUR_MS),
                             minimum=300_000, maximum=_WEEK_MS)  # fmt: skip
    retries: int = spec("How often Glue tries a run that has failed again", 1, minimum=0, maximum=10)


@dataclass(frozen=True)
class Glue(GlueJob):
    """The job that the transform is, with engine glue."""

    worker_type: Literal["G.1X", "G.2X", "G.4X", "G.8X"] = spec("1, 2, 4 or 8 DPUs each", "G.1X")
    workers: int = spec("How many; one of them is the driver", 2, minimum=2, maximum=299)


@dataclass(frozen=True)
class Transform:
    """Raw zone to transformed zone."""

    engine: Literal["spark", "glue"] = spec("Spark here, or a job of AWS Glue", "spark")
    schedule: str = spec("Cron (five fields, UTC) or '@every 30s'; with glue 5 minutes at least", "*/5 * * * *",
                         pattern=r"@every [1-9]\d*[smh]|[!-~]+( [!-~]+){4}", maximum=64)  # fmt: skip
    glue: Glue | None = spec("With engine glue", None)
