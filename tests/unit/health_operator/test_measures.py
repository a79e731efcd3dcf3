"""What the lag exporter answers, and what is made of it when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web
from health_operator.measures import Meter, parse
from health_operator.model import Measures

ANSWER = {
    "eventsPerSecond": 12.34567, "lagSeconds": None, "alertLatencyP99Ms": 41.7, "freshnessSeconds": 3.2,
    "alertsTotal": 17, "dispatchesTotal": 3.0, "canaryAgeSeconds": 1.9, "lastEventTime": "2026-01-01T00:00:00Z",
    "somethingElse": 1,
}  # fmt: skip


def asked(handler: Callable[[web.Request], Awaitable[web.Response]], times: int = 1) -> list[Measures]:
    """What ``read`` gives, asked some times in a row, of an exporter with this handler."""

    async def run() -> list[Measures]:
        app = web.Application()
        app.router.add_get("/slo", handler)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        meter = Meter(f"http://127.0.0.1:{port}/slo")
        try:
            return [await meter.read("ns", "london") for _ in range(times)]
        finally:
            await meter.close()
            await runner.cleanup()

    return asyncio.run(run())


def test_figures_are_rounded_named_as_in_the_status_and_left_out_where_unknown() -> None:
    assert parse(ANSWER).figures == {
        "eventsPerSecond": 12.3, "alertLatencyP99Ms": 42, "freshnessSeconds": 3, "alerts": 17, "dispatches": 3,
        "canaryAgeSeconds": 2, "lastEventTime": "2026-01-01T00:00:00Z",
    }  # fmt: skip


def test_it_is_asked_once_in_ten_seconds() -> None:
    calls = []

    async def answer(request: web.Request) -> web.Response:
        calls.append(request.path)
        return web.json_response(ANSWER)

    first, second = asked(answer, times=2)
    assert first == second == parse(ANSWER)
    assert len(calls) == 1


def test_a_refusal_is_a_problem_and_no_error() -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=503)

    (measures,) = asked(answer)
    assert not measures.figures
    assert "does not answer" in measures.problem


def test_an_answer_that_is_none_is_a_problem() -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.json_response([1])

    (measures,) = asked(answer)
    assert "answers something else" in measures.problem


def test_nobody_there_is_a_problem() -> None:
    async def run() -> Measures:
        meter = Meter("http://127.0.0.1:9/slo")
        try:
            return await meter.read("ns", "london")
        finally:
            await meter.close()

    assert "does not answer" in asyncio.run(run()).problem
