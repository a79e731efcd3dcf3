"""Records that satisfy the contract, as typed columns, all in Spark SQL; for streams that Python would hold up.

The same records pass as pass ``health_events.violations``. Two things need care, because Spark reads JSON more gladly
than the contract does:

* ``from_json`` ignores what follows the record. So the record is read from inside of an object of our own, whose last
  member must have survived.
* ``from_json`` takes a number, say, where text is wanted. Text that looks like another JSON type is read a second time,
  as a variant, which keeps the type. That second reading costs as much as the first, so it is left to those.
"""

from __future__ import annotations

from collections.abc import Iterator

from health_events import Event, Field, ListOf, Primitive, Struct
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DataType, IntegerType, StringType, StructField, StructType, VariantType

from health_streaming.spark_schema import wire_schema

_OPTIONS = {"allowNonNumericNumbers": "false", "allowSingleQuotes": "false", "columnNameOfCorruptRecord": "corrupt"}
_OTHER_JSON_TYPE = r"(?m)^(-?[0-9][0-9.eE+-]*|true|false|[\[{].*)$"

# Columns that hold the record as it parsed, and as it parsed with the types of its texts kept.
_PARSED, _STRICT = "parsed", "strict"


def valid(rows: DataFrame, event: Event, *kept: str) -> DataFrame:
    """The records in the binary column ``value`` that satisfy the contract, as the event's columns on the wire.

    Columns of ``rows`` that are named in ``kept`` come first.
    """
    schema, text = wire_schema(event), F.col("value").cast("string")
    wrapped = F.concat(F.lit('{"record":'), text, F.lit(',"complete":1}'))
    rows = rows.withColumn(_PARSED, F.from_json(wrapped, _envelope(schema), _OPTIONS))
    strict = F.from_json(text, _strict(schema), _OPTIONS)
    rows = rows.withColumn(_STRICT, F.when(F.expr(_is_suspect(event)), strict))
    return rows.where(valid_sql(event)).select(*kept, f"{_PARSED}.record.*")


def valid_sql(event: Event) -> str:
    """Whether a row with the columns ``_PARSED`` and ``_STRICT`` satisfies the contract."""
    checks = [
        "value IS NULL OR NOT is_valid_utf8(value)",
        f"{_PARSED}.corrupt IS NOT NULL OR {_PARSED}.complete IS NULL OR {_PARSED}.record IS NULL",
        *(check for field in event.fields for check in _field_checks(field)),
    ]
    # One CASE, as Spark would take a conjunction apart, push its parts down and parse the record in each of them anew.
    return f"CASE {' '.join(f'WHEN {check} THEN false' for check in checks)} ELSE true END"


def _envelope(record: StructType) -> StructType:
    return StructType(
        [StructField("record", record), StructField("complete", IntegerType()), StructField("corrupt", StringType())]
    )


def _strict(record: StructType) -> StructType:
    """The same type with variants for text."""
    return StructType([StructField(field.name, _strict_type(field.dataType)) for field in record])


def _strict_type(kind: DataType) -> DataType:
    if isinstance(kind, StructType):
        return _strict(kind)
    if isinstance(kind, ArrayType):
        return ArrayType(_strict_type(kind.elementType))
    return VariantType() if isinstance(kind, StringType) else kind


def _is_suspect(event: Event) -> str:
    texts = ", ".join(_texts(event.fields, f"{_PARSED}.record."))
    return f"concat_ws('\\n', {texts}) RLIKE r'{_OTHER_JSON_TYPE}'"


def _texts(fields: tuple[Field, ...], prefix: str) -> Iterator[str]:
    """Expressions of every text in these fields; Spark makes a list's member an array by itself."""
    for field in fields:
        kind = field.type.item if isinstance(field.type, ListOf) else field.type
        if kind is Primitive.STRING:
            yield prefix + field.name
        elif isinstance(kind, Struct):
            yield from _texts(kind.fields, f"{prefix}{field.name}.")


def _field_checks(field: Field) -> Iterator[str]:
    """A condition for each way in which a field of a record that parsed can break the contract."""
    value, strict = f"{_PARSED}.record.{field.name}", f"{_STRICT}.{field.name}"
    if not field.nullable:
        yield f"{value} IS NULL"
    if field.type is Primitive.STRING:
        yield f"{_STRICT} IS NOT NULL AND NOT {_is_text(strict, value)}"
    if isinstance(field.type, ListOf) and isinstance(field.type.item, Struct):
        yield _list_check(value, strict, field.type.item)
    yield from _bound_checks(field, value)


def _list_check(value: str, strict: str, item: Struct) -> str:
    """Whether an item of a list is wrong. Its own type errors made the whole list unreadable already."""
    conditions = ["item IS NULL"]
    texts = ["item IS NULL"]
    for field in item.fields:
        if not field.nullable:
            conditions.append(f"item.{field.name} IS NULL")
        conditions += _bound_checks(field, f"item.{field.name}")
        if field.type is Primitive.STRING:
            texts.append(f"NOT {_is_text(f'item.{field.name}', f'item.{field.name}')}")
    wrong = f"exists({value}, item -> {' OR '.join(conditions)})"
    mistyped = f"exists({strict}, item -> {' OR '.join(texts)})"
    return f"{wrong} OR ({_STRICT} IS NOT NULL AND {mistyped})"


def _is_text(strict: str, value: str) -> str:
    return f"({value} IS NULL OR coalesce(schema_of_variant({strict}) IN ('STRING', 'VOID'), false))"


def _bound_checks(field: Field, value: str) -> Iterator[str]:
    if field.type is Primitive.DOUBLE:
        yield f"abs({value}) = double('Infinity')"
    if field.values:
        yield f"{value} NOT IN ({', '.join(map(_quoted, field.values))})"
    elif field.type is Primitive.STRING:
        yield f"length({value}) > {field.max_length}"
    if field.minimum is not None:
        yield f"{value} < {field.minimum!r}"
    if field.maximum is not None:
        yield f"{value} > {field.maximum!r}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
