"""The Glue jobs and their code in the lake, by boto3's own requests, on an endpoint that keeps them and runs none."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

import pytest
from health_catalog import ensure_bucket
from health_catalog.clients import make_client
from health_catalog.etl.aws import JobAws
from health_catalog.etl.keeper import JobKeeper
from health_catalog.etl.packaging import Code, Program
from health_catalog.keeping import remove
from health_pipeline.settings_glue import EtlSettings, LoadJob

NAME = "dover-transform"
ZIP = Code("packages-1.zip", b"zip")
PROGRAMS = (
    Program(ZIP, Code("transform-1.py", b"py"), Code("transform-1.txt", b"txt")),
    Program(ZIP, Code("load-1.py", b"py"), Code("load-1.txt", b"txt")),
)


@pytest.fixture
def settings(aws_endpoint: str) -> EtlSettings:
    found = EtlSettings(
        pipeline="dover", lake="s3://dover-lake/health", lake_endpoint=aws_endpoint, glue_endpoint=aws_endpoint,
        database="dover", tables=("vitals",), role_arn="arn:aws:iam::123456789012:role/x", schedule="@every 30m",
    )  # fmt: skip
    ensure_bucket(found)
    return found


def kept(settings: EtlSettings) -> None:
    """A pass of a new keeper, which was good, and leaves nothing to do for the next one."""
    ready = threading.Event()
    JobKeeper(settings, JobAws(settings), ready, code=PROGRAMS).pass_()
    assert ready.is_set()


def there(glue: Any) -> tuple[list[str], list[str]]:
    """Names of the pipeline's jobs and triggers; the endpoint is others' as well."""
    jobs, triggers = glue.list_jobs()["JobNames"], glue.list_triggers()["TriggerNames"]
    return [name for name in jobs if "dover" in name], [name for name in triggers if "dover" in name]


def test_the_load_comes_and_goes_with_the_transforms_job(settings: EtlSettings, aws_endpoint: str) -> None:
    glue = make_client("glue", aws_endpoint, settings.region)
    lake = {"pipeline": "dover", "lake": settings.lake, "database": "dover"}
    load = LoadJob(**lake, engine="redshift", workgroup="w1", role_arn="arn:aws:iam::123456789012:role/y")
    both = dataclasses.replace(settings, load=load)
    for _ in range(2):  # the second finds it as it should be: here nothing can be changed
        kept(both)
    job = glue.get_job(JobName="dover-load")["Job"]
    assert (job["Role"], job["GlueVersion"], job["NumberOfWorkers"]) == (load.role_arn, "5.0", 2)
    assert job["Command"]["ScriptLocation"] == "s3://dover-lake/health/etl/load-1.py"
    assert job["DefaultArguments"]["--HEALTH_WORKGROUP"] == "w1"
    trigger = glue.get_trigger(Name="dover-load")["Trigger"]
    assert (trigger["Type"], trigger["Actions"]) == ("CONDITIONAL", [{"JobName": "dover-load"}])
    (condition,) = trigger["Predicate"]["Conditions"]
    assert (condition["JobName"], condition["State"]) == ("dover-transform", "SUCCEEDED")
    kept(settings)
    assert there(glue) == ([NAME], [NAME])
    kept(both)
    assert remove(both, JobAws(both), threading.Event(), 30) == ()
    assert there(glue) == ([], [])


def test_code_is_put_where_it_is_missing_and_never_twice(settings: EtlSettings, aws_endpoint: str) -> None:
    s3, place = make_client("s3", aws_endpoint, settings.region), {"Bucket": "dover-lake", "Key": "health/etl/a.zip"}
    for body in (b"first", b"never"):
        JobAws(settings).put(Code("a.zip", body))
        assert s3.get_object(**place)["Body"].read() == b"first"
    s3.delete_object(**place)
    JobAws(settings).put(Code("a.zip", b"again"))
    assert s3.get_object(**place)["Body"].read() == b"again"
