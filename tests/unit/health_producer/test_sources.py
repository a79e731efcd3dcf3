"""The sources against a server that has bad days."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Iterator

import pytest
from health_pipeline.settings import ProducerSettings
from health_producer.sources import Backoff, Batch, Broken, Item, SourceError, batches
from health_producer.sources.api import Api
from health_producer.sources.poll import follow_pages
from healthctl.embedded.waiting import wait_until

from tests.unit.health_producer.misbehaving import Request, line, serving

Answer = Callable[[Request], None]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Backoff, "_FIRST_S", 0.001)
    monkeypatch.setattr(Backoff, "_LASTING_S", 0.001)


def settings_for(url: str, mode: str = "stream", token: str = "") -> ProducerSettings:
    return ProducerSettings(
        pipeline="p", bootstrap_servers="", source="vitals", url=url, mode=mode, poll_interval_s=0.001, token=token
    )


def cursors(batch: Batch) -> list[str | None]:
    return [item.cursor for item in batch.items]


def read(
    answer: Answer,
    enough: int,
    *,
    mode: str = "stream",
    after: str | None = None,
    token: str = "",
    silence_s: float = 5,
) -> tuple[list[Batch], list[str]]:
    """The batches until ``enough`` items came, and the kinds of failures on the way."""
    failures: list[str] = []
    read_batches: list[Batch] = []
    stop = threading.Event()
    with serving(answer) as url:
        settings = settings_for(url, mode, token)
        source = batches(settings, after, stop, lambda error: failures.append(error.kind), Api(settings, silence_s))
        for batch in source:
            read_batches.append(batch)
            if sum(len(batch.items) for batch in read_batches) >= enough:
                stop.set()
                source.close()
                break
    return read_batches, failures


def in_turn(*answers: Answer) -> Answer:
    """Each request gets the next answer; the last one is repeated."""
    turn: Iterator[Answer] = itertools.chain(answers, itertools.repeat(answers[-1]))

    def answer_next(request: Request) -> None:
        next(turn)(request)

    return answer_next


def error(status: int, **headers: str) -> Answer:
    return lambda request: request.reply(status, b'{"error": "first kept is 40"}', **headers)


def stream_from(request: Request, last: int = 4) -> None:
    """Whatever follows the asked cursor up to ``last``, then heartbeats."""
    request.start_stream()
    for cursor in range(int(request.after or 0) + 1, last + 1):
        request.send(line(cursor, {}))
    while True:
        request.send(b"\n")
        threading.Event().wait(0.02)


def send_garbage(request: Request) -> None:
    request.start_stream()
    request.send(line(1, {}) + b"garbage\n" + line(2, "text") + b'{"cursor":"3","rec\n')
    stream_from(request, 3)


def test_stream_goes_on_from_the_last_cursor_after_every_kind_of_failure() -> None:
    def break_off_in_a_line(request: Request) -> None:
        request.start_stream()
        request.send(line(1, {}) + line(2, {}) + line(3, {})[:20])
        request.break_off()

    def end(request: Request) -> None:
        request.start_stream()
        request.send(line(3, {}))
        request.end_stream()

    def send_html(request: Request) -> None:
        request.reply(200, b"<html>", "text/html")

    answer = in_turn(error(500), error(503), break_off_in_a_line, send_html, error(429), end, stream_from)
    found, failures = read(answer, 4)
    assert [cursor for batch in found for cursor in cursors(batch)] == ["1", "2", "3", "4"]
    assert failures == ["http_500", "http_503", "connection", "content_type", "http_429", "ended"]


def test_silent_connection_is_given_up() -> None:
    release = threading.Event()

    def say_nothing(request: Request) -> None:
        request.start_stream()
        release.wait(5)
        request.break_off()

    _, failures = read(in_turn(say_nothing, stream_from), 1, silence_s=0.1)
    release.set()
    assert failures == ["timeout"]


def test_refused_connection_is_an_error_like_any_other() -> None:
    with serving(stream_from) as url:
        pass
    with pytest.raises(SourceError, match="connection failed") as caught:
        Api(settings_for(url)).get("/stream", {})
    assert caught.value.kind == "connection"


def test_garbage_in_a_stream_is_handed_out_and_does_not_move_the_place_back() -> None:
    found, failures = read(send_garbage, 4)
    items = [item for batch in found for item in batch.items]
    assert [type(item) for item in items] == [Item, Broken, Item, Broken]
    assert [item.cursor for item in items] == ["1", None, "2", "3"]
    assert (found[-1].place, failures) == ("3", [])


@pytest.mark.parametrize(
    ("status", "advice"),
    [(401, "give the API's bearer token"), (403, "ask the API's owner"), (404, "correct the URL"),
     (410, "follows cursor 3|first kept is 40")],
)  # fmt: skip
def test_refusals_say_what_to_do_and_are_tried_again_slowly(
    status: int, advice: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        _, failures = read(in_turn(error(status), stream_from), 1, after="3")
    assert failures == [f"http_{status}"]
    assert all(word in caplog.text for word in advice.split("|"))
    with serving(error(status)) as url, pytest.raises(SourceError) as caught:
        Api(settings_for(url)).get("/stream", {})
    assert caught.value.lasting


def test_token_is_sent_and_never_said(caplog: pytest.LogCaptureFixture) -> None:
    def guarded(request: Request) -> None:
        if request.headers["Authorization"] == "Bearer s3cret":
            stream_from(request)
        else:
            request.reply(401, b"{}")

    answer = in_turn(error(401), guarded)
    with caplog.at_level(logging.DEBUG):
        _, failures = read(answer, 1, token="s3cret")  # noqa: S106
    assert failures == ["http_401"]
    assert "renew the Secret" in caplog.text
    assert "s3cret" not in caplog.text


def test_pages_are_followed_through_bad_days() -> None:
    def page(request: Request) -> None:
        first = int(request.after or 0) + 1
        items = [{"cursor": str(cursor), "record": {}} for cursor in range(first, min(first + 2, 6))]
        request.page(items, items[-1]["cursor"] if items else request.after)

    def cut_page(request: Request) -> None:
        request.reply(200, b'{"items": [{"cursor": "1"')

    def stuck_page(request: Request) -> None:
        request.page([{"cursor": "2", "record": {}}], request.after)

    answer = in_turn(cut_page, page, error(500), stuck_page, page)
    found, failures = read(answer, 5, mode="poll")
    assert [cursor for batch in found for cursor in cursors(batch)] == ["1", "2", "3", "4", "5"]
    assert [batch.place for batch in found] == ["2", "4", "5"]
    assert failures == ["page", "http_500", "page"]


def test_pages_that_an_api_keeps_short_are_read_without_a_wait() -> None:
    def page(request: Request) -> None:
        first = int(request.after or 0) + 1
        items = [{"cursor": str(cursor), "record": {}} for cursor in range(first, min(first + 2, 20))]
        request.page(items, items[-1]["cursor"] if items else request.after)

    waits: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0)
            return super().wait(0)

    stop = Stop()
    with serving(page) as url:
        pages = follow_pages(Api(settings_for(url)), None, 60, stop)
        found = [next(pages) for _ in range(10)]
        assert [item.cursor for batch in found for item in batch.items] == [str(number) for number in range(1, 20)]
        assert max(waits) < 0.1
        waiting = threading.Thread(target=lambda: next(pages, None))
        waiting.start()
        assert wait_until(lambda: 60 in waits, 10), "at the end it asks at the interval"
        stop.set()
        waiting.join()


def test_page_items_that_are_no_items_are_handed_out_whole_and_passed_by() -> None:
    def page(request: Request) -> None:
        request.page(["?", {"cursor": "1", "record": 5}] if request.after is None else [], "9")

    (batch,), _ = read(page, 2, mode="poll")
    assert batch.items[0] == Broken(None, b'"?"', "not an item of cursor and record: Expected `object`, got `str`")
    assert (cursors(batch), batch.place) == ([None, "1"], "9")


def test_backoff_doubles_to_a_bound_starts_anew_and_heeds_the_source() -> None:
    backoff = Backoff()
    backoff._FIRST_S = 0.25
    failure = SourceError("", "")
    waits = [backoff.after(failure) for _ in range(20)]
    for number, wait in enumerate(waits):
        longest = min(10, 0.25 * 2**number)
        assert longest / 2 <= wait <= longest
    assert backoff.after(SourceError("", "", retry_after_s=42)) == 42
    backoff.succeeded()
    assert backoff.after(failure) <= 0.25


def test_wish_of_the_source_is_heeded_within_bounds() -> None:
    for wish, wait in (("7", 7), ("9999", 60), ("soon", 0)):
        with serving(error(503, Retry_After=wish)) as url, pytest.raises(SourceError) as caught:
            Api(settings_for(url)).get("", {})
        assert caught.value.retry_after_s == wait
