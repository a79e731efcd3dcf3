"""Which partitions a query can need, by what its WHERE says of the partition keys; pure.

Listing a partition's files is a request each. Athena leaves out what cannot match before it lists, and so does this,
where a condition that must hold is a plain comparison with text: ``ingest_date >= '2026-11-22' AND hour IN ('03')``.
What is left in is not wrong, only slower: the query's own WHERE still decides about every row.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence

from health_pipeline.settings import LakeSettings
from sqlglot import exp

from health_catalog.schemas import Partition
from health_catalog.statements import TableName, is_cte, table_name

# A condition on one partition key: its name, and whether a value of it passes.
Condition = tuple[str, Callable[[str], bool]]

_COMPARISONS: dict[type[exp.Expr], Callable[[str, str], bool]] = {
    exp.EQ: operator.eq,
    exp.GT: operator.gt,
    exp.GTE: operator.ge,
    exp.LT: operator.lt,
    exp.LTE: operator.le,
}


def pruned(
    query: exp.Expr, name: TableName, keys: Sequence[str], partitions: Iterable[Partition], settings: LakeSettings
) -> list[Partition]:
    """Those partitions of the table that some mention of it in the query can need."""
    mentions = [
        list(_conditions(table, frozenset(keys)))
        for table in query.find_all(exp.Table)
        if not is_cte(table) and table_name(table, settings) == name
    ]

    def is_needed(partition: Partition) -> bool:
        values = dict(zip(keys, partition.values, strict=True))
        return any(all(passes(values[key]) for key, passes in conditions) for conditions in mentions)

    return [partition for partition in partitions if is_needed(partition)]


def _conditions(table: exp.Table, keys: frozenset[str]) -> Iterator[Condition]:
    """What must be true of the table's rows: the parts of the WHERE that AND joins."""
    select = table.parent.parent if isinstance(table.parent, exp.From | exp.Join) else None
    if not isinstance(select, exp.Select) or not (where := select.args.get("where")):
        return
    is_alone = not select.args.get("joins") and not select.args.get("laterals")
    for part in _parts(where.this):
        column = part.this
        is_key = isinstance(column, exp.Column) and column.name.lower() in keys
        owner = column.table.lower() if is_key else ""
        if is_key and (owner == table.alias_or_name.lower() or (is_alone and not owner)):
            yield from ((column.name.lower(), passes) for passes in _tests(part))


def _parts(condition: exp.Expr) -> Iterator[exp.Expr]:
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        yield from _parts(condition.left)
        yield from _parts(condition.right)
    else:
        yield condition


def _tests(part: exp.Expr) -> Iterator[Callable[[str], bool]]:
    if isinstance(part, exp.Between):
        low, high = part.args["low"], part.args["high"]
        if low.is_string and high.is_string:
            yield lambda value: low.name <= value <= high.name
    elif isinstance(part, exp.In):
        if part.expressions and all(item.is_string for item in part.expressions):
            allowed = {item.name for item in part.expressions}
            yield lambda value: value in allowed
    elif type(part) in _COMPARISONS and part.expression.is_string:
        compare, bound = _COMPARISONS[type(part)], part.expression.name
        yield lambda value: compare(value, bound)
