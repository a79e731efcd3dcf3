"""Drift: what we want and is no longer there, and nothing else."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest
from health_operator.containment import missing, quantity
from hypothesis import given
from hypothesis import strategies as st

_SCALARS = st.one_of(st.booleans(), st.integers(), st.text(max_size=8))
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(max_size=5), inner, max_size=4),
        st.lists(
            st.builds(lambda name, rest: {**rest, "name": name}, st.text(min_size=1, max_size=4),
                      st.dictionaries(st.sampled_from(["image", "value", "x"]), inner, max_size=2)),
            max_size=3, unique_by=lambda item: item["name"],
        ),
    ),
    max_leaves=20,
)  # fmt: skip


@given(_VALUES)
def test_everything_contains_itself(value: Any) -> None:
    assert missing(value, copy.deepcopy(value)) is None
    assert missing(value, copy.deepcopy(value), exact_lists=True) is None


@given(st.dictionaries(st.text(max_size=5), _VALUES, max_size=4), st.dictionaries(st.text(max_size=5), _VALUES))
def test_what_others_add_to_a_map_is_no_drift(wanted: dict[str, Any], added: dict[str, Any]) -> None:
    assert missing(wanted, {**added, **wanted}) is None


@given(st.dictionaries(st.text(max_size=5), st.integers(min_value=1), min_size=1, max_size=4), st.data())
def test_a_value_that_is_changed_or_taken_away_is_found(wanted: dict[str, int], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(wanted)))
    assert missing(wanted, {**wanted, key: wanted[key] + 1}) == f".{key}"
    assert missing(wanted, {other: value for other, value in wanted.items() if other != key}) == f".{key}"


@pytest.mark.parametrize(
    ("wanted", "live"),
    [
        pytest.param({"resources": {"limits": {"cpu": "0.5", "memory": "1024Mi"}}},
                     {"resources": {"limits": {"cpu": "500m", "memory": "1Gi"}}}, id="quantities"),
        pytest.param({"emptyDir": {"sizeLimit": "1024Ki"}}, {"emptyDir": {"sizeLimit": "1Mi"}}, id="size limit"),
        pytest.param({"emptyDir": {}}, {"emptyDir": {}}, id="empty"),
        pytest.param({"labels": {}, "args": [], "tty": False, "value": ""}, {}, id="empty may be left out"),
        pytest.param({"containers": [{"name": "a", "image": "x"}]},
                     {"containers": [{"name": "sidecar"}, {"name": "a", "image": "x", "tty": True}]}, id="merge key"),
        pytest.param({"ports": [{"containerPort": 80}]},
                     {"ports": [{"containerPort": 80, "protocol": "TCP"}]}, id="port"),
        pytest.param({"replicas": 1}, {"replicas": 1.0}, id="numbers"),
    ],
)  # fmt: skip
def test_no_drift(wanted: dict[str, Any], live: dict[str, Any]) -> None:
    assert missing(wanted, live) is None


@pytest.mark.parametrize(
    ("wanted", "live", "path"),
    [
        pytest.param({"spec": {"replicas": 0}}, {"spec": {"replicas": 3}}, ".spec.replicas", id="zero is not absent"),
        pytest.param({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "A", "value": "2"}]}, ".env[0].value",
                     id="item"),
        pytest.param({"env": [{"name": "A"}]}, {"env": [{"name": "B"}]}, ".env[0]", id="item gone"),
        pytest.param({"args": ["a", "b"]}, {"args": ["a"]}, ".args", id="plain list is whole"),
        pytest.param({"args": ["a", "b"]}, {"args": ["b", "a"]}, ".args[0]", id="in order"),
        pytest.param({"value": "1000m"}, {"value": "1"}, ".value", id="only quantities are quantities"),
        pytest.param({"a": {"b": 1}}, {"a": 1}, ".a", id="another type"),
    ],
)  # fmt: skip
def test_drift(wanted: dict[str, Any], live: dict[str, Any], path: str) -> None:
    assert missing(wanted, live) == path


def test_a_list_of_a_custom_resource_holds_nothing_else() -> None:
    wanted, live = {"env": [{"name": "A"}]}, {"env": [{"name": "A"}, {"name": "B"}]}
    assert missing(wanted, live) is None
    assert missing(wanted, live, exact_lists=True) == ".env"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500m", Decimal("0.5")),
        ("1Ki", Decimal(1024)),
        ("1.5Gi", Decimal(3 * 2**29)),
        ("2k", Decimal(2000)),
        (3, Decimal(3)),
    ],
)
def test_quantities(text: object, value: Decimal) -> None:
    assert quantity(text) == value


def test_what_is_no_quantity() -> None:
    assert quantity("12 parsecs") is None
