"""The compose file by the schema of Docker's own program, which ``make iam-test`` fetches."""

from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema
import yaml

FILE = Path(__file__).parents[2] / "images" / "compose.yaml"


def test_the_file_is_a_compose_file() -> None:
    environment = Path(os.environ["HEALTH_IAM_ENDPOINT"]).parents[1]
    (schema,) = environment.glob("lib/python*/site-packages/compose/config/compose_spec.json")
    document = yaml.safe_load(FILE.read_text())
    del document["name"]  # younger than the newest schema that can be installed
    assert list(jsonschema.Draft201909Validator(json.loads(schema.read_text())).iter_errors(document)) == []
