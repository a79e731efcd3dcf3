"""The platform's chart with the charts that it consists of, where no repository of charts can be reached.

``python -m charts.vendor`` writes it into build/charts. Helm itself does this from the repositories:
``helm dependency build charts/health-platform``. Here our own charts are copied, and the Spark operator's is taken out
of its authors' Go module, where it is the same. What cannot be had, Strimzi's, is left out, and said.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from node.spark_operator import chart as spark_operator_chart

from charts.sync import CHARTS

PLATFORM = CHARTS / "health-platform"
BUILD = CHARTS.parent / "build" / "charts"
_LOCAL = "file://"


def main() -> None:
    """Write it, and say where it is and what it has not."""
    made, missing = vendor(PLATFORM, BUILD / PLATFORM.name, spark_operator())
    print(f"{made}: without {', '.join(missing) or 'nothing'}")  # noqa: T201


def spark_operator() -> dict[str, Path]:
    """The Spark operator's chart by its name, fetched by the go command if need be."""
    return {"spark-operator": spark_operator_chart()}


def vendor(chart: Path, target: Path, elsewhere: Mapping[str, Path]) -> tuple[Path, list[str]]:
    """Copy ``chart`` to ``target`` with its dependencies; (where it is, those that it is without).

    A dependency is found beside ``chart`` (``file://``) or in ``elsewhere``, by its name. One that is there in another
    version than the chart asks for is a ValueError.
    """
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(chart, target, ignore=shutil.ignore_patterns("charts", "Chart.lock"))
    described = yaml.safe_load((chart / "Chart.yaml").read_text())
    had: list[dict[str, Any]] = []
    missing: list[str] = []
    for dependency in described["dependencies"]:
        found = _found(chart, dependency, elsewhere)
        if found is None:
            missing.append(dependency["name"])
            continue
        version = str(yaml.safe_load((found / "Chart.yaml").read_text())["version"])
        if version != dependency["version"]:
            raise ValueError(f"{dependency['name']} is there as {version}, not as {dependency['version']}")
        into = shutil.copytree(found, target / "charts" / dependency["name"], copy_function=shutil.copyfile)
        for folder in (into, *into.rglob("*")):  # the cache of Go modules is read only, a copy of it need not be
            folder.chmod(0o755 if folder.is_dir() else 0o644)
        had.append(dependency | ({} if dependency["repository"].startswith(_LOCAL) else {"repository": ""}))
    (target / "Chart.yaml").write_text(yaml.safe_dump(described | {"dependencies": had}, sort_keys=False))
    return target, missing


def _found(chart: Path, dependency: Mapping[str, Any], elsewhere: Mapping[str, Path]) -> Path | None:
    repository: str = dependency["repository"]
    if repository.startswith(_LOCAL):
        return (chart / repository.removeprefix(_LOCAL)).resolve()
    return elsewhere.get(dependency["name"])


if __name__ == "__main__":
    main()
