"""One source's HTTP API: requests, and what their failures mean.

urllib3 rather than a richer client: on a live feed of small chunks it costs a third of the CPU per chunk.
"""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from health_pipeline.settings import ProducerSettings

CONNECT_S = 5.0
# A feed sends an empty line every few seconds at least, so a connection this silent is dead.
SILENCE_S = 20.0

# Trying again is for the caller, who knows where to go on from.
_ONLY_REDIRECTS = urllib3.Retry(connect=0, read=0, status=0, other=0, redirect=3, respect_retry_after_header=False)

_MAX_RETRY_AFTER_S = 60
_EXPLANATION_BYTES, _EXPLANATION_CHARS = 4096, 200
_WORTH_RETRYING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


class SourceError(Exception):
    """A request failed; the message says how, and what to do where someone must do something.

    ``kind`` is a short word for metrics. A ``lasting`` failure does not pass by itself. ``retry_after_s`` is the
    source's own wish.
    """

    def __init__(self, message: str, kind: str, *, lasting: bool = False, retry_after_s: float = 0) -> None:
        super().__init__(message)
        self.kind = kind
        self.lasting = lasting
        self.retry_after_s = retry_after_s


class Api:
    """The API that the settings name. ``silence_s`` bounds each wait for bytes."""

    def __init__(self, settings: ProducerSettings, silence_s: float = SILENCE_S) -> None:
        self._settings = settings
        self._headers = {
            "User-Agent": f"health-producer/{settings.source}",
            "Accept": "application/x-ndjson, application/json",
        }
        if settings.token:
            self._headers["Authorization"] = f"Bearer {settings.token}"
        self._pool = _pool_for(settings.url)
        self._timeout = urllib3.Timeout(connect=CONNECT_S, read=silence_s)

    def get(self, path: str, parameters: dict[str, str]) -> urllib3.BaseHTTPResponse:
        """The response to GET url + path, its body still to be read; SourceError unless it is 200 and could be JSON."""
        try:
            response = self._pool.request(
                "GET",
                self._settings.url.rstrip("/") + path,
                fields=parameters,
                headers=self._headers,
                timeout=self._timeout,
                retries=_ONLY_REDIRECTS,
                preload_content=False,
            )
            if self._settings.url.startswith("https:") and _left_tls(response):
                response.close()
                raise SourceError("leads from https to http, where anybody could answer", "redirect", lasting=True)
            if response.status != HTTPStatus.OK:
                raise self._refusal(response, parameters.get("after"))
        except urllib3.exceptions.HTTPError as error:
            raise lost(error) from error
        content_type = response.headers.get("Content-Type", "")
        if "html" in content_type:
            response.close()
            raise SourceError(f"answers {content_type}, not JSON: is the URL right?", "content_type", lasting=True)
        return response

    def _refusal(self, response: urllib3.BaseHTTPResponse, after: str | None) -> SourceError:
        status = response.status
        said = self._harmless(response.read(_EXPLANATION_BYTES).decode(errors="replace"))
        response.close()
        lasting = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        wish = response.headers.get("Retry-After", "")
        advice = self._advice(status, after)
        return SourceError(
            f"answers {status} ({said or response.reason})" + (f": {advice}" if advice else ""),
            f"http_{status}",
            lasting=lasting and status not in _WORTH_RETRYING,
            retry_after_s=min(int(wish), _MAX_RETRY_AFTER_S) if wish.isdecimal() else 0,
        )

    def _harmless(self, said: str) -> str:
        """One line for a log: a source may say anything, our own token among it."""
        line = "".join(letter if letter.isprintable() else "?" for letter in " ".join(said.split()))
        if self._settings.token:
            line = line.replace(self._settings.token, "(token)")
        return line[:_EXPLANATION_CHARS]

    def _advice(self, status: int, after: str | None) -> str:
        pipeline, source = self._settings.pipeline, self._settings.source
        if status == HTTPStatus.UNAUTHORIZED and not self._settings.token:
            return "give the API's bearer token (secretRef of the source's endpoint)"
        if status == HTTPStatus.UNAUTHORIZED:
            return "the bearer token is not accepted; renew the Secret that secretRef names"
        if status == HTTPStatus.FORBIDDEN:
            return "the bearer token may not read this feed; ask the API's owner to allow it"
        if status == HTTPStatus.NOT_FOUND:
            return "there is no such feed; correct the URL of the source's endpoint"
        if status == HTTPStatus.GONE:
            return (
                f"the source no longer keeps what follows cursor {after}, so those items cannot be had from it. To go"
                f' on after another cursor C, write {{"cursor": "C"}} with key {source} to the topic'
                f" {pipeline}.cursors-{source} and restart this producer"
            )
        return ""


def _left_tls(response: urllib3.BaseHTTPResponse) -> bool:
    """Whether a redirect has led to a place without TLS. The token was not sent there: it stays with its host."""
    places = response.retries.history if response.retries else ()
    return any((place.redirect_location or "").lower().startswith("http:") for place in places)


def lost(error: urllib3.exceptions.HTTPError) -> SourceError:
    """A failed connection as a SourceError."""
    if isinstance(error, urllib3.exceptions.MaxRetryError) and isinstance(error.reason, urllib3.exceptions.HTTPError):
        error = error.reason
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return SourceError("sends nothing, not even a heartbeat", "timeout")
    return SourceError(f"the connection failed: {error.args[0] if error.args else error}", "connection")


def _pool_for(url: str) -> urllib3.PoolManager:
    """A pool that goes through the environment's proxy where it names one for this URL."""
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    if proxy and parts.hostname and not proxy_bypass(parts.hostname):
        return urllib3.ProxyManager(proxy)
    return urllib3.PoolManager()
