"""The HTTP API, asked over loopback."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from health_simulator.feed import Feed
from openapi_spec_validator import validate

Simulate = Callable[..., httpx.Client]
Complete = Callable[..., dict[str, Any]]


def streamed(client: httpx.Client, source: str = "vitals", **query: Any) -> Iterator[str]:
    with client.stream("GET", f"/v1/{source}/stream", params=query) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("application/x-ndjson")
        for line in response.iter_lines():
            if line:
                yield line


def first_of(client: httpx.Client) -> int:
    """The first cursor of the run, as the source says it."""
    return int(client.get("/v1/vitals/stats").json()["first"])


def take(lines: Iterator[str], count: int) -> list[str]:
    return [next(lines) for _ in range(count)]


def paged(client: httpx.Client, limit: int, **query: Any) -> Iterator[dict[str, Any]]:
    while True:
        answer = client.get("/v1/vitals", params={"limit": limit, **query}).json()
        if not answer["items"]:
            return
        assert len(answer["items"]) <= limit
        query["after"] = answer["next"]
        yield from answer["items"]


def test_pages_and_stream_agree_and_served_counts_each_once(simulate: Simulate, complete: Complete) -> None:
    client = simulate(duration_s=1.0)
    live = [json.loads(line) for line in take(streamed(client), 2000)]
    first = first_of(client)
    assert complete(client) == {"first": str(first), "served": 2000, "generated": 2000, "complete": True}
    assert list(paged(client, 300)) == live
    assert [item["cursor"] for item in live] == [str(cursor) for cursor in range(first, first + 2000)]
    assert client.get("/v1/vitals/stats").json()["served"] == 2000
    end = client.get("/v1/vitals", params={"after": str(first + 1999)}).json()
    assert end == {"items": [], "next": str(first + 1999)}


def test_resuming_at_a_cursor_neither_skips_nor_repeats(simulate: Simulate) -> None:
    client = simulate(duration_s=2.0)
    read: list[str] = []
    while len(read) < 4000:
        query = {"after": json.loads(read[-1])["cursor"]} if read else {}
        lines = streamed(client, **query)
        read += take(lines, min(700, 4000 - len(read)))
        lines.close()  # type: ignore[attr-defined]
    first = first_of(client)
    assert [json.loads(line)["cursor"] for line in read] == [str(cursor) for cursor in range(first, first + 4000)]


def test_stream_gives_a_reading_at_once_and_a_heartbeat_when_there_is_none(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("health_simulator.api.HEARTBEAT_S", 1.0)
    client = simulate(events_per_second=1000.0, duration_s=1.5)
    late = []
    with client.stream("GET", "/v1/vitals/stream") as response:
        for line in response.iter_lines():
            if not line:
                break  # the heartbeat after the last reading
            late.append(time.time() * 1000 - json.loads(line)["record"]["observed_at"])
    assert len(late) == 1500
    assert statistics.median(late[200:]) < 20


def test_a_run_counts_from_the_time_at_which_it_began(simulate: Simulate) -> None:
    before = time.time_ns() // 1_000_000
    first, later = first_of(simulate(duration_s=0.1)), first_of(simulate(duration_s=0.1))
    assert before * 1000 < first < later <= time.time_ns() // 1_000_000 * 1000 + 1
    assert len(str(first)) == 16


@pytest.mark.parametrize("after", ["0", "1", "987654321", "1600000000000000", "9" * 18])
def test_cursor_of_another_run_gets_all_of_this_one(simulate: Simulate, complete: Complete, after: str) -> None:
    client = simulate(duration_s=0.1)
    complete(client)
    assert len(list(paged(client, 1000, after=after))) == 200
    assert len(take(streamed(client, after=after), 200)) == 200
    assert client.get("/v1/vitals/stats").json()["served"] == 200


def test_forgotten_cursor_is_gone(simulate: Simulate, complete: Complete, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("health_simulator.generator.Feed", lambda begin: Feed(begin, history_bytes=20_000))
    client = simulate(duration_s=0.5)
    complete(client)
    for path in ("/v1/vitals", "/v1/vitals/stream"):
        for after in (str(first_of(client)), "1"):  # of this run, and of one before: this one cannot be had whole
            answer = client.get(path, params={"after": after})
            assert answer.status_code == 410
        first = int(answer.json()["first"])
        assert str(first) in answer.json()["error"]
    (kept, *_) = client.get("/v1/vitals").json()["items"]
    assert kept["cursor"] == str(first)


def test_token_is_asked_of_everyone(simulate: Simulate) -> None:
    client = simulate(token="s3cret", duration_s=0.1)  # noqa: S106
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer s3cre\xfc"}):
        for path in ("/v1/vitals", "/v1/vitals/stream", "/v1/vitals/stats"):
            answer = client.get(path, headers=[(k.encode(), v.encode("latin-1")) for k, v in headers.items()])
            assert answer.status_code == 401
            assert answer.json()["error"]
    assert client.get("/v1/vitals", headers={"Authorization": "Bearer s3cret"}).status_code == 200
    assert client.get("/openapi.json").json()["security"] == [{"token": []}]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/vitals?after=abc", 400),
        ("/v1/vitals?after=-1", 400),
        ("/v1/vitals?after=" + "9" * 5000, 400),
        ("/v1/vitals?limit=0", 400),
        ("/v1/vitals/stream?after=", 400),
        ("/v1/gps", 404),
        ("/v2", 404),
    ],
)
def test_mistakes_are_answered_in_json(simulate: Simulate, path: str, status: int) -> None:
    answer = simulate(duration_s=0.01).get(path)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_bad_days_of_the_server(simulate: Simulate) -> None:
    client = simulate(duration_s=0.1, http_errors=0.5)
    answers = [client.get("/v1/vitals", params={"limit": 1}).status_code for _ in range(200)]
    assert set(answers) == {200, 429, 500, 503}
    assert 60 < answers.count(200) < 140
    assert {client.get("/v1/vitals/stats").status_code for _ in range(20)} == {200}


def test_description_is_valid_openapi_and_a_page(simulate: Simulate) -> None:
    client = simulate(duration_s=0.01)
    described = client.get("/openapi.json").json()
    validate(described)
    assert set(described["paths"]) == {
        "/v1/vitals", "/v1/vitals/stream", "/v1/vitals/stats", "/streets.geojson",
    }  # fmt: skip
    heart_rate = described["components"]["schemas"]["vitals"]["properties"]["heart_rate"]
    assert {"system": "LOINC", "code": "8867-4"} in heart_rate["x-codes"]
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "heart_rate" in page.text
    assert "http://" not in page.text  # it needs nothing from elsewhere
    assert "https://" not in page.text


def test_vehicles_drive_on_the_streets_that_are_served(simulate: Simulate) -> None:
    client = simulate(name="vehicles", duration_s=1.0)
    lines = [feature["geometry"]["coordinates"] for feature in client.get("/streets.geojson").json()["features"]]
    assert len(lines) > 80
    along = {line[0][0] for line in lines if line[0][0] == line[1][0]}
    across = {line[0][1] for line in lines if line[0][1] == line[1][1]}
    assert len(along) + len(across) == len(lines)
    records = [json.loads(line)["record"] for line in take(streamed(client, "vehicles"), 100)]
    assert all(record["longitude"] in along or record["latitude"] in across for record in records)
