"""The history: every way to read it gives the same items, and none twice or never."""

from __future__ import annotations

import asyncio
import json

import pytest
from health_simulator.faults import Item
from health_simulator.feed import Feed, Gone, Ranges
from hypothesis import given, settings
from hypothesis import strategies as st

BEGIN = 1_700_000_000_000_001  # the size of cursor that a simulator starts with
portions = st.lists(st.integers(0, 20), max_size=12)


def filled(sizes: list[int], history_bytes: int = 10**9, left: float = 1.0) -> Feed:
    feed, number = Feed(BEGIN, history_bytes), 0
    for size in sizes:
        feed.publish([Item({"n": number + index}, left) for index in range(size)])
        number += size
    return feed


@given(portions, st.data())
def test_lines_go_on_after_any_cursor(sizes: list[int], data: st.DataObject) -> None:
    feed = filled(sizes)
    after = data.draw(st.integers(BEGIN - 1, feed.last))
    said, last = feed.lines(after)
    assert last == feed.last
    assert [json.loads(line) for line in said.splitlines()] == [
        {"cursor": str(cursor), "record": {"n": cursor - BEGIN}} for cursor in range(after + 1, feed.last + 1)
    ]
    assert (feed.served, feed.generated) == (feed.last - after, sum(sizes))


@given(portions, st.integers(1, 30), st.sampled_from([1.0, 0.0, 0.5, 0.99]))
def test_pages_and_lines_agree(sizes: list[int], limit: int, left: float) -> None:
    feed = filled(sizes, left=left)
    lines = feed.lines(BEGIN - 1)[0].splitlines()
    items, after = [], BEGIN - 1
    while after < feed.last:
        page, after = feed.page(after, limit)
        items += json.loads(page)
        assert len(items) == after - BEGIN + 1
    assert [item["cursor"] for item in items] == [str(cursor) for cursor in range(BEGIN, feed.last + 1)]
    if left == 1:
        assert [json.loads(line) for line in lines] == items
    for line, item in zip(lines, items, strict=True):
        start = b'{"cursor":"%s",' % item["cursor"].encode()
        assert line.startswith(start)
        if left < 1:  # a page cannot be cut: there the rest of the record is a text
            assert line[len(start) :].removeprefix(b'"record":').decode() == item["record"]


def test_oldest_are_forgotten_and_asking_for_them_is_told() -> None:
    feed = filled([10] * 100, history_bytes=5000)
    end = BEGIN + 999
    assert (feed.last, feed.generated) == (end, 1000)
    assert end - 5000 / 30 < feed.first < end
    assert json.loads(feed.page(feed.start(), 1)[0])[0]["cursor"] == str(feed.first)
    with pytest.raises(Gone) as gone:
        feed.lines(feed.first - 2)
    assert gone.value.first == feed.first
    with pytest.raises(Gone):
        feed.page(BEGIN - 1, 10)
    assert feed.lines(feed.first - 1)[1] == end


def test_waiting_ends_with_news_with_time_or_with_the_feed() -> None:
    async def story() -> None:
        feed = Feed(1)
        assert not await feed.wait(0, 0.01)
        waiting = [asyncio.create_task(feed.wait(0, 20)) for _ in range(3)]
        await asyncio.sleep(0)
        feed.publish([Item({})])
        assert await asyncio.gather(*waiting) == [True, True, True]
        assert await feed.wait(0, 20)
        last = asyncio.create_task(feed.wait(1, 20))
        await asyncio.sleep(0)
        feed.close()
        assert await last

    asyncio.run(story())


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 20)), max_size=20))
def test_ranges_count_each_number_once(runs: list[tuple[int, int]]) -> None:
    ranges, numbers = Ranges(), set()
    for first, length in runs:
        ranges.add(first, first + length - 1)
        numbers |= set(range(first, first + length))
    assert len(ranges) == len(numbers)
