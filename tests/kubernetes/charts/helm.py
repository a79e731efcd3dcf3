"""Helm as users run it, with a home of its own."""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from node.build import binary, ensure_built
from node.versions import HELM_CLIENT, KUBERNETES

from charts.sync import CHARTS
from charts.vendor import BUILD, PLATFORM, spark_operator, vendor

TIMEOUT_S = 60.0

Object = dict[str, Any]


class Helm:
    """``environment`` says which cluster it talks to; without one it can only lint and render."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        ensure_built((HELM_CLIENT,))
        homes = {f"HELM_{kind}_HOME": str(folder / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
        self._environment = {**os.environ, **homes, **(environment or {})}

    def attempt(
        self, *arguments: str | Path, values: Mapping[str, Any] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """How it ended and what it said; ``values`` as those of a file."""
        given = [] if values is None else ["--values", "-"]
        return subprocess.run(
            [str(binary(HELM_CLIENT)), *map(str, arguments), *given],
            env=self._environment,
            input=None if values is None else yaml.safe_dump(dict(values)),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def __call__(self, *arguments: str | Path, values: Mapping[str, Any] | None = None) -> str:
        """What it prints; AssertionError with what it says when it fails."""
        done = self.attempt(*arguments, values=values)
        assert done.returncode == 0, f"helm {' '.join(map(str, arguments))}\n{done.stdout}{done.stderr}"
        return done.stdout

    def template(
        self,
        chart: str | Path,
        values: Mapping[str, Any],
        namespace: str = "health-system",
        release: str = "health-operator",
    ) -> list[Object]:
        """The objects of a release, in Helm's order."""
        rendered = self(*_template(release, chart_folder(chart), namespace), values=values)
        return [document for document in yaml.safe_load_all(rendered) if document]

    def refusal(self, chart: str, values: Mapping[str, Any]) -> str:
        """What it says against these values."""
        done = self.attempt(*_template("health-operator", chart_folder(chart), "health-system"), values=values)
        assert done.returncode != 0, f"nothing was said against {values}"
        return done.stderr


def chart_folder(chart: str | Path) -> Path:
    """Where the chart of that name is; the platform's with all that it consists of and that can be had."""
    return platform() if chart == PLATFORM.name else CHARTS / chart


@functools.cache
def platform() -> Path:
    """The platform's chart, made anew once per run."""
    return vendor(PLATFORM, BUILD / PLATFORM.name, spark_operator())[0]


def named(objects: list[Object], kind: str, name: str) -> Object:
    """The one object of this kind and name."""
    (found,) = [each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def _template(release: str, chart: Path, namespace: str) -> list[str | Path]:
    # Built from its module, Helm does not know of which Kubernetes it is.
    return ["template", release, chart, "--namespace", namespace, "--kube-version", KUBERNETES]
