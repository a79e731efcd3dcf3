"""Broken records, whole and with their reasons, as rows of the dead letters; by whole columns."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pyarrow as pa
from health_catalog import arrow_schema
from health_events import DEAD_LETTERS
from pyarrow import compute

from health_streaming.reasons import no_text

pc: Any = compute  # PyArrow's own types are too narrow for what its functions take
Column = Any  # an array, not chunked


def dead_letters(source: str, values: Column, reasons: Column) -> pa.Table:
    """A row for each record: as it came, where it is text, else in base64. A null is a record of no bytes."""
    values = pc.fill_null(values, b"")
    is_text = pc.is_null(no_text(values))
    payloads = pa.nulls(len(values), pa.string())
    payloads = pc.replace_with_mask(payloads, is_text, values.filter(is_text).cast(pa.string()))
    payloads = pc.coalesce(payloads, _base64(pc.if_else(is_text, pa.scalar(b""), values)))
    columns = {
        "source": pa.repeat(source, len(values)),
        "reason": reasons,
        "encoding": pc.if_else(is_text, "utf-8", "base64"),
        "payload": payloads,
    }
    schema = arrow_schema(DEAD_LETTERS)
    return pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)


def _base64(values: Column) -> Column:
    """Each in base64: filled up with zeros to threes of bytes, all are encoded at once, for none then meets another."""
    short = -pc.binary_length(values).to_numpy(zero_copy_only=False).astype(np.int64) % 3
    filling = pa.array([b"", b"\0", b"\0\0"]).take(pa.array(short))
    filled = pc.binary_join_element_wise(values, filling, b"")
    whole = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(filled)], pa.int32()), filled), b"")[0]
    ends = np.cumsum(pc.binary_length(filled).to_numpy(zero_copy_only=False).astype(np.int64)) // 3 * 4
    text: Any = np.frombuffer(base64.b64encode(whole.as_buffer()), np.uint8).copy()
    text[ends[short > 0] - 1] = text[ends[short > 1] - 2] = ord("=")
    offsets: Any = np.concatenate([[0], ends]).astype(np.int32)
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(offsets), pa.py_buffer(text))
