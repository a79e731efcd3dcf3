"""What Glue jobs run is made of our own source, and the same source makes the same."""

from __future__ import annotations

import io
import zipfile

import pytest
from health_catalog.errors import CatalogError
from health_catalog.etl import packaging
from health_catalog.etl.packaging import archive, programs


def test_the_same_source_makes_the_same_zip_of_all_that_the_job_needs() -> None:
    transform, load = programs()
    assert programs() == (transform, load)
    assert transform.archive == load.archive
    with zipfile.ZipFile(io.BytesIO(load.archive.body)) as held:
        names = set(held.namelist())
    assert {f"{package}/__init__.py" for package in packaging.PACKAGES} <= names
    assert {"health_streaming/jobs/glue.py", "health_catalog/warehouse/glue.py"} <= names
    assert b"from health_streaming.jobs.glue import main" in transform.script.body
    assert b"from health_catalog.warehouse.glue import main" in load.script.body
    assert b"\npyarrow==" in transform.requirements.body
    assert b"\nboto3==" in load.requirements.body
    assert all(name.endswith(".py") for name in names)
    assert archive({"a.py": b"1"}) != archive({"a.py": b"2"})


def test_without_the_transform_it_says_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaging, "PACKAGES", ("health_missing",))
    with pytest.raises(CatalogError, match="image spark"):
        programs()
