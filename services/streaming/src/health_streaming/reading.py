"""JSON records to Arrow columns, with what is wrong with a record said by the contract.

Arrow's own JSON reader does the work, thousands of records at a time, and checks of whole columns do the rest: they
also say what is wrong with a record that breaks a rule. Only of what Arrow cannot read at all, for it is not JSON or
has a value of another type, does the contract itself (``health_events.decode``) say why, one by one. The producer lets
no such record pass, so others must have written it; and were it every record, ``make bench`` tells what that costs.

Arrow's reader must never take more gladly than the contract. It does in a few respects, so these are looked for first:

* It reads one record after another wherever it finds them. So each must begin and end with a brace and hold no line
  break (nor any other raw control character, which JSON forbids within text). Between the lines it then can only be
  between records, and there are as many records as lines only if every line is exactly one.
* It takes NaN and Infinity, whatever the depth of nesting, and bytes that are not UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json
from health_catalog import arrow_schema
from health_events import ContractError, Event, Field, Primitive, decode, encode
from numpy.typing import NDArray
from pyarrow import compute

from health_streaming.reasons import broken_rules, no_text

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
# A record that cannot be read is sought among more than these; of so few, the contract judges each. Where one such lot
# follows another, it is of twice as many: where hardly anything can be read, trying costs as much as judging.
_FEW = 32
_ROW = re.compile(r"in row (\d+)$")
# Records given to Arrow's reader at once: enough for its speed, few enough to begin again after one that is broken.
_AT_ONCE = 4096
# And bytes; its limit is 2 GiB.
_MOST_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Records:
    """``good`` has the columns of ``arrow_schema(event)``; its row ``i`` is the record at the position ``at[i]``.

    ``at`` (int64) rises. So does ``broken_at``, every other position, with what is wrong there in ``reasons`` (text).
    """

    good: pa.Table
    at: Column
    broken_at: Column
    reasons: Column


def read(values: Column, event: Event) -> Records:
    """The records in a binary array, none of them left out. A null is read as no bytes at all."""
    found = _Found(event)
    reasons = no_text(values)
    is_text = _flags(pc.is_null(reasons))
    found.refuse(np.flatnonzero(~is_text), reasons.filter(pa.array(~is_text)))
    is_plain = _plain(values) & is_text
    found.doubt(np.flatnonzero(is_text & ~is_plain))
    positions = np.flatnonzero(is_plain)
    for span, table in _tables(values if is_plain.all() else values.take(pa.array(positions)), event):
        if table is None:
            found.doubt(positions[span])
        else:
            found.take(positions[span], table)
    _judge(values, found)
    return found.records()


class _Found:
    """What is known of the records of one array so far."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self._tables = [_wire_schema(event).empty_table()]
        self._at = [np.empty(0, np.int64)]
        self._reasons: list[Column] = [pa.array([], pa.string())]
        self._broken_at = [np.empty(0, np.int64)]
        self._doubtful = [np.empty(0, np.int64)]

    def take(self, at: Positions, rows: pa.Table) -> None:
        """Rows that Arrow has read from the records at these positions."""
        self._tables.append(rows)
        self._at.append(at)

    def refuse(self, at: Positions, reasons: Column) -> None:
        """Records that are broken, and why."""
        self._broken_at.append(at)
        self._reasons.append(reasons)

    def doubt(self, at: Positions) -> None:
        """Records of which the contract is to be asked."""
        self._doubtful.append(at)

    def doubtful(self) -> Positions:
        """Their positions, rising."""
        return np.sort(np.concatenate(self._doubtful))

    def records(self) -> Records:
        """In order, those that break a rule among the broken ones."""
        rows, at = pa.concat_tables(self._tables), np.concatenate(self._at)
        said = broken_rules(rows, self.event.fields)
        if said.null_count < len(said):
            is_good = _flags(pc.is_null(said))
            self.refuse(at[~is_good], said.filter(pa.array(~is_good)))
            rows, at = rows.filter(pa.array(is_good)), at[is_good]
        if np.any(np.diff(at) < 0):
            order = np.argsort(at)
            rows, at = rows.take(order), at[order]
        columns = [_in_lake(column, field) for column, field in zip(rows.columns, self.event.fields, strict=True)]
        good = pa.table(columns, rows.column_names).cast(arrow_schema(self.event))
        broken_at = np.concatenate(self._broken_at)
        order = np.argsort(broken_at)
        reasons: Column = pa.concat_arrays(self._reasons).take(pa.array(order))
        return Records(good, pa.array(at), pa.array(broken_at[order]), reasons)


def _plain(values: Column) -> Flags:
    """Which records may be given to Arrow's reader."""
    odd = pc.match_substring_regex(values, pattern=_ODD)
    lengths = pc.binary_length(values)
    if (pc.max(lengths).as_py() or 0) > 2 * _MOST_BRACKETS:
        brackets = pc.add(pc.count_substring(values, pattern=b"{"), pc.count_substring(values, pattern=b"["))
        odd = pc.or_(odd, pc.greater(brackets, _MOST_BRACKETS))
    return _flags(pc.invert(pc.fill_null(odd, True)))


def _tables(values: Column, event: Event) -> Iterator[tuple[slice, pa.Table | None]]:
    """Every row of ``values``, in spans that Arrow's reader could read and, None, such as it could not."""
    start, size, lot = 0, _AT_ONCE, _FEW
    suspect = -1  # where it stopped, with what comes before still to be read
    while start < len(values):
        stop = start + 1 if start == suspect else min(start + size, len(values))
        table = None
        if start != suspect:
            try:
                table = _parsed(values[start:stop], event)
            except _UnreadableError as error:
                if error.row > _FEW or (error.row < 0 and stop - start > _FEW):
                    # Not taken on trust: what is before that row is read anew.
                    suspect = start + error.row
                    size = error.row if error.row > 0 else (stop - start) // 2
                    continue
                stop = min(start + lot, len(values))
                size, lot = max(size // 2, _FEW), 2 * lot
            else:
                size, lot = min(2 * size, _AT_ONCE), _FEW
        yield slice(start, stop), table
        start = stop


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


def _judge(values: Column, found: _Found) -> None:
    """Have the contract read what is in doubt. Good ones are written again, as Arrow reads them."""
    doubtful = found.doubtful()
    good: dict[int, bytes] = {}
    broken: dict[int, str] = {}
    for position, value in zip(doubtful.tolist(), values.take(pa.array(doubtful)).to_pylist(), strict=True):
        try:
            record = decode(value or b"", found.event)
        except ContractError as error:
            broken[position] = str(error)
        else:
            good[position] = encode({field.name: record.get(field.name) for field in found.event.fields})
    if good:
        found.take(np.array(list(good)), _parsed(pa.array(good.values(), pa.binary()), found.event))
    found.refuse(np.array(list(broken), np.int64), pa.array(broken.values(), pa.string()))


def _in_lake(column: Column, field: Field) -> Column:
    return column.cast(pa.timestamp("ms", "UTC")) if field.type is Primitive.TIMESTAMP else column


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
