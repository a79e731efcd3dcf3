"""When one crawler is started, and when a request is done with; pure.

A request is done with once a crawl has succeeded that began after the request was there: it was listed, then the
crawler was started, then that crawl was seen to have ended well. Requests that come while a crawl runs are listed
after it, all of them, and one crawl more serves them all. A process that forgets all of this (it is new) finds the
requests where they were, waits for whatever runs, and starts one crawl: at worst one too many, never one too few.

That two crawls never run at once is Glue's own doing: it refuses the second start (CrawlerRunningException), and that
refusal means the same here as to see somebody else's crawl run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from health_catalog.patience import pause

READY, STOPPING = "READY", "STOPPING"
SUCCEEDED, FAILED = "SUCCEEDED", "FAILED"
# Glue may show READY for a while after it has taken a start. A start that is not seen by then was lost.
SETTLE_S = 90.0
# A crawl is stamped in the second of its start, give or take; the one before it began earlier than that by far: it had
# to be brought up, and to end.
STAMP_SLACK_S = 10.0


class Trouble(StrEnum):
    """Why a crawler does not do its work, in one word that is fit for a label."""

    CRAWL_FAILED = "CrawlFailed"
    RUN_FAILED = "RunFailed"  # of a Glue job, see etl
    DEADLINE = "DeadlineExceeded"
    THROTTLED = "Throttled"
    DENIED = "AccessDenied"
    NAME_TAKEN = "NameTaken"
    CALL_FAILED = "CallFailed"


# These are about a call, and over when one is answered.
_OF_CALLS = (Trouble.THROTTLED, Trouble.DENIED, Trouble.CALL_FAILED)


@dataclass(frozen=True)
class Crawl:
    """The last crawl that has ended. ``began`` in UTC seconds; ``outcome`` as Glue's LastCrawl has it."""

    began: float
    outcome: str
    error: str = ""


@dataclass(frozen=True)
class Look:
    """A crawler at one moment. ``waiting``: the requests that were there, listed before the rest was looked at."""

    state: str
    last: Crawl | None
    waiting: frozenset[str]


@dataclass(frozen=True)
class Memory:
    """What a process knows of a crawler. Times without a name are monotonic seconds.

    ``own``: the requests that a start of ours serves, None when none is under way. ``floor``: Glue's time of that
    start, UTC seconds. ``busy_since``: since when something runs, or was started.
    """

    own: frozenset[str] | None = None
    floor: float = 0.0
    busy_since: float | None = None
    is_stopped: bool = False
    failures: int = 0
    not_before: float = 0.0
    trouble: Trouble | None = None
    why: str = ""


class Do(StrEnum):
    """What to do now."""

    WAIT = "wait"
    START = "start"
    STOP = "stop"
    ENDED = "ended"  # tell of the last crawl, forget the requests


@dataclass(frozen=True)
class Step:
    """``memory`` holds unless the call that was made fails (``refused``). ``forget``: requests that are done with."""

    do: Do
    memory: Memory
    forget: frozenset[str] = frozenset()


def step(memory: Memory, look: Look, now: float, deadline_s: float, jitter: float) -> Step:
    """The next step. ``now``: monotonic seconds. ``jitter``: from 0 to 1, how much of a pause is taken."""
    if look.state != READY:
        return _busy(memory, look, now, deadline_s)
    if memory.own is not None:
        return _own(memory, look, now, jitter)
    if memory.busy_since is not None:  # somebody else's, which may have begun before any of the requests
        return Step(Do.ENDED, _after(memory, look.last, now, jitter))
    if look.waiting and now >= memory.not_before:
        return Step(Do.START, memory)
    return Step(Do.WAIT, _as_last(memory, look.last))


def started(memory: Memory, look: Look, now: float, at: float) -> Memory:
    """Glue has taken the start, at ``at`` of its own time (UTC seconds)."""
    return replace(_heard(memory), own=look.waiting, floor=at - STAMP_SLACK_S, busy_since=now, is_stopped=False)


def running_already(memory: Memory, now: float) -> Memory:
    """Glue says that it runs already: it is somebody else's crawl, or one of ours whose answer was lost."""
    return replace(_heard(memory), own=None, busy_since=now, is_stopped=False)


def refused(memory: Memory, now: float, jitter: float, trouble: Trouble, why: str) -> Memory:
    """A call has failed, or nobody knows what became of it; the pause grows each time."""
    failures = memory.failures + 1
    not_before = now + pause(failures, jitter)
    return replace(memory, failures=failures, not_before=not_before, trouble=trouble, why=why)


def _busy(memory: Memory, look: Look, now: float, deadline_s: float) -> Step:
    since = now if memory.busy_since is None else memory.busy_since
    memory = replace(_heard(memory), busy_since=since)
    if now - since <= deadline_s:
        return Step(Do.WAIT, memory)
    why = f"a crawl has not ended within {deadline_s:g} s"
    memory = replace(memory, trouble=Trouble.DEADLINE, why=why)
    if memory.is_stopped or look.state == STOPPING:
        return Step(Do.WAIT, memory)
    return Step(Do.STOP, replace(memory, is_stopped=True))


def _own(memory: Memory, look: Look, now: float, jitter: float) -> Step:
    if look.last is not None and look.last.began >= memory.floor:
        served = memory.own if look.last.outcome == SUCCEEDED else frozenset()
        return Step(Do.ENDED, _after(memory, look.last, now, jitter), served or frozenset())
    if memory.busy_since is not None and now - memory.busy_since < SETTLE_S:
        return Step(Do.WAIT, memory)
    lost = replace(memory, own=None, busy_since=None)
    return Step(Do.WAIT, refused(lost, now, jitter, Trouble.CALL_FAILED, "a start was taken, and no crawl was seen"))


def _after(memory: Memory, last: Crawl | None, now: float, jitter: float) -> Memory:
    """A crawl has ended."""
    free = replace(memory, own=None, busy_since=None, is_stopped=False)
    if last is None or last.outcome == SUCCEEDED:
        return replace(free, failures=0, not_before=0.0, trouble=None, why="")
    if memory.trouble is Trouble.DEADLINE:
        return refused(free, now, jitter, Trouble.DEADLINE, memory.why)
    return refused(free, now, jitter, Trouble.CRAWL_FAILED, last.error or last.outcome.lower())


def _as_last(memory: Memory, last: Crawl | None) -> Memory:
    """Crawls that nobody here has seen run, such as those of a schedule, are told of by how the last one ended."""
    memory = _heard(memory)
    if last is not None and last.outcome == FAILED and memory.trouble in (None, Trouble.CRAWL_FAILED):
        return replace(memory, trouble=Trouble.CRAWL_FAILED, why=last.error or "no reason given")
    if memory.trouble is Trouble.CRAWL_FAILED and last is not None:
        return replace(memory, trouble=None, why="")
    return memory


def _heard(memory: Memory) -> Memory:
    """AWS has answered."""
    return replace(memory, trouble=None, why="") if memory.trouble in _OF_CALLS else memory
