"""Does a live object still say what we want it to say? Pure.

The API server adds defaults and other controllers their own fields, so live objects hold more than was applied; drift
is only what we want and is no longer there. Lists of maps are matched by their merge key, as server-side apply does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

# Whatever all wanted items have and tells them apart is the key; in the order in which Kubernetes would choose.
_MERGE_KEYS = ("name", "containerPort", "port", "mountPath", "key", "uid", "topologyKey", "ip")
# Below these the API server writes quantities its own way: 0.5 becomes 500m.
_QUANTITIES = ("limits", "requests", "sizeLimit", "storage")
_QUANTITY = re.compile(r"([+-]?\d+(?:\.\d+)?)([numkMGTPE]|[KMGTPE]i)?")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def missing(wanted: Any, live: Any, *, exact_lists: bool = False) -> str | None:
    """Path of the first thing in ``wanted`` that ``live`` does not hold, or None when it holds all.

    ``exact_lists``: a list holds nothing but what is wanted. So it is with custom resources, whose lists are applied
    whole unless their definition says otherwise.
    """
    return _missing(wanted, live, "", exact_lists, False)


def quantity(text: object) -> Decimal | None:
    """``500m`` -> 0.5, ``1Ki`` -> 1024; None for what is no quantity."""
    match = _QUANTITY.fullmatch(str(text))
    if match is None:
        return None
    number, suffix = Decimal(match[1]), match[2] or ""
    return number * 2 ** _BINARY[suffix] if suffix in _BINARY else number.scaleb(_DECIMAL[suffix])


def _missing(wanted: Any, live: Any, path: str, exact: bool, quantities: bool) -> str | None:
    if live is None:
        # What is empty, false or zero may be left out by the API server: it reads the same.
        return path if wanted else None
    if isinstance(wanted, Mapping):
        if not isinstance(live, Mapping):
            return path
        for key, value in wanted.items():
            below = _missing(value, live.get(key), f"{path}.{key}", exact, quantities or key in _QUANTITIES)
            if below is not None:
                return below
        return None
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        return _missing_items(wanted, live, path, exact, quantities)
    return None if wanted == live or (quantities and _same_quantity(wanted, live)) else path


def _missing_items(wanted: Sequence[Any], live: Any, path: str, exact: bool, quantities: bool) -> str | None:
    if not isinstance(live, Sequence) or isinstance(live, str):
        return path
    key = _merge_key(wanted)
    if (key is None or exact) and len(wanted) != len(live):
        return path
    if key is None:
        pairs = list(zip(wanted, live, strict=True))
    else:
        by_key = {str(item.get(key)): item for item in live if isinstance(item, Mapping)}
        pairs = [(item, by_key.get(str(item[key]))) for item in wanted]
    for index, (item, other) in enumerate(pairs):
        below = _missing(item, other, f"{path}[{index}]", exact, quantities)
        if below is not None:
            return below
    return None


def _merge_key(items: Sequence[Any]) -> str | None:
    if not items or not all(isinstance(item, Mapping) for item in items):
        return None
    for key in _MERGE_KEYS:
        values = [item.get(key) for item in items]
        if None not in values and len(set(map(str, values))) == len(values):
            return key
    return None


def _same_quantity(wanted: object, live: object) -> bool:
    one, other = quantity(wanted), quantity(live)
    return one is not None and one == other
