"""What a source sends: items, each a cursor and a record."""

from __future__ import annotations

import re
from typing import Annotated, NamedTuple

import msgspec

# Kafka takes 1 MiB a record unless told otherwise; the rest is room for key and headers.
MAX_ITEM_BYTES = 1_000_000

Cursor = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]

# A line that was cut off still begins with its cursor, which comes first in every item.
_LEADING_CURSOR = re.compile(rb'\s*\{\s*"cursor"\s*:\s*("(?:[^"\\\x00-\x1f]|\\.){1,256}")\s*,')


class Item(msgspec.Struct, frozen=True, gc=False):
    """An item that could be read; ``record`` is the record's bytes as they came."""

    cursor: Cursor
    record: msgspec.Raw


class Broken(msgspec.Struct, frozen=True, gc=False):
    """An item that could not be read: all of it, and its cursor where that much was readable."""

    cursor: str | None
    whole: bytes
    reason: str


class Batch(NamedTuple):
    """Items that arrived together. ``place`` is the cursor to go on from once they are delivered; None: unknown."""

    items: list[Item | Broken]
    place: str | None


_read_item = msgspec.json.Decoder(Item).decode
_read_cursor = msgspec.json.Decoder(Cursor).decode


def open_item(raw: bytes) -> Item | Broken:
    """The item in ``raw``, a JSON object without line end."""
    if len(raw) > MAX_ITEM_BYTES:
        return Broken(_leading_cursor(raw), raw[:MAX_ITEM_BYTES], f"longer than {MAX_ITEM_BYTES} bytes, cut off there")
    try:
        return _read_item(raw)
    except msgspec.ValidationError as error:
        reason = f"not an item of cursor and record: {error}"
    except msgspec.DecodeError as error:
        reason = f"not JSON: {error}"
    except UnicodeDecodeError:
        reason = "not UTF-8"
    except RecursionError:
        reason = "nested too deeply"
    return Broken(_leading_cursor(raw), raw, reason)


def last_cursor(items: list[Item | Broken]) -> str | None:
    """The cursor of the last item that has one."""
    return next((item.cursor for item in reversed(items) if item.cursor is not None), None)


def _leading_cursor(raw: bytes) -> str | None:
    match = _LEADING_CURSOR.match(raw)
    if match is None:
        return None
    try:
        return _read_cursor(match[1])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
