"""Something that goes on beside a test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def beside(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """``work`` goes on while this lasts, and ends when the event that it is given is set; its error is raised then."""
    done = threading.Event()
    with ThreadPoolExecutor(max_workers=1) as pool:
        at_work = pool.submit(work, done)
        try:
            yield
        finally:
            done.set()
            at_work.result()
