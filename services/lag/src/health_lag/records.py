"""What lies in a topic, as far as it can be read; pure."""

from __future__ import annotations

import json
from typing import Any


def fields(payload: bytes) -> dict[str, Any]:
    """The fields of a record; none of what is no JSON object."""
    try:
        record = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}
