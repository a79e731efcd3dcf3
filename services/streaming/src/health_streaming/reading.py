"""JSON records to Arrow columns, with what is wrong with a record said by the contract.

Arrow's own JSON reader does the work, thousands of records at a time, and checks of whole columns do the rest.
Where the two cannot vouch for a record, the contract itself (``health_events.decode``) judges it, so reasons are its
own words; such records are rare, because the producer lets none pass, and they alone are looked at one by one.

Arrow's reader must never take more gladly than the contract. It does in a few respects, so these are looked for first:

* It reads one record after another wherever it finds them. So each must begin and end with a brace and hold no line
  break (nor any other raw control character, which JSON forbids within text). Between the lines it then can only be
  between records, and there are as many records as lines only if every line is exactly one.
* It takes NaN and Infinity, whatever the depth of nesting, and bytes that are not UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json
from health_catalog import arrow_schema
from health_events import ContractError, Event, Field, ListOf, Primitive, Struct, decode, encode
from numpy.typing import NDArray
from pyarrow import compute

# PyArrow's own types are too narrow for what its functions take.
pc: Any = compute
pj: Any = pyarrow.json
Column = Any  # an array, chunked or not
Flags = NDArray[np.bool_]
Positions = NDArray[np.int64]

# Anything that could be read otherwise by the contract, inside of text or not.
_ODD = r"^[^{]|[^}]$|[\x00-\x1f]|NaN|Inf|^$"
# The contract's reader goes less than a thousand levels deep; this many brackets cannot go as deep.
_MOST_BRACKETS = 900
# A record that cannot be read is sought among more than these; of so few, the contract judges each.
_FEW = 32
_ROW = re.compile(r"in row (\d+)$")
# Records given to Arrow's reader at once: enough for its speed, few enough to begin again after one that is broken.
_AT_ONCE = 4096
# And bytes; its limit is 2 GiB.
_MOST_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Records:
    """``good`` has the columns of ``arrow_schema(event)``; its row ``i`` is the record at the position ``at[i]``.

    ``at`` (int64) rises. ``broken`` gives the reason of every other position.
    """

    good: pa.Table
    at: Column
    broken: dict[int, str]


def read(values: Column, event: Event) -> Records:
    """The records in a binary array, none of them left out. A null is read as no bytes at all."""
    plain = _plain(values)
    tables: list[pa.Table] = []
    at: list[Positions] = []
    doubtful = [np.flatnonzero(~plain)]
    positions = np.flatnonzero(plain)
    for span, table in _tables(values if plain.all() else values.take(pa.array(positions)), event):
        if table is None:
            doubtful.append(positions[span])
            continue
        is_good = ~_breaks(table, event.fields)
        tables.append(table if is_good.all() else table.filter(pa.array(is_good)))
        at.append(positions[span][is_good])
        doubtful.append(positions[span][~is_good])
    broken: dict[int, str] = {}
    rest = np.sort(np.concatenate(doubtful))
    if rest.size:
        judged, judged_at = _judge(values, rest, event, broken)
        tables.append(judged)
        at.append(judged_at)
    return _in_order(tables, np.concatenate([np.empty(0, np.int64), *at]), broken, event)


def _plain(values: Column) -> Flags:
    """Which records may be given to Arrow's reader."""
    odd = pc.match_substring_regex(values, pattern=_ODD)
    lengths = pc.binary_length(values)
    if (pc.max(lengths).as_py() or 0) > 2 * _MOST_BRACKETS:
        brackets = pc.add(pc.count_substring(values, pattern=b"{"), pc.count_substring(values, pattern=b"["))
        odd = pc.or_(odd, pc.greater(brackets, _MOST_BRACKETS))
    plain: Flags = pc.invert(pc.fill_null(odd, True)).to_numpy(zero_copy_only=False)
    return plain


def _tables(values: Column, event: Event) -> Iterator[tuple[slice, pa.Table | None]]:
    """Every row of ``values``, in spans that Arrow's reader could read and, None, such as it could not."""
    todo = [(start, min(start + _AT_ONCE, len(values))) for start in range(0, len(values), _AT_ONCE)]
    while todo:
        start, stop = todo.pop()
        try:
            yield slice(start, stop), _parsed(values[start:stop], event)
        except _UnreadableError as error:
            last = min(stop, start + _FEW)
            if error.row > _FEW:
                # Not taken on trust: what is before that row is read anew.
                todo += [(start + error.row + 1, stop), (start, start + error.row)]
                start, last = start + error.row, start + error.row + 1
            elif error.row < 0 and last < stop:
                middle = (start + stop) // 2
                todo += [(middle, stop), (start, middle)]
                continue
            else:
                todo.append((last, stop))
            yield slice(start, last), None


class _UnreadableError(Exception):
    """Arrow's reader stops at ``row``, or -1 where it does not say at which."""

    def __init__(self, row: int) -> None:
        super().__init__(row)
        self.row = row


def _parsed(values: Column, event: Event) -> pa.Table:
    """A row for each record, times as whole numbers. Raises _UnreadableError."""
    schema = _wire_schema(event)
    if not len(values):
        return schema.empty_table()
    if values.nbytes > _MOST_BYTES and len(values) > _FEW:
        raise _UnreadableError(-1)
    ends = pa.array([0, len(values)], pa.int32())
    try:
        lines = pc.binary_join(pa.ListArray.from_arrays(ends, values.cast(pa.string())), "\n")[0].as_buffer()
        table: pa.Table = pj.read_json(
            pa.BufferReader(lines),
            read_options=pj.ReadOptions(use_threads=False, block_size=lines.size + 1),
            parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
    except pa.ArrowInvalid as error:
        told = _ROW.search(str(error))
        row = int(told[1]) if told else -1
        raise _UnreadableError(row if row < len(values) else -1) from None
    if table.num_rows != len(values):
        raise _UnreadableError(-1)
    return table


def _judge(values: Column, positions: Positions, event: Event, broken: dict[int, str]) -> tuple[pa.Table, Positions]:
    """Read what Arrow could not, by the contract. Fills ``broken``; returns the good ones and their positions."""
    good: dict[int, bytes] = {}
    for position in map(int, positions):
        try:
            record = decode(values[position].as_py() or b"", event)
        except ContractError as error:
            broken[position] = str(error)
        else:
            good[position] = encode({field.name: record.get(field.name) for field in event.fields})
    return _parsed(pa.array(good.values(), pa.binary()), event), np.fromiter(good, np.int64, len(good))


def _in_order(tables: Sequence[pa.Table], at: Positions, broken: dict[int, str], event: Event) -> Records:
    rows = pa.concat_tables([_wire_schema(event).empty_table(), *tables])
    if len(tables) > 1:
        order = np.argsort(at)
        rows, at = rows.take(order), at[order]
    columns = [_in_lake(column, field) for column, field in zip(rows.columns, event.fields, strict=True)]
    return Records(pa.table(columns, rows.column_names).cast(arrow_schema(event)), pa.array(at), broken)


def _in_lake(column: Column, field: Field) -> Column:
    return column.cast(pa.timestamp("ms", "UTC")) if field.type is Primitive.TIMESTAMP else column


def _breaks(rows: pa.Table, fields: Sequence[Field]) -> Flags:
    """Which rows break the contract, of which Arrow's reader has checked the types."""
    broken = np.zeros(rows.num_rows, bool)
    for field in fields:
        column: Column = rows[field.name].combine_chunks()
        if not field.nullable and column.null_count:
            broken |= _flags(pc.is_null(column))
        for check in _checks(column, field):
            broken |= _flags(check)
        if isinstance(field.type, ListOf) and isinstance(field.type.item, Struct):
            broken[_breaking_lists(column, field.type.item)] = True
    return broken


def _breaking_lists(column: Column, item: Struct) -> Positions:
    """Positions of the lists with an item that is null or breaks the contract."""
    items = column.flatten()
    is_bad = _flags(pc.is_null(items))
    if len(items):
        is_bad |= _breaks(pa.Table.from_arrays(items.flatten(), [field.name for field in item.fields]), item.fields)
    parents: Positions = pc.list_parent_indices(column).to_numpy(zero_copy_only=False)
    return parents[is_bad]


def _checks(column: Column, field: Field) -> Iterator[Column]:
    if field.type is Primitive.DOUBLE:
        yield pc.invert(pc.is_finite(column))
    if field.values:
        yield pc.and_(pc.is_valid(column), pc.invert(pc.is_in(column, value_set=pa.array(field.values))))
    elif field.type is Primitive.STRING:
        yield pc.greater(pc.utf8_length(column), field.max_length)
    if field.minimum is not None:
        yield pc.less(column, pa.scalar(field.minimum))
    if field.maximum is not None:
        yield pc.greater(column, pa.scalar(field.maximum))


def _flags(check: Column) -> Flags:
    found: Flags = pc.fill_null(check, False).to_numpy(zero_copy_only=False)
    return found


@cache
def _wire_schema(event: Event) -> pa.Schema:
    """The event's columns as JSON has them."""
    fields = zip(arrow_schema(event), event.fields, strict=True)
    return pa.schema(
        [(column.name, pa.int64() if field.type is Primitive.TIMESTAMP else column.type) for column, field in fields]
    )
