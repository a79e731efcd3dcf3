"""Columns that carry their comment, so that a closing select is the whole contract of a table."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

COMMENT = "comment"


def described(column: Column | str, name: str, comment: str) -> Column:
    """The column under ``name``, with the comment that the catalogue shows."""
    made = F.col(column) if isinstance(column, str) else column
    return made.alias(name, metadata={COMMENT: comment})
