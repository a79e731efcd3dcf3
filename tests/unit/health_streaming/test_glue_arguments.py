"""What a Glue job is told is what transform and load are told here."""

from __future__ import annotations

import dataclasses

import pytest
from health_catalog.etl.packaging import Code, Program
from health_catalog.etl.wanted import wanted
from health_pipeline.settings import SettingsError, TransformSettings, WarehouseSettings
from health_pipeline.settings_glue import EtlSettings, LoadJob, from_arguments
from hypothesis import given
from hypothesis import strategies as st

LAKE = {"pipeline": "london", "lake": "s3://lake", "region": "eu-west-2", "database": "london"}
REDSHIFT = {
    "engine": "redshift", "workgroup": "w1", "warehouse_database": "dev", "warehouse_schema": "london",
    "copy_role_arn": "arn:aws:iam::123456789012:role/r", "spectrum_schema": "lake",
}  # fmt: skip
PROGRAM = Program(Code("code.zip", b""), Code("script.py", b""), Code("needs.txt", b""))


def test_a_jobs_arguments_are_the_settings() -> None:
    role = "arn:aws:iam::123456789012:role/x"
    load = LoadJob(**LAKE, **REDSHIFT, metrics_port=9464, role_arn=role)
    told = EtlSettings(**LAKE, tables=("vitals", "gps"), role_arn=role, schedule="0 * * * *", load=load)
    transform, loading, *_ = (
        [word for pair in job.given["DefaultArguments"].items() for word in pair] if job.kind == "job" else []
        for job in wanted(told, PROGRAM, PROGRAM).things
    )

    def as_glue_says(arguments: list[str]) -> list[str]:
        return ["--JOB_NAME", "london-transform", "--JOB_RUN_ID", "jr_1", *arguments, "--enable-metrics", ""]

    found = from_arguments(TransformSettings, as_glue_says(transform))
    assert found == TransformSettings(**LAKE, tables=("vitals", "gps"))
    assert from_arguments(WarehouseSettings, as_glue_says(loading)) == WarehouseSettings(**LAKE, **REDSHIFT)


# Of a process of ours, of streams, or of a file on a laptop: a job has no use for them.
_NOT_TOLD = {"metrics_host", "metrics_port", "checkpoint_epoch", "interval_s", "duckdb_path"}
_TOLD = {field.name for field in dataclasses.fields(WarehouseSettings)} - _NOT_TOLD
_WORDS = st.text("ab_/:. 1", max_size=8)


@given(st.fixed_dictionaries(dict.fromkeys(sorted(_TOLD - LAKE.keys()), _WORDS)))
def test_whatever_a_load_can_be_told_arrives(told: dict[str, str]) -> None:
    load_told = {**LAKE, **told, "engine": "redshift"}
    role = "arn:aws:iam::123456789012:role/x"
    settings = EtlSettings(
        **LAKE, tables=(), role_arn=role, schedule="0 * * * *", load=LoadJob(**load_told, role_arn=role)
    )
    _, load, *_ = wanted(settings, PROGRAM, PROGRAM).things
    words = [word for pair in load.given["DefaultArguments"].items() for word in pair]
    assert from_arguments(WarehouseSettings, words) == WarehouseSettings(**load_told)


def test_one_that_is_missing_is_named() -> None:
    with pytest.raises(SettingsError, match="HEALTH_LAKE"):
        from_arguments(TransformSettings, ["--HEALTH_PIPELINE", "london"])
