"""``mode: stream``: one connection on which the source sends each item as it comes up, a line each (NDJSON)."""

from __future__ import annotations

from collections.abc import Iterator

import urllib3

from health_producer.sources.api import Api, SourceError, lost
from health_producer.sources.items import MAX_ITEM_BYTES, Batch, last_cursor, open_item

_CHUNK_BYTES = 256 * 1024


class Lines:
    """Chunks of bytes to whole lines. Of a line beyond MAX_ITEM_BYTES only one byte more than that is kept."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that ``chunk`` completes, without line ends; empty ones (heartbeats) left out."""
        *lines, rest = chunk.split(b"\n")
        if lines:
            lines[0] = self._rest + lines[0]
            self._rest = b""
        self._rest = (self._rest + rest)[: MAX_ITEM_BYTES + 1]
        return [line for line in lines if line and not line.isspace()]


def follow_stream(api: Api, after: str | None) -> Iterator[Batch]:
    """What comes after ``after``, for as long as the connection lasts; its end is a SourceError like any other.

    A line that the end cuts off is not handed out: the next connection sends it again.
    """
    response = api.get("/stream", {} if after is None else {"after": after})
    lines = Lines()
    try:
        while chunk := response.read1(_CHUNK_BYTES):
            items = [open_item(line) for line in lines.feed(chunk)]
            if items:
                yield Batch(items, last_cursor(items))
    except urllib3.exceptions.HTTPError as error:
        raise lost(error) from error
    finally:
        response.close()
    raise SourceError("ended the stream", "ended")
