"""The pages and their server-sent events. Whatever comes from data is sent as JSON, and put into pages as text only."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import parse_qs

from health_events.catalogue import VEHICLE_STATUSES
from health_pipeline.settings import ConsoleSettings
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from health_console.access import COOKIE, SESSION_S, Access
from health_console.feed import Feed, Pulse
from health_console.metrics import Metrics
from health_console.privacy import Role

WEB = Path(__file__).parent / "web"
MOST_CLIENTS = 100  # streams at once; each page has one
_LONGEST_STREAM_S = 60 * 60  # then the browser asks again, and is looked at again
_MOST_FORM = 4096
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}

Endpoint = Callable[[Request], Awaitable[Response]]


class Api:
    """The application: ``Api(settings, feed).app`` is what an ASGI server runs. SettingsError as Access has it."""

    def __init__(self, settings: ConsoleSettings, feed: Feed) -> None:
        self._settings, self._feed = settings, feed
        self._access = Access.of(settings)
        self._metrics = Metrics(settings.pipeline)
        self._clients: Counter[str] = Counter()
        self.closing = False
        # Without a token, a page of somebody else's could reach us by a name of its own (DNS rebinding).
        hosts = ["localhost", "127.0.0.1", "[::1]"] if self._access.is_open else ["*"]
        self.app = Starlette(
            routes=[
                Route("/", self._page("city.html")),
                Route("/pipeline", self._page("pipeline.html")),
                Route("/sign-in", _sign_in),
                Route("/session", self._sign_on, methods=["POST"]),
                Route("/api/about", self._about),
                Route("/api/city", self._city),
                Route("/api/pipeline", self._pipeline),
                Mount("/static", StaticFiles(directory=WEB / "static")),
            ],
            middleware=[Middleware(_Careful), Middleware(TrustedHostMiddleware, allowed_hosts=hosts)],
        )

    def _role(self, request: Request) -> Role | None:
        return self._access.role(request.headers, request.cookies, time.time())

    def _page(self, name: str) -> Endpoint:
        async def page(request: Request) -> Response:
            if self._role(request) is None:
                return RedirectResponse("sign-in", 303)
            return FileResponse(WEB / name)

        return page

    async def _sign_on(self, request: Request) -> Response:
        """A token for a cookie, so that it need not be kept where scripts can read it."""
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST_FORM:
                return Response("too long", 413)
        (token,) = parse_qs(body.decode(errors="replace")).get("token", [""])[:1]
        role = self._access.role_of_token(token.strip())
        if role is None:
            return RedirectResponse("sign-in?refused", 303)
        is_https = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", ""))
        answer = RedirectResponse("./", 303)
        answer.set_cookie(COOKIE, self._access.session(role, time.time()), max_age=SESSION_S, httponly=True,
                          samesite="strict", secure=is_https)  # fmt: skip
        return answer

    async def _about(self, request: Request) -> Response:
        """What does not change: the pipeline, the area, and what this user may see."""
        role = self._role(request)
        if role is None:
            return _refused()
        areas = [{"name": area.name, "polygon": area.polygon} for area in self._settings.areas]
        return JSONResponse({
            "pipeline": self._settings.pipeline, "sees_patients": role >= Role.PATIENTS, "areas": areas,
            "streets": self._feed.streets, "awaits_streets": bool(self._settings.streets_url),
            "statuses": VEHICLE_STATUSES,
        })  # fmt: skip

    async def _city(self, request: Request) -> Response:
        return self._stream(request, "city", self._frames)

    async def _pipeline(self, request: Request) -> Response:
        return self._stream(request, "pipeline", self._healths)

    def _stream(self, request: Request, page: str, events: Callable[[Role], AsyncIterator[bytes]]) -> Response:
        role = self._role(request)
        if role is None:
            return _refused()
        if self._clients.total() >= MOST_CLIENTS:
            return JSONResponse({"error": "too many pages are open"}, 503, {"retry-after": "10"})
        return StreamingResponse(
            self._counted(page, events(role)),
            media_type="text/event-stream",
            headers={"x-accel-buffering": "no"},  # a proxy that saves it up would make it no stream
        )

    async def _counted(self, page: str, events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        self._count(page, 1)
        ends = time.monotonic() + _LONGEST_STREAM_S
        try:
            async for event in events:
                yield b"data: " + event + b"\n\n"
                if time.monotonic() > ends:
                    return
        finally:
            self._count(page, -1)

    def _count(self, page: str, more: int) -> None:
        self._clients[page] += more
        self._metrics.clients(page, self._clients[page])

    async def _frames(self, role: Role) -> AsyncIterator[bytes]:
        """A client that is slow is told less often and of all that is new, and nothing is saved up for it."""
        since: int | None = None
        async for _ in self._beats(self._feed.frames):
            version = self._feed.version
            yield self._feed.frame(role, since)
            since = version

    async def _healths(self, role: Role) -> AsyncIterator[bytes]:
        yield self._feed.health(role)
        async for _ in self._beats(self._feed.healths):
            yield self._feed.health(role)

    async def _beats(self, pulse: Pulse) -> AsyncIterator[None]:
        while True:
            await pulse.wait()
            if self.closing:
                return
            yield


async def _sign_in(_: Request) -> Response:
    return FileResponse(WEB / "sign-in.html")


def _refused() -> Response:
    return JSONResponse({"error": "a bearer token is needed"}, 401, {"www-authenticate": "Bearer"})


class _Careful:
    """Puts the headers that keep a page to itself on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def careful(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, careful)
