"""What is news, and when a watch is deaf."""

from __future__ import annotations

import time
from typing import Any

from health_operator.hearing import Hearing

KEY = ("ns", "london")


def event(version: int, *, kind: str | None = "MODIFIED", **metadata: Any) -> dict[str, Any]:
    given = {"namespace": "ns", "name": "london", "uid": "u", "generation": 1, "resourceVersion": str(version)}
    return {"type": kind, "object": {"metadata": given | metadata}}


def listed(version: int) -> list[dict[str, Any]]:
    return [event(version)["object"]]


def test_news_is_what_the_user_did_and_not_what_the_status_says() -> None:
    hearing = Hearing()
    assert hearing.hear(event(1, kind=None)) == (KEY, True)
    assert hearing.hear(event(2)) == (KEY, False)  # a status
    assert hearing.hear(event(3, generation=2)) == (KEY, True)
    assert hearing.hear(event(4, generation=2, annotations={"a": "b"})) == (KEY, True)
    assert hearing.hear(event(5, generation=2, annotations={"a": "b"}, deletionTimestamp="t")) == (KEY, True)
    assert hearing.hear(event(6, kind="DELETED")) == (KEY, True)


def test_what_was_heard_is_not_waited_for() -> None:
    hearing = Hearing()
    hearing.hear(event(5))
    assert hearing.compare(listed(5), time.monotonic()) == []
    assert hearing.silent_seconds(time.monotonic()) == 0


def test_a_version_that_is_never_heard_of_is_deafness() -> None:
    hearing = Hearing()
    hearing.hear(event(5))
    now = time.monotonic()
    assert hearing.compare(listed(6), now) == [KEY]
    assert hearing.compare(listed(7), now + 20) == [KEY]
    assert hearing.silent_seconds(now + 70) == 70


def test_whatever_is_heard_after_the_list_ends_the_suspicion() -> None:
    """The version may have been passed over: a watch tells the latest, not each."""
    hearing = Hearing()
    hearing.hear(event(5))
    hearing.compare(listed(6), time.monotonic())
    hearing.hear(event(8))
    assert hearing.compare(listed(9), time.monotonic()) == []
    assert hearing.silent_seconds(time.monotonic()) == 0


def test_what_is_gone_from_the_list_is_not_waited_for() -> None:
    hearing = Hearing()
    hearing.compare(listed(6), time.monotonic())
    assert hearing.compare([], time.monotonic()) == []
    assert hearing.silent_seconds(time.monotonic() + 99) == 0
