"""How many of a component there should be, from how far it is behind and how fast it catches up. Pure.

Lag is in seconds of events. ``n`` replicas that do ``speed`` seconds' worth of events in a second lose the lag by
``speed - 1`` in each, so it is gone after ``lag / (speed - 1)``. To be gone after ``catch_up_s`` it takes
``n * (1 + lag / catch_up_s) / speed`` of them: more when the lag is long, more when they are slow. ``speed`` is
measured, by the lag of two looks; it counts only while there is a lag, for who has nothing to do does what comes. A
stream of batches shows what it has done at the end of each: within one its lag grows as the clock does. So it is looked
at where its lag has fallen, and what comes after a longer standstill is measured from there on.

More are taken at once, at most twice as many, and none while what there are catches up in time. Fewer are taken one by
one, after a long calm. What was taken away in vain (the lag came back) is tried again after twice as long: so under a
load that does not change the number comes to rest, though nobody can tell from no lag how much is to spare.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

# Two looks at a lag must be so far apart for their difference to mean something.
MEASURED_S = 20.0
# Who does less than so much is within a batch, or, after so long, does nothing: what it waits for is not more hands.
_STANDSTILL, _LONGEST_BATCH_S = 0.02, 300.0
# Nobody waits longer than a day to try it with less; so many doublings make a day of a minute.
_LONGEST_CALM_S, _MOST_PATIENCE = 86_400.0, 11


@dataclass(frozen=True)
class Bounds:
    """What is asked of a component. Seconds.

    A lag up to ``target_s`` is none. ``settle_s`` after a change nothing is measured: what is new has to start first.
    """

    minimum: int
    maximum: int
    target_s: float
    catch_up_s: float
    settle_s: float
    calm_s: float


@dataclass(frozen=True)
class Scale:
    """What is on record of a component: how many, since when (seconds since 1970), why, and how patient it became."""

    replicas: int
    since: float
    why: str = ""
    was_less: bool = False  # the last change took one away
    patience: int = 0


@dataclass(frozen=True)
class Trend:
    """What was seen since the last change; it may be lost.

    ``behind``: (when, lag) of the look that the next is measured by. ``stands_still``: for longer than a batch takes.
    """

    behind: tuple[float, float] | None = None
    stands_still: bool = False
    calm_since: float | None = None


def first(bounds: Bounds, replicas: int, now: float) -> Scale:
    """Of a component that was not scaled before and has so many."""
    return Scale(_within(bounds, replicas), now, "as the spec has it")


def decide(bounds: Bounds, scale: Scale, trend: Trend, lag_s: float | None, now: float) -> tuple[Scale, Trend]:
    """The number from now on, and what is to be remembered until the next look. ``lag_s`` None: it is not known."""
    if scale.replicas != _within(bounds, scale.replicas):
        return Scale(_within(bounds, scale.replicas), now, "the bounds have changed"), Trend()
    if lag_s is None or not math.isfinite(lag_s) or now - scale.since < bounds.settle_s:
        return scale, Trend()
    if lag_s <= bounds.target_s:
        return _when_calm(bounds, scale, Trend(calm_since=now if trend.calm_since is None else trend.calm_since), now)
    if trend.behind is None:
        return scale, Trend(behind=(now, lag_s))
    since, lag_then = trend.behind
    took = now - since
    speed = 1 - (lag_s - lag_then) / took if took >= MEASURED_S else 0.0
    if speed < _STANDSTILL:
        return scale, dataclasses.replace(trend, stands_still=took > _LONGEST_BATCH_S)
    return (scale if trend.stands_still else _when_behind(bounds, scale, speed, lag_s, now)), Trend(behind=(now, lag_s))


def wanted(replicas: int, speed: float, lag_s: float, catch_up_s: float) -> float:
    """How many, not rounded, have caught up after ``catch_up_s``, when ``replicas`` are that fast."""
    return replicas * (1 + lag_s / catch_up_s) / speed


def _when_behind(bounds: Bounds, scale: Scale, speed: float, lag_s: float, now: float) -> Scale:
    asked = wanted(scale.replicas, speed, lag_s, bounds.catch_up_s)
    # In time, or nearly: rounding up what is next to nothing would take one more for it.
    more = math.ceil(min(asked - 0.1, 2 * scale.replicas, bounds.maximum))
    if more <= scale.replicas:
        return scale
    patience = min(scale.patience + scale.was_less, _MOST_PATIENCE)
    why = f"{lag_s:.0f} s behind at {speed:.2f} times the speed of events"
    return Scale(more, now, why, patience=patience)


def _when_calm(bounds: Bounds, scale: Scale, trend: Trend, now: float) -> tuple[Scale, Trend]:
    calm_s = now - (trend.calm_since if trend.calm_since is not None else now)
    if scale.replicas == bounds.minimum or calm_s < min(_LONGEST_CALM_S, bounds.calm_s * 2**scale.patience):
        return scale, trend
    why = f"not behind for {calm_s / 60:.0f} min"
    return dataclasses.replace(scale, replicas=scale.replicas - 1, since=now, why=why, was_less=True), Trend()


def _within(bounds: Bounds, replicas: int) -> int:
    return max(bounds.minimum, min(bounds.maximum, replicas))
