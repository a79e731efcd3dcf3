"""Writes what is made from the table of roles: ``make aws-files``.

``aws_write.py --values values.json --output FOLDER`` writes the policies with your names in them instead, for those who
do not use CloudFormation. The values are those of ``awsroles.model.PLACEHOLDERS``.
"""

from __future__ import annotations

import argparse
import json
import textwrap
from pathlib import Path

from awsroles.documents import Document, filled, markdown, policy, trust
from awsroles.table import NO_ROLES, ROLES, on_one_machine
from awsroles.template import as_yaml, cloudformation_policy, template

HERE = Path(__file__).parent
# What is between the two is written here; all else in these files is not.
_ROLES = ("<!-- roles: written by make aws-files -->\n", "<!-- /roles -->")
_LAKE = ("# <lake policy: written by make aws-files>\n", "        # </lake policy>")


def policies() -> dict[str, Document]:
    """Every policy and trust policy by its file's name, with placeholders."""
    found = {f"{role.name}.json": policy(role.grants) for role in ROLES}
    return found | {f"{role.name}.trust.json": trust(role) for role in ROLES}


def wanted() -> dict[Path, str]:
    """Every file that is written here, with what it must hold."""
    files = {HERE / "policies" / name: _json(document) for name, document in policies().items()}
    files[HERE / "roles.yaml"] = template(ROLES)
    files[HERE / "README.md"] = _between(HERE / "README.md", _ROLES, markdown(ROLES, NO_ROLES))
    on_host = textwrap.indent(as_yaml(cloudformation_policy(on_one_machine())), " " * 8)
    files[HERE / "host.yaml"] = _between(HERE / "host.yaml", _LAKE, on_host)
    return files


def _between(path: Path, marks: tuple[str, str], text: str) -> str:
    begin, end = marks
    before, _, rest = path.read_text().partition(begin)
    return before + begin + text + end + rest.partition(end)[2]


def main() -> None:
    """Write what has changed, or the policies with values of one's own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--values", type=Path, help="JSON object of placeholders and their values")
    parser.add_argument("--output", type=Path, default=Path("policies"), help="folder for the policies with values")
    asked = parser.parse_args()
    if asked.values:
        values = json.loads(asked.values.read_text())
        files = {asked.output / name: _json(filled(each, values)) for name, each in policies().items()}
    else:
        files = wanted()
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def _json(document: Document) -> str:
    return json.dumps(document, indent=2) + "\n"


if __name__ == "__main__":
    main()
