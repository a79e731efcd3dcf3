"""Writes the CustomResourceDefinition as YAML beside this file: `make crds`."""

from __future__ import annotations

from pathlib import Path

import yaml
from health_pipeline.crd import custom_resource_definition

FILE = Path(__file__).parent / "healthpipelines.health-streaming.com.yaml"
HEAD = "# Made from health_pipeline.spec by `make crds`; do not edit.\n"


class _Dumper(yaml.SafeDumper):
    """Without anchors, which nobody expects in a manifest."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 (the library's signature)
        return True


def text() -> str:
    """The file's content."""
    body: str = yaml.dump(custom_resource_definition(), Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
    return HEAD + body


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
