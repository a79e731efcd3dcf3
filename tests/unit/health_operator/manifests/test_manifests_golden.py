"""Every object of some pipelines, whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.unit.health_operator.manifests.examples import EXAMPLES, example


class _Plain(yaml.SafeDumper):
    """Writes out what appears twice, as kubectl would show it."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


@pytest.mark.parametrize("name", EXAMPLES)
def test_manifests_of_an_example(name: str, golden: Callable[[str, str], None]) -> None:
    shown = [_without_panels(manifest) for manifest in example(name)]
    text = yaml.dump_all(shown, Dumper=_Plain, sort_keys=False, width=120, explicit_start=True)
    golden(f"manifests/{name}.yaml", text)


def _without_panels(manifest: dict[str, Any]) -> dict[str, Any]:
    """A dashboard's panels have a file of their own, in the chart."""
    if not manifest["metadata"]["name"].endswith("-dashboard"):
        return manifest
    boards = {name: {**json.loads(text), "panels": "..."} for name, text in manifest["data"].items()}
    return {**manifest, "data": boards}
