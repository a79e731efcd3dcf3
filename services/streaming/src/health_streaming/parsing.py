"""Kafka rows to typed rows, with what is wrong with a record said by the contract, all in Spark SQL.

The reading agrees with ``health_events.violations``: the same records pass, and the reason is its first violation. Two
things need care, because Spark reads JSON more gladly than the contract does:

* ``from_json`` ignores what follows the record. So the record is read from inside of an object of our own, whose last
  member must have survived.
* ``from_json`` takes a number, say, where text is wanted. Text that looks like another JSON type is read a second time,
  as a variant, which keeps the type. That second reading costs as much as the first, so it is left to those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from health_events import ALERTS, DEAD_LETTERS, VITALS, Event, Field, Header, ListOf, Primitive, Struct
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DataType, IntegerType, StringType, StructField, StructType, VariantType

from health_streaming.spark_schema import wire_schema

# Columns of a row from Kafka, beside one struct per event (named as the event) of which at most one is not null.
ORIGIN = ("event", "kafka_partition", "kafka_offset", "kafka_timestamp", "source_cursor")

_OPTIONS = {"allowNonNumericNumbers": "false", "allowSingleQuotes": "false", "columnNameOfCorruptRecord": "corrupt"}
_OTHER_JSON_TYPE = r"(?m)^(-?[0-9][0-9.eE+-]*|true|false|[\[{].*)$"

_BAD_ITEM = "an item breaks the contract"


@dataclass(frozen=True)
class _Reading:
    """Names of the columns that hold the record as JSON text, as it parsed, and as it parsed with its types kept."""

    text: str
    parsed: str
    strict: str

    @classmethod
    def of(cls, event: Event) -> _Reading:
        return cls("text", f"parsed_{event.name}", f"strict_{event.name}")


def landed(rows: DataFrame, topics: Mapping[str, Event]) -> DataFrame:
    """Rows of Kafka's source, headers included, to ORIGIN and a struct per event, as the raw zone holds them.

    ``topics`` maps a topic to its event and includes that of the dead letters. A row has a value in its event's struct
    or, when the record breaks the contract, in ``dead_letters``; that of a canary has none.
    """
    events = {topic: event for topic, event in topics.items() if event is not DEAD_LETTERS}
    rows = rows.where(F.col("topic").isin(*topics)).withColumns(
        {
            "text": F.col("value").cast("string"),
            "event": _by_topic({topic: F.lit(event.name) for topic, event in topics.items()}),
            **{f"{header}_header": _header(header) for header in Header},
        }
    )
    rows = _read(rows, events)
    reason = {topic: F.expr(reason_sql(event)) for topic, event in events.items()}
    rows = rows.withColumn("broken", _by_topic({**reason, **_dead_topic(topics)}))
    structs = [_of_event(event, topic).alias(event.name) for topic, event in events.items()]
    origin = [
        F.col("event"),
        F.col("partition").alias("kafka_partition"),
        F.col("offset").alias("kafka_offset"),
        F.col("timestamp").alias("kafka_timestamp"),
        F.col("cursor_header").alias("source_cursor"),
    ]
    return rows.select(*origin, *structs, _dead_letter().alias(DEAD_LETTERS.name))


def valid(rows: DataFrame, event: Event) -> DataFrame:
    """The records in column ``value`` that satisfy the contract, as the event's columns on the wire."""
    rows = _read(rows.withColumns({"text": F.col("value").cast("string"), "topic": F.lit("")}), {"": event})
    return rows.where(f"({reason_sql(event)}) IS NULL").select(f"{_Reading.of(event).parsed}.record.*")


def reason_sql(event: Event) -> str:
    """A Spark SQL expression over the columns of ``_Reading``: the first violation, NULL when there is none."""
    at = _Reading.of(event)
    bad = f"({at.parsed}.corrupt IS NOT NULL OR {at.parsed}.complete IS NULL)"
    checks = [
        ("value IS NULL OR NOT is_valid_utf8(value)", "'not JSON: not UTF-8'"),
        (f"{bad} AND try_parse_json({at.text}) IS NULL", "'not JSON'"),
        (f"{at.parsed}.complete IS NULL", "'not JSON: more after the record'"),
        (f"{at.parsed}.record IS NULL", "'not an object'"),
        *(check for field in event.fields for check in _field_checks(field, at, bad)),
        (bad, "'breaks the contract'"),
    ]
    return _case(checks)


def _read(rows: DataFrame, events: Mapping[str, Event]) -> DataFrame:
    """Add the columns of ``_Reading`` for each event, null in the rows of other topics."""
    wrapped = F.concat(F.lit('{"record":'), F.col("text"), F.lit(',"complete":1}'))
    rows = rows.withColumns(
        {
            _Reading.of(event).parsed: F.when(
                F.col("topic") == topic, F.from_json(wrapped, _envelope(wire_schema(event)), _OPTIONS)
            )
            for topic, event in events.items()
        }
    )
    return rows.withColumns(
        {
            _Reading.of(event).strict: F.when(
                F.expr(_is_suspect(event)), F.from_json("text", _strict(wire_schema(event)), _OPTIONS)
            )
            for event in events.values()
        }
    )


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
    texts = ", ".join(_texts(event.fields, f"{_Reading.of(event).parsed}.record."))
    return f"concat_ws('\\n', {texts}) RLIKE r'{_OTHER_JSON_TYPE}'"


def _texts(fields: tuple[Field, ...], prefix: str) -> Iterator[str]:
    """Expressions of every text in these fields; Spark makes a list's member an array by itself."""
    for field in fields:
        kind = field.type.item if isinstance(field.type, ListOf) else field.type
        if kind is Primitive.STRING:
            yield prefix + field.name
        elif isinstance(kind, Struct):
            yield from _texts(kind.fields, f"{prefix}{field.name}.")


def _field_checks(field: Field, at: _Reading, bad: str) -> Iterator[tuple[str, str]]:
    """(condition, reason) of each way in which a field of the record can break the contract."""
    value = f"{at.parsed}.record.{field.name}"
    written = f"get_json_object({at.text}, '$.{field.name}')"
    unread = f"{value} IS NULL AND {bad} AND {written} IS NOT NULL"
    if isinstance(field.type, Primitive):
        yield unread, f"'{field.name}: not of type {field.type.value}'"
    else:
        yield f"{unread} AND {written} LIKE '[%'", f"'{field.name}: {_BAD_ITEM}'"
        yield unread, f"'{field.name}: not a list'"
    if not field.nullable:
        yield f"{value} IS NULL", f"'{field.name}: missing'"
    if field.type is Primitive.STRING:
        strict = f"{at.strict}.{field.name}"
        yield f"{at.strict} IS NOT NULL AND NOT {_is_text(strict, value)}", f"'{field.name}: not of type string'"
    if isinstance(field.type, ListOf) and isinstance(field.type.item, Struct):
        yield _list_check(field.name, field.type.item, at), f"'{field.name}: {_BAD_ITEM}'"
    yield from ((condition, f"'{field.name}: {reason}'") for condition, reason in _bound_checks(field, value))


def _list_check(name: str, item: Struct, at: _Reading) -> str:
    """Whether an item of a list is wrong. Its own type errors made the whole list unreadable already."""
    conditions = ["item IS NULL"]
    texts = ["item IS NULL"]
    for field in item.fields:
        if not field.nullable:
            conditions.append(f"item.{field.name} IS NULL")
        conditions += [condition for condition, _ in _bound_checks(field, f"item.{field.name}")]
        if field.type is Primitive.STRING:
            texts.append(f"NOT {_is_text(f'item.{field.name}', f'item.{field.name}')}")
    wrong = f"exists({at.parsed}.record.{name}, item -> {' OR '.join(conditions)})"
    mistyped = f"exists({at.strict}.{name}, item -> {' OR '.join(texts)})"
    return f"{wrong} OR ({at.strict} IS NOT NULL AND {mistyped})"


def _is_text(strict: str, value: str) -> str:
    return f"({value} IS NULL OR coalesce(schema_of_variant({strict}) IN ('STRING', 'VOID'), false))"


def _bound_checks(field: Field, value: str) -> Iterator[tuple[str, str]]:
    if field.type is Primitive.DOUBLE:
        yield f"abs({value}) = double('Infinity')", "not of type double"
    if field.values:
        yield f"{value} NOT IN ({', '.join(map(_quoted, field.values))})", f"not one of {', '.join(field.values)}"
    elif field.type is Primitive.STRING:
        yield f"length({value}) > {field.max_length}", f"longer than {field.max_length} characters"
    if field.minimum is not None:
        yield f"{value} < {field.minimum!r}", f"below {field.minimum:g}"
    if field.maximum is not None:
        yield f"{value} > {field.maximum!r}", f"above {field.maximum:g}"


def _of_event(event: Event, topic: str) -> Column:
    """The record as the raw zone holds it, or null."""
    at = f"{_Reading.of(event).parsed}.record"
    columns = [_in_lake(field, F.col(f"{at}.{field.name}")).alias(field.name) for field in event.fields]
    is_shown = (F.col("topic") == topic) & F.col("broken").isNull()
    if event in (VITALS, ALERTS):
        is_shown &= ~F.coalesce(F.col(f"{at}.canary"), F.lit(False))
    return F.when(is_shown, F.struct(*columns))


def _in_lake(field: Field, value: Column) -> Column:
    return F.timestamp_millis(value) if field.type is Primitive.TIMESTAMP else value


def _dead_topic(topics: Mapping[str, Event]) -> dict[str, Column]:
    """Whatever is in the topic of dead letters is broken; its reason may be missing, as it is somebody's header."""
    dead = [topic for topic, event in topics.items() if event is DEAD_LETTERS]
    return {topic: F.coalesce("reason_header", F.lit("no reason given")) for topic in dead}


def _dead_letter() -> Column:
    is_text = F.coalesce(F.is_valid_utf8("value"), F.lit(True))
    return F.when(
        F.col("broken").isNotNull(),
        F.struct(
            F.when(F.col("event") == DEAD_LETTERS.name, F.coalesce("source_header", F.lit("unknown")))
            .otherwise(F.col("event"))
            .alias("source"),
            F.col("broken").alias("reason"),
            F.when(is_text, "utf-8").otherwise("base64").alias("encoding"),
            F.coalesce(F.when(is_text, F.col("text")).otherwise(F.base64("value")), F.lit("")).alias("payload"),
        ),
    )


def _header(name: str) -> Column:
    # Nearly always the wanted header is the first one, and a look costs less than a search.
    first = F.get("headers", F.lit(0))
    found = F.get(F.filter("headers", lambda header: header["key"] == name), F.lit(0))
    return F.when(first["key"] == name, first["value"]).otherwise(found["value"]).cast("string")


def _by_topic(columns: Mapping[str, Column]) -> Column:
    chosen = F.lit(None)
    for topic, column in columns.items():
        chosen = F.when(F.col("topic") == topic, column).otherwise(chosen)
    return chosen


def _case(checks: list[tuple[str, str]]) -> str:
    return f"CASE {' '.join(f'WHEN {condition} THEN {reason}' for condition, reason in checks)} END"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
