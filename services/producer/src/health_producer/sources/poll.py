"""``mode: poll``: pages, asked for until one is empty, and then at an interval."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import msgspec
import urllib3

from health_producer.sources.api import Api, SourceError, lost
from health_producer.sources.items import Batch, last_cursor, open_item

PAGE_ITEMS = 1000
_MAX_PAGE_BYTES = 64 * 1024 * 1024
# A page that is not full may be all there is, or as much as the API gives at a time. Only the next one tells; so long
# before it, that a feed on which something always comes is not asked as fast as it can answer.
_NEXT_PAGE_S = 0.05


class Page(msgspec.Struct, frozen=True):
    """A page as the API sends it."""

    items: list[msgspec.Raw]
    next: str | None = None


_read_page = msgspec.json.Decoder(Page).decode


def follow_pages(api: Api, after: str | None, interval_s: float, stop: threading.Event) -> Iterator[Batch]:
    """What comes after ``after``, page by page, until ``stop``; SourceError when a request fails."""
    while not stop.is_set():
        page = _get_page(api, after)
        items = [open_item(bytes(raw)) for raw in page.items]
        if items:
            place = page.next or last_cursor(items)
            if place is None or place == after:
                raise SourceError(f"sends items after {after} and no cursor to go on from", "page", lasting=True)
            yield Batch(items, place)
            after = place
        if len(items) < PAGE_ITEMS:
            stop.wait(min(_NEXT_PAGE_S, interval_s) if items else interval_s)


def _get_page(api: Api, after: str | None) -> Page:
    parameters = {"limit": str(PAGE_ITEMS)} | ({} if after is None else {"after": after})
    response = api.get("", parameters)
    try:
        body = response.read(_MAX_PAGE_BYTES + 1)
        if len(body) > _MAX_PAGE_BYTES:
            raise SourceError(f"sends a page of more than {_MAX_PAGE_BYTES} bytes", "page", lasting=True)
        return _read_page(body)
    except urllib3.exceptions.HTTPError as error:
        raise lost(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError(f"sends a page that cannot be read: {error}", "page") from error
    finally:
        response.close()
