"""Writes images/compose.yaml of the quickstart: ``make compose-file``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from healthctl.spec_file import load_pipeline

from composefile.build import compose

ROOT = Path(__file__).parents[2]
FILE = ROOT / "images" / "compose.yaml"
HEAD = """\
# Made from k8s/examples/quickstart.yaml by `make compose-file`; do not edit.
#   make images && docker compose -f images/compose.yaml up
#   docker compose -f images/compose.yaml run --rm query "SELECT outcome, count(*) AS n FROM raw.dispatches GROUP BY 1"
"""


class _Dumper(yaml.SafeDumper):
    """Without anchors: a service is read by itself."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 (the library's signature)
        return True


def text() -> str:
    """The file's content."""
    document = compose(load_pipeline(str(ROOT / "k8s" / "examples" / "quickstart.yaml")))
    body: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
    return HEAD + body


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
