"""Every object of some pipelines, whole."""

from __future__ import annotations

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
    text = yaml.dump_all(example(name), Dumper=_Plain, sort_keys=False, width=120, explicit_start=True)
    golden(f"manifests/{name}.yaml", text)
