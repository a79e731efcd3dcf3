"""What the keeper of a pipeline's Glue jobs is told, and how such a job is told its own settings."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from health_pipeline.settings import PREFIX, LakeSettings, Settings, WarehouseSettings

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True, kw_only=True)
class LoadJob(WarehouseSettings):
    """The load as a Glue job: what it does, and how it is to run, as in EtlSettings."""

    role_arn: str
    timeout_minutes: int = 60
    retries: int = 1


@dataclass(frozen=True, kw_only=True)
class EtlSettings(LakeSettings):
    """The transform as a Glue job, for whoever keeps it. ``tables`` are event names; ``schedule`` as in the spec.

    ``role_arn`` is the job's own. Glue tries a run that fails ``retries`` times more. ``then``: jobs that crawls start;
    if it is among them, it has no schedule of its own. ``load`` follows it; None: a component loads, or nobody.
    """

    tables: tuple[str, ...]
    role_arn: str
    schedule: str
    worker_type: str = "G.1X"
    workers: int = 2
    timeout_minutes: int = 60
    retries: int = 1
    then: tuple[str, ...] = ()
    load: LoadJob | None = None


def from_arguments(kind: type[S], arguments: Sequence[str]) -> S:
    """Settings as a Glue job has them: ``--HEALTH_LAKE s3://bucket``, each by its variable's name. SettingsError.

    Other arguments, which are Glue's, are left alone. Glue's own ``getResolvedOptions`` knows no argument that may be
    absent, and is argparse as well; so argparse it is.
    """
    parser = argparse.ArgumentParser(allow_abbrev=False, argument_default=argparse.SUPPRESS)
    for name in kind.__dataclass_fields__:
        parser.add_argument(f"--{PREFIX}{name.upper()}")
    known, _ = parser.parse_known_args(arguments)
    return kind.from_env(vars(known))
