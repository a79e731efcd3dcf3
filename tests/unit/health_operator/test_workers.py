"""When a pipeline is looked at: when woken, when it is time, again after an error; and never twice at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from health_operator.errors import LeaseLost, Unreachable
from health_operator.workers import Key, Outcome, Workers

KEY = ("ns", "london")
WAIT = 20.0  # far more than anything here takes; a machine may be busy


class Looks:
    """Counts looks, and lets a test wait for one."""

    def __init__(self, outcomes: Callable[[int], Awaitable[Outcome]]) -> None:
        self.count = 0
        self.woken: list[bool] = []
        self.at_once = 0
        self.most_at_once = 0
        self._outcomes = outcomes
        self._changed = asyncio.Condition()

    async def reconcile(self, _key: Key, is_woken: bool) -> Outcome:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.woken.append(is_woken)
            self.count += 1
            async with self._changed:
                self._changed.notify_all()
            return await self._outcomes(self.count)
        finally:
            self.at_once -= 1

    async def reach(self, count: int) -> None:
        async with asyncio.timeout(WAIT), self._changed:
            await self._changed.wait_for(lambda: self.count >= count)


def run(outcomes: Callable[[int], Awaitable[Outcome]], act: Callable[[Workers, Looks], Awaitable[None]]) -> Looks:
    async def within() -> Looks:
        looks = Looks(outcomes)
        workers = Workers(looks.reconcile)
        try:
            await act(workers, looks)
        finally:
            await workers.close()
        return looks

    return asyncio.run(within())


async def never_again(_count: int) -> Outcome:
    return Outcome(again=3600)


def test_an_urgent_wake_up_is_heeded_at_once_and_others_are_gathered() -> None:
    async def act(workers: Workers, looks: Looks) -> None:
        workers.wake(KEY)
        await looks.reach(1)
        began = asyncio.get_running_loop().time()
        for _ in range(50):
            workers.wake(KEY)
        await looks.reach(2)
        assert asyncio.get_running_loop().time() - began >= 0.9
        began = asyncio.get_running_loop().time()
        await asyncio.sleep(0)
        workers.wake(KEY, urgent=True)
        await looks.reach(3)

    assert run(never_again, act).count == 3


def test_it_is_looked_at_again_when_it_is_time_without_being_woken() -> None:
    async def soon(_count: int) -> Outcome:
        return Outcome(again=1.2)

    async def act(workers: Workers, looks: Looks) -> None:
        workers.wake(KEY)
        await looks.reach(2)

    assert run(soon, act).woken[:2] == [True, False]


def test_an_error_is_tried_again_and_news_does_not_wait_for_that() -> None:
    async def fail_first(count: int) -> Outcome:
        if count < 3:
            raise Unreachable("no answer")
        return Outcome(again=3600)

    async def act(workers: Workers, looks: Looks) -> None:
        workers.wake(KEY)
        await looks.reach(2)
        workers.wake(KEY, urgent=True)
        await looks.reach(3)

    assert run(fail_first, act).count == 3


def test_a_defect_in_one_look_ends_nothing() -> None:
    async def broken_once(count: int) -> Outcome:
        if count == 1:
            raise KeyError("oops")
        return Outcome(again=3600)

    async def act(workers: Workers, looks: Looks) -> None:
        workers.wake(KEY)
        await looks.reach(2)

    assert run(broken_once, act).count == 2


def test_a_pipeline_is_never_looked_at_twice_at_once() -> None:
    may_end = asyncio.Event()

    async def held(_count: int) -> Outcome:
        await may_end.wait()
        return Outcome(again=3600)

    async def act(workers: Workers, looks: Looks) -> None:
        workers.wake(KEY)
        await looks.reach(1)
        for _ in range(5):
            workers.wake(KEY, urgent=True)
            await asyncio.sleep(0)  # so that whoever could begin has had its turn, and more than one
        may_end.set()
        await looks.reach(2)

    looks = run(held, act)
    assert (looks.count, looks.most_at_once) == (2, 1)


def test_one_that_is_gone_has_no_task_until_it_is_there_again() -> None:
    async def gone(_count: int) -> Outcome:
        return Outcome(again=0, gone=True)

    async def act(workers: Workers, looks: Looks) -> None:
        workers.wake(KEY, known_only=True)  # what is left of its children wakes nobody
        workers.wake(KEY)
        (task,) = [one for one in asyncio.all_tasks() if one.get_name() == "pipeline ns/london"]
        await asyncio.wait_for(task, WAIT)
        assert looks.count == 1
        workers.wake(KEY, known_only=True)
        workers.wake(KEY)
        await looks.reach(2)

    assert run(gone, act).count == 2


def test_a_lost_lease_is_the_end_of_all() -> None:
    async def lost(_count: int) -> Outcome:
        raise LeaseLost("somebody else has it")

    async def act(workers: Workers, _looks: Looks) -> None:
        workers.wake(KEY)
        async with asyncio.timeout(WAIT):
            with pytest.raises(LeaseLost):
                await workers.broken()

    run(lost, act)


def test_one_that_hangs_is_known() -> None:
    async def hang(_count: int) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError

    async def act(workers: Workers, looks: Looks) -> None:
        workers.wake(KEY)
        await looks.reach(1)
        assert workers.stuck(60) == []
        assert workers.stuck(-1) == [KEY]

    run(hang, act)
