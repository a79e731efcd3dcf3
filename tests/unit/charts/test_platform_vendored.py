"""The platform's chart is put together from charts that lie elsewhere, in the versions that it asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from charts.vendor import PLATFORM, vendor

LOCAL = {"health-operator", "health-monitoring"}


def chart(folder: Path, **described: Any) -> Path:
    """A chart with nothing in it, that nobody may write to: so are those in the cache of Go modules."""
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text(yaml.safe_dump(described))
    (folder / "Chart.yaml").chmod(0o444)
    return folder


def test_what_can_be_had_is_there_and_what_cannot_is_named(tmp_path: Path) -> None:
    spark = chart(tmp_path / "elsewhere", name="spark-operator", version="2.5.2")
    made, missing = vendor(PLATFORM, tmp_path / "made", {"spark-operator": spark})
    assert missing == ["strimzi-kafka-operator"]
    assert {path.name for path in (made / "charts").iterdir()} == {"spark-operator", *LOCAL}
    asked = {each["name"]: each for each in yaml.safe_load((PLATFORM / "Chart.yaml").read_text())["dependencies"]}
    told = {each["name"]: each for each in yaml.safe_load((made / "Chart.yaml").read_text())["dependencies"]}
    assert told.keys() == asked.keys() - set(missing), "Helm refuses a chart whose dependencies are not there"
    assert all(told[name]["condition"] == asked[name]["condition"] for name in told)
    assert (made / "values.yaml").read_text() == (PLATFORM / "values.yaml").read_text()
    vendor(PLATFORM, made, {"spark-operator": spark})


def test_another_version_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    spark = chart(tmp_path / "elsewhere", name="spark-operator", version="9.9.9")
    with pytest.raises(ValueError, match=r"^spark-operator is there as 9\.9\.9, not as 2\.5\.2$"):
        vendor(PLATFORM, tmp_path / "made", {"spark-operator": spark})
