"""What is wrong with a finished run: pure, one line for each complaint; none means that every sum agrees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from healthctl.demo.accounts import DispatchAccount, SourceAccount

SHOWN = 3


def complaints(
    sources: Mapping[str, SourceAccount],
    dispatch: DispatchAccount,
    empty_tables: Iterable[str],
    dead_parts: Mapping[str, str],
) -> list[str]:
    """Everything that must not be.

    ``empty_tables`` are those that must have rows; ``dead_parts`` maps a component that is not running to the reason.
    """
    found = [line for name, account in sources.items() for line in _source(name, account)]
    found += _dispatch(dispatch)
    found += [f"table {name} is missing or empty" for name in empty_tables]
    found += [f"{name} died: {reason}" for name, reason in dead_parts.items()]
    return found


def _source(name: str, account: SourceAccount) -> Iterator[str]:
    if account.missing:
        cursors = ", ".join(account.missing[:SHOWN])
        yield f"{name}: {len(account.missing)} served items are nowhere in the lake (cursors {cursors}, ...)"
    found = account.landed + account.dead_lettered
    if account.served != found - account.duplicates:
        yield f"{name}: served {account.served} but landed + dead-lettered - duplicates = {found - account.duplicates}"
    if account.produced != found:
        yield f"{name}: produced {account.produced} but landed + dead-lettered = {found}"


def _dispatch(account: DispatchAccount) -> Iterator[str]:
    if account.expected != account.alerts:
        yield f"{account.expected} landed readings break a rule but there are {account.alerts} alerts"
    if account.without_outcome:
        yield f"{account.without_outcome} alerts have no outcome"
    if account.doubled:
        yield f"{account.doubled} dispatches were doubled"
    if account.out_of_radius:
        yield f"{account.out_of_radius} dispatches went beyond the radius"
