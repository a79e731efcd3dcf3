"""The HTTP API of the sources: pages, live streams, counts, and its own description."""

from __future__ import annotations

import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from health_events import VEHICLES
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from health_simulator import chance
from health_simulator.city import City
from health_simulator.feed import Feed, Gone
from health_simulator.generator import Generator
from health_simulator.openapi import DEFAULT_PAGE, MAX_PAGE, document, page

HEARTBEAT_S = 3.0
_BAD_DAYS = (500, 503, 429)
_MOST_DIGITS = 18


class _Source:
    """A feed with the errors that its server makes, by chance, when it has bad days."""

    def __init__(self, generator: Generator) -> None:
        source = generator.source
        self.feed: Feed = generator.feed
        self._errors, self._rng = source.http_errors, chance.stream(source.seed, source.name, "http")

    def fails(self) -> bool:
        """Whether this is one of the requests that go wrong."""
        return bool(self._rng.random() < self._errors)

    def stumble(self) -> None:
        """Raise the error of a bad day, by chance."""
        if self.fails():
            status = _BAD_DAYS[int(self._rng.integers(len(_BAD_DAYS)))]
            raise HTTPException(status, "a bad day, as configured", headers={"Retry-After": "1"})


class Api:
    """The application: ``Api(generators, token).app`` is what an ASGI server runs."""

    def __init__(self, generators: Sequence[Generator], token: str = "") -> None:
        self._token = token
        self._sources = {generator.event.name: _Source(generator) for generator in generators}
        described = document([generator.event for generator in generators], token=bool(token))
        html = page(described)
        streets = _geojson(generators)
        routes = [
            Route("/", lambda _: HTMLResponse(html)),
            Route("/openapi.json", lambda _: JSONResponse(described)),
            Route("/streets.geojson", lambda _: JSONResponse(streets, media_type="application/geo+json")),
            Route("/v1/{source}", self._guarded(self._page)),
            Route("/v1/{source}/stream", self._guarded(self._stream)),
            Route("/v1/{source}/stats", self._guarded(self._stats)),
        ]
        self.app = Starlette(routes=routes, exception_handlers={HTTPException: _error, Gone: _gone})

    def _guarded(self, answer: Callable[[Request, _Source], Response]) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            if self._token and not hmac.compare_digest(
                request.headers.get("authorization", "").encode(), f"Bearer {self._token}".encode()
            ):
                raise HTTPException(401, "a bearer token is needed", headers={"WWW-Authenticate": "Bearer"})
            name = request.path_params["source"]
            if name not in self._sources:
                raise HTTPException(404, f"no source {name!r}: there are {', '.join(self._sources)}")
            return answer(request, self._sources[name])

        return guarded

    def _page(self, request: Request, source: _Source) -> Response:
        source.stumble()
        after = _after(request.query_params, source.feed)
        limit = min(_whole_number(request.query_params.get("limit", str(DEFAULT_PAGE)), "limit"), MAX_PAGE)
        if limit < 1:
            raise HTTPException(400, "limit must be at least 1")
        items, last = source.feed.page(after, limit)
        return Response(b'{"items":' + items + b',"next":"%d"}' % last, media_type="application/json")

    def _stream(self, request: Request, source: _Source) -> Response:
        source.stumble()
        after = _after(request.query_params, source.feed)
        source.feed.check(after)
        return StreamingResponse(_lines(source, after), media_type="application/x-ndjson")

    def _stats(self, request: Request, source: _Source) -> Response:  # noqa: ARG002 (all answers are called alike)
        feed = source.feed
        counts = {"served": feed.served, "generated": feed.generated, "complete": feed.complete}
        return JSONResponse({"first": str(feed.begin), **counts})


def _geojson(generators: Sequence[Generator]) -> dict[str, Any]:
    """The streets that vehicles drive on; of the first source's city where there are none."""
    of_vehicles = [generator for generator in generators if generator.event is VEHICLES]
    cities = [City(generator.source.seed) for generator in (*of_vehicles, *generators)[:1]]
    lines = [{"type": "LineString", "coordinates": line} for city in cities for line in city.streets()]
    features = [{"type": "Feature", "properties": {}, "geometry": line} for line in lines]
    return {"type": "FeatureCollection", "features": features}


async def _lines(source: _Source, after: int) -> AsyncIterator[bytes]:
    """A live stream, until the server stops, the client falls too far behind, or a bad day breaks the connection."""
    feed, luck_until = source.feed, time.monotonic() + HEARTBEAT_S
    while not feed.closed:
        if not await feed.wait(after, HEARTBEAT_S):
            yield b"\n"
        if time.monotonic() >= luck_until:
            luck_until += HEARTBEAT_S
            if source.fails():
                return
        try:
            lines, after = feed.lines(after)
        except Gone:
            return  # asked again, the client is told what is gone
        if lines:
            yield lines


def _after(query: Mapping[str, str], feed: Feed) -> int:
    """The cursor to read after.

    One that is not of this run comes from before a restart. What followed it then is lost with the process; to
    answer 410 would only stop the client until somebody helps, so it gets this run from its beginning.
    """
    if "after" not in query:
        return feed.start()
    after = _whole_number(query["after"], "after")
    return after if feed.begin <= after <= feed.last else feed.begin - 1


def _whole_number(text: str, name: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > _MOST_DIGITS:
        raise HTTPException(400, f"{name} must be a whole number, not {text!r}")
    return int(text)


def _error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 (what the handler is registered for)
    return JSONResponse({"error": error.detail}, status_code=error.status_code, headers=error.headers)


def _gone(_: Request, error: Exception) -> Response:
    assert isinstance(error, Gone)  # noqa: S101
    return JSONResponse({"error": str(error), "first": str(error.first)}, status_code=410)
