"""Several calls at once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def all_of(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Their results in order. When one fails the others are cancelled, and its own error is raised: no group of one."""
    try:
        async with asyncio.TaskGroup() as tasks:
            made = [tasks.create_task(call) for call in calls]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in made]
