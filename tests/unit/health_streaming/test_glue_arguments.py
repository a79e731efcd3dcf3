"""What a Glue job is told is what the transform is told here."""

from __future__ import annotations

import pytest
from health_catalog.etl.wanted import wanted
from health_pipeline.settings import EtlSettings, SettingsError, TransformSettings
from health_streaming.jobs.glue import settings_of


def test_a_jobs_arguments_are_the_settings() -> None:
    told = EtlSettings(
        pipeline="london", lake="s3://lake", region="eu-west-2", database="london", tables=("vitals", "gps"),
        role_arn="arn:aws:iam::123456789012:role/x", schedule="0 * * * *",
    )  # fmt: skip
    job, _ = wanted(told, "code.zip", "script.py", "pyarrow==1").things
    arguments = [word for pair in job.given["DefaultArguments"].items() for word in pair]
    found = settings_of(["--JOB_NAME", "london-transform", "--JOB_RUN_ID", "jr_1", *arguments, "--enable-metrics", ""])
    assert found == TransformSettings(
        pipeline="london", lake="s3://lake", region="eu-west-2", database="london", tables=("vitals", "gps")
    )


def test_one_that_is_missing_is_named() -> None:
    with pytest.raises(SettingsError, match="HEALTH_LAKE"):
        settings_of(["--HEALTH_PIPELINE", "london"])
