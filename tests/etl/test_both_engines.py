"""The transform by the Spark job of this repository and by its Glue script under Glue's Spark, on the same raw rows.

The keeper itself makes the job, on an endpoint that keeps it and cannot run it; so the script is fetched from where the
job says that it is, and started with the arguments that the job gives it. ``make etl-test`` has the Spark for it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from health_catalog import TRANSFORMED, GlueCatalog, ensure_bucket, lake_filesystem, object_path
from health_catalog.clients import make_client
from health_catalog.etl.aws import JobAws
from health_catalog.etl.keeper import JobKeeper
from health_catalog.keeping import remove
from health_pipeline.settings import LakeSettings, TransformSettings
from health_pipeline.settings_glue import EtlSettings
from healthctl.embedded.jars import JarSet, cache_dir, fetch, say

from tests.etl.raw_rows import LANDED, land

pytestmark = pytest.mark.timeout(1200)

RUNTIME = Path(os.environ["HEALTH_GLUE_RUNTIME"]).absolute()
_HERE = Path(__file__).parent
_PATIENCE_S = 500
TABLES = tuple(event.name for event in LANDED)


@pytest.fixture(scope="session")
def glue_jars() -> Path:
    """S3A for Glue's Spark, which has a connector of its own; verified."""
    lines = (_HERE / "glue.jars.lock").read_text().splitlines()
    sums = {jar: digest for digest, jar in map(str.split, lines)}
    jars = JarSet("glue-runtime", _HERE / "glue.ivy.xml", sums)
    if not jars.is_cached():
        jars.folder.mkdir(parents=True, exist_ok=True)
        fetch(jars, jars.folder, say)
    jars.verify(jars.folder)
    assert jars.folder.is_relative_to(cache_dir())
    return jars.folder


def _lake(endpoint: str, name: str) -> dict[str, Any]:
    return {"pipeline": name, "lake": f"s3://{name}", "lake_endpoint": endpoint, "glue_endpoint": endpoint,
            "database": name.replace("-", "_"), "tables": TABLES}  # fmt: skip


def _etl(endpoint: str, name: str) -> EtlSettings:
    role = f"arn:aws:iam::123456789012:role/{name}-glue-job"
    return EtlSettings(**_lake(endpoint, name), role_arn=role, schedule="*/10 * * * *")


def _keep(settings: EtlSettings) -> None:
    """A pass of the keeper that is good."""
    ready = threading.Event()
    JobKeeper(settings, JobAws(settings), ready).pass_()
    assert ready.is_set()


def _run_here(settings: TransformSettings) -> None:
    command = [sys.executable, "-m", "health_streaming.jobs.transform"]
    subprocess.run(command, env=os.environ | settings.to_env(), check=True, timeout=_PATIENCE_S)


def _run_as_glue(settings: EtlSettings, jars: Path, folder: Path) -> None:
    """What Glue does with a job: fetch script and modules, start the script with the job's arguments."""
    glue = make_client("glue", settings.glue_endpoint, settings.region)
    job = glue.get_job(JobName=f"{settings.pipeline}-transform")["Job"]
    assert (job["Command"]["Name"], job["GlueVersion"]) == ("glueetl", "5.0")
    arguments = dict(job["DefaultArguments"])
    archive = _fetched(settings, arguments["--extra-py-files"], folder)
    script = _fetched(settings, job["Command"]["ScriptLocation"], folder)
    conf = {
        "spark.master": "local[2]", "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": "4", "spark.driver.extraClassPath": f"{jars}/*",
        # In the place of Glue's own connector.
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.hadoop.fs.s3a.endpoint": settings.lake_endpoint, "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
        "spark.hadoop.fs.s3a.aws.credentials.provider": "com.amazonaws.auth.EnvironmentVariableCredentialsProvider",
    }  # fmt: skip
    options = " ".join(f"--conf {key}={value}" for key, value in conf.items())
    env = {
        **{key: os.environ[key] for key in ("PATH", "JAVA_HOME", "HOME") if key in os.environ},
        **{key: value for key, value in os.environ.items() if key.startswith("AWS_")},
        "PYTHONPATH": str(archive), "PYSPARK_SUBMIT_ARGS": f"{options} pyspark-shell", "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": str(RUNTIME), "TZ": "America/New_York",  # which nothing may depend on
    }  # fmt: skip
    given = ["--JOB_NAME", job["Name"], "--JOB_RUN_ID", "jr_1"]
    given += [word for pair in arguments.items() for word in pair]
    subprocess.run([str(RUNTIME), str(script), *given], env=env, check=True, timeout=_PATIENCE_S, cwd=folder)


def _fetched(settings: LakeSettings, uri: str, folder: Path) -> Path:
    into = folder / uri.rpartition("/")[2]
    with lake_filesystem(settings).open_input_stream(object_path(uri)) as file:
        into.write_bytes(file.read())
    return into


def _transformed(settings: LakeSettings) -> dict[str, pa.Table]:
    """Every transformed table as a reader of the catalogue has it, in an order of its own rows."""
    catalog, files = GlueCatalog(settings), lake_filesystem(settings)
    found = {}
    for table in catalog.tables(TRANSFORMED):
        parts = []
        for partition in catalog.partitions(table):
            part = pq.read_table(object_path(partition.location), filesystem=files, partitioning=None)
            for key, value in zip(table.partition_keys, partition.values, strict=True):
                part = part.append_column(key, pa.array([value] * part.num_rows))
            parts.append(part)
        rows = pa.concat_tables(parts).replace_schema_metadata()
        flat = [name for name in rows.column_names if not pa.types.is_nested(rows.schema.field(name).type)]
        found[table.name] = rows.sort_by([(name, "ascending") for name in flat])
    return found


def _described(settings: LakeSettings) -> list[Any]:
    tables = sorted(GlueCatalog(settings).tables(TRANSFORMED), key=lambda table: table.name)
    return [(table.name, table.schema, table.partition_keys, table.doc) for table in tables]


def test_both_entry_points_make_the_same_tables(
    aws_endpoint: str, spark_jars: Path, glue_jars: Path, tmp_path: Path
) -> None:
    here = TransformSettings(**_lake(aws_endpoint, "engine-spark"), spark_master="local[2]", spark_jars=str(spark_jars))
    there = _etl(aws_endpoint, "engine-glue")
    for settings in (here, there):
        ensure_bucket(settings)
    ready = threading.Event()
    JobKeeper(there, JobAws(there), ready).pass_()
    assert ready.is_set()
    for increment in range(2):
        for settings in (here, there):
            land(settings, increment)
        _run_here(here)
        _run_as_glue(there, glue_jars, tmp_path)
        expected, found = _transformed(here), _transformed(there)
        assert set(expected) == set(found) >= {"vitals_minute", "dispatch_outcomes", "city_hourly"}
        for name, rows in expected.items():
            assert rows.num_rows > 0
            assert found[name].schema == rows.schema, name
            assert found[name].to_pylist() == rows.to_pylist(), name
    assert _described(there) == _described(here)


def test_the_keeper_makes_its_job_once_and_removes_it_and_nothing_else(aws_endpoint: str) -> None:
    settings = _etl(aws_endpoint, "engine-kept")
    ensure_bucket(settings)
    glue = make_client("glue", aws_endpoint, settings.region)
    theirs = {"Role": settings.role_arn, "Command": {"Name": "glueetl"}}
    glue.create_job(Name="engine-kept-transform-2", **theirs)
    for _ in range(2):  # a new process finds all as it should be
        _keep(settings)
    assert glue.get_trigger(Name="engine-kept-transform")["Trigger"]["Schedule"] == "cron(0,10,20,30,40,50 * * * ? *)"
    assert remove(settings, JobAws(settings), threading.Event(), 60) == ()
    assert glue.list_jobs()["JobNames"].count("engine-kept-transform") == 0
    assert "engine-kept-transform-2" in glue.list_jobs()["JobNames"]
