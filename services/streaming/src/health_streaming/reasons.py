"""What is wrong with records, in the contract's words (``health_events.violations``), for whole columns at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from health_events import Field, ListOf, Primitive, Struct
from pyarrow import compute

pc: Any = compute  # PyArrow's own types are too narrow for what its functions take
Column = Any  # an array, not chunked

# The longest prefix that is UTF-8. Arrow matches binary columns byte by byte, so it is written in bytes (RFC 3629).
_UTF8 = (
    r"^(?P<text>(?:[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}"
    r"|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})*)"
)


def no_text(values: Column) -> Column:
    """For each of some binaries: why it is no UTF-8; null for what is, and for a null."""
    said = pa.nulls(len(values), pa.string())
    try:
        values.cast(pa.string())
    except pa.ArrowInvalid:
        is_broken = pc.invert(pc.match_substring_regex(values, pattern=f"{_UTF8}$"))
        prefixes = pc.struct_field(pc.extract_regex(values.filter(is_broken), pattern=_UTF8), "text")
        words = pc.binary_join_element_wise("not UTF-8 at byte ", pc.binary_length(prefixes).cast(pa.string()), "")
        return pc.replace_with_mask(said, pc.fill_null(is_broken, False), words)
    return said


def broken_rules(rows: pa.Table, fields: Sequence[Field]) -> Column:
    """For each row: the first rule of the contract that it breaks; null where it breaks none.

    That the values are of the fields' types is known.
    """
    said: Column = pa.nulls(rows.num_rows, pa.string())
    for field in fields:
        column: Column = rows[field.name].combine_chunks()
        for is_broken, rule in _rules(column, field):
            if pc.any(is_broken).as_py():
                said = pc.coalesce(said, _where(is_broken, pa.scalar(f"{field.name}: {rule}")))
        if isinstance(field.type, ListOf) and isinstance(field.type.item, Struct):
            said = pc.coalesce(said, _in_lists(column, field.name, field.type.item))
    return said


def _rules(column: Column, field: Field) -> Iterator[tuple[Column, str]]:
    """Which values break which rule, in the contract's order."""
    if not field.nullable:
        yield pc.is_null(column), "missing"
    if field.type is Primitive.DOUBLE:
        yield pc.invert(pc.is_finite(column)), "not of type double"
    if field.values:
        is_other = pc.and_(pc.is_valid(column), pc.invert(pc.is_in(column, value_set=pa.array(field.values))))
        yield is_other, f"not one of {', '.join(field.values)}"
    elif field.type is Primitive.STRING:
        yield pc.greater(pc.utf8_length(column), field.max_length), f"longer than {field.max_length} characters"
    if field.minimum is not None:
        yield pc.less(column, pa.scalar(field.minimum)), f"below {field.minimum:g}"
    if field.maximum is not None:
        yield pc.greater(column, pa.scalar(field.maximum)), f"above {field.maximum:g}"


def _in_lists(column: Column, name: str, item: Struct) -> Column:
    """For each list: what is wrong with the first of its items that is broken; null where none is."""
    items = column.flatten()
    inner = pa.Table.from_arrays(items.flatten(), [field.name for field in item.fields])
    broken = pc.binary_join_element_wise(".", broken_rules(inner, item.fields), "")
    said = pc.if_else(pc.is_null(items), ": not an object", broken)
    at = np.flatnonzero(pc.is_valid(said).to_numpy(zero_copy_only=False))
    parents = pc.list_parent_indices(column).to_numpy(zero_copy_only=False)
    lists, first = np.unique(parents[at], return_index=True)
    at = at[first]
    number = pa.array(at - np.searchsorted(parents, lists)).cast(pa.string())
    words = pc.binary_join_element_wise(name, "[", number, "]", said.take(pa.array(at)), "")
    place = np.full(len(column), -1)
    place[lists] = np.arange(len(lists))
    return words.take(pa.array(place, mask=place < 0))


def _where(condition: Column, words: Column) -> Column:
    return pc.if_else(condition, words, pa.scalar(None, pa.string()))
