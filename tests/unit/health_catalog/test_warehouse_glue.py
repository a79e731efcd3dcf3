"""The load as a Glue job: its entry point with the real loader, on a model of Redshift."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from health_catalog import CatalogError
from health_catalog.warehouse import dataapi, glue, lake, redshift

from tests.unit.health_catalog.test_warehouse_redshift import ELEVEN, TEN, Ward
from tests.unit.health_catalog.warehouse_lake import DISPATCHES, VITALS

ARGUMENTS = [
    "--JOB_NAME", "ward-load", "--HEALTH_PIPELINE", "ward", "--HEALTH_LAKE", "s3://lake", "--HEALTH_DATABASE", "ward",
    "--HEALTH_ENGINE", "redshift", "--HEALTH_WORKGROUP", "ward", "--HEALTH_WAREHOUSE_DATABASE", "dev",
    "--HEALTH_WAREHOUSE_SCHEMA", "ward", "--HEALTH_COPY_ROLE_ARN", "arn:aws:iam::123456789012:role/ward-redshift",
    "--TempDir", "s3://lake/etl/temporary/",
]  # fmt: skip


@pytest.fixture
def ward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ward:
    """Where the job finds its zone and its warehouse."""
    found = Ward(tmp_path)
    clients: dict[str, Any] = {"redshift-data": found.client, "s3": found.model}
    monkeypatch.setattr(redshift, "make_client", lambda service, *_: clients[service])
    monkeypatch.setattr(lake, "GlueCatalog", lambda _: found.zone.catalogue)
    monkeypatch.setattr(glue, "lake_filesystem", lambda *_, as_boto3: found.zone.filesystem if as_boto3 else None)
    monkeypatch.setattr(dataapi, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(dataapi, "_LONGEST_PAUSE_S", 0.001)
    monkeypatch.setenv("AWS_ROLE_SESSION_NAME", "GlueJobRunnerSession")
    return found


def loads(ward: Ward) -> int:
    return sum(any("COPY" in sql for sql in item.sqls) for item in ward.model.statements.values())


def test_a_run_loads_all_and_the_next_one_nothing_twice(ward: Ward) -> None:
    ward.zone.commit(VITALS, TEN, 5, files=2)
    ward.zone.commit(DISPATCHES, TEN, 2)
    glue.main(ARGUMENTS)
    assert ward.rows() == ward.wanted()
    before = loads(ward)
    glue.main(ARGUMENTS)
    assert (loads(ward), ward.rows()) == (before, ward.wanted())
    ward.zone.commit(VITALS, ELEVEN, 3)
    glue.main(ARGUMENTS)
    assert (loads(ward), ward.rows()) == (before + 1, ward.wanted())


def test_beside_the_component_each_hour_is_there_once(ward: Ward) -> None:
    ward.zone.commit(VITALS, TEN, 5)
    ward.run()
    ward.zone.commit(VITALS, TEN, 4)
    glue.main(ARGUMENTS)
    ward.run()
    assert ward.rows() == ward.wanted()


def test_a_load_that_fails_fails_the_run_once_all_else_is_loaded(ward: Ward) -> None:
    ward.zone.commit(VITALS, TEN, 5)
    ward.zone.commit(DISPATCHES, TEN, 2)
    ward.model.fails = lambda sqls: "disk full" if any("dispatches" in sql for sql in sqls if "INSERT" in sql) else ""
    with pytest.raises(CatalogError, match="disk full"):
        glue.main(ARGUMENTS)
    assert ward.rows()["vitals"] == ward.wanted()["vitals"]
    ward.model.fails = lambda _sqls: ""
    glue.main(ARGUMENTS)  # as Glue tries it again
    assert ward.rows() == ward.wanted()


def test_it_needs_nothing_that_glue_has_not() -> None:
    lacks = "import sys; sys.modules.update(dict.fromkeys(('duckdb', 'confluent_kafka', 'pyspark', 'msgspec')))"
    command = [sys.executable, "-c", f"{lacks}; import health_catalog.warehouse.glue"]
    assert subprocess.run(command, check=False, capture_output=True, text=True, timeout=60).stderr == ""
