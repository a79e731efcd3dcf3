"""Lines out of chunks, items out of lines."""

from __future__ import annotations

import json

import pytest
from health_producer.sources.items import MAX_ITEM_BYTES, Broken, Item, last_cursor, open_item
from health_producer.sources.stream import Lines
from hypothesis import given
from hypothesis import strategies as st


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    chunks = []
    for size in sizes:
        chunks.append(data[:size])
        data = data[size:]
    return [*chunks, data]


@given(st.lists(st.binary().filter(lambda line: b"\n" not in line)), st.lists(st.integers(1, 20)))
def test_lines_do_not_depend_on_how_bytes_arrive(lines: list[bytes], sizes: list[int]) -> None:
    reader = Lines()
    data = b"".join(line + b"\n" for line in lines)
    read = [line for chunk in cut(data, sizes) for line in reader.feed(chunk)]
    assert read == [line for line in lines if line.strip()]


def test_unfinished_line_waits_for_its_end() -> None:
    reader = Lines()
    assert [reader.feed(chunk) for chunk in (b"a\nb", b"", b"c", b"\n\n")] == [[b"a"], [], [], [b"bc"]]


def test_endless_line_is_kept_to_its_bound_and_the_next_one_is_whole() -> None:
    reader = Lines()
    for _ in range(30):
        assert reader.feed(b"x" * 100_000) == []
    long, after = reader.feed(b'tail\n{"cursor":"2","record":{}}\n')
    assert MAX_ITEM_BYTES < len(long) < 2 * MAX_ITEM_BYTES
    assert isinstance(open_item(after), Item)
    assert open_item(long) == Broken(None, b"x" * MAX_ITEM_BYTES, "longer than 1000000 bytes, cut off there")


def test_record_is_cut_out_byte_for_byte() -> None:
    item = open_item(b' {"cursor": "1\\u0032", "other": 1, "record" : {"a":  1.50, "b":"\\u00e9"} } ')
    assert isinstance(item, Item)
    assert (item.cursor, bytes(item.record)) == ("12", b'{"a":  1.50, "b":"\\u00e9"}')


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30), st.integers(0, 60))
def test_cursor_of_a_truncated_line_is_known(cursor: str, kept: int) -> None:
    head = json.dumps({"cursor": cursor}).encode()[:-1] + b","
    line = head + b'"record":{"event_id":"1","heart_rate":72.5}}'[: min(kept, 42)]
    item = open_item(line)
    assert isinstance(item, Broken)
    assert (item.cursor, item.whole) == (cursor, line)


@pytest.mark.parametrize(
    "line",
    [b"<html>", b'{"cursor":"12', b'{"cursor":12,"record":{}}', b'{"record":{},"cursor":""}', b'{"cursor":"\xff","re',
     b'{"cursor":"' + b"1" * 300 + b'","record":{}}', b"[" * 100_000, b'{"cursor":"\\ud800","record":1}'],
)  # fmt: skip
def test_line_without_readable_cursor_is_broken_whole(line: bytes) -> None:
    item = open_item(line)
    assert isinstance(item, Broken)
    assert (item.cursor, item.whole) == (None, line)
    assert item.reason


def test_last_cursor_is_of_the_last_item_that_has_one() -> None:
    items = [open_item(b'{"cursor":"1","record":{}}'), open_item(b'{"cursor":"2","rec'), open_item(b"?")]
    assert last_cursor(items) == "2"
    assert last_cursor(items[2:]) is None
