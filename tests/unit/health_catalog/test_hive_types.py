from __future__ import annotations

import pyarrow as pa
import pytest
from health_catalog.hive import TIMESTAMP, arrow_type, hive_type
from hypothesis import given, settings
from hypothesis import strategies as st

PRIMITIVES = st.sampled_from(
    [pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float32(), pa.float64(), pa.string(), pa.binary(),
     pa.date32(), TIMESTAMP]
)  # fmt: skip
DECIMALS = st.integers(1, 38).flatmap(lambda digits: st.builds(pa.decimal128, st.just(digits), st.integers(0, digits)))
NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,9}", fullmatch=True)


def _nested(inner: st.SearchStrategy[pa.DataType]) -> st.SearchStrategy[pa.DataType]:
    structs = st.dictionaries(NAMES, inner, min_size=1, max_size=4).map(lambda fields: pa.struct(list(fields.items())))
    return st.one_of(inner.map(pa.list_), st.builds(pa.map_, PRIMITIVES, inner), structs)


TYPES = st.recursive(PRIMITIVES | DECIMALS, _nested, max_leaves=8)


@settings(max_examples=60, deadline=None)
@given(TYPES)
def test_every_type_comes_back_from_its_glue_name(kind: pa.DataType) -> None:
    assert arrow_type(hive_type(kind)) == kind


@settings(max_examples=60, deadline=None)
@given(TYPES)
def test_glue_names_may_hold_spaces_and_capitals(kind: pa.DataType) -> None:
    spaced = hive_type(kind).replace(",", " , ").replace("<", "< ")
    assert arrow_type(spaced) == kind
    assert arrow_type("ARRAY<INT>") == pa.list_(pa.int32())


@settings(max_examples=60, deadline=None)
@given(TYPES, st.integers(1, 200))
def test_a_name_cut_short_is_an_error_and_never_another_type(kind: pa.DataType, length: int) -> None:
    name = hive_type(kind)
    cut = name[: min(length, len(name) - 1)]
    try:
        found = arrow_type(cut)
    except TypeError:
        return
    assert hive_type(found) == cut


@pytest.mark.parametrize(
    "name", ["", "varint", "array<int", "array<int>>", "struct<a>", "struct<>", "map<int>", "decimal(10)", "array int"]
)
def test_what_is_no_type_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match="Glue type"):
        arrow_type(name)


def test_types_that_hive_has_not_are_refused() -> None:
    with pytest.raises(TypeError, match="duration"):
        hive_type(pa.duration("s"))
    with pytest.raises(TypeError, match=r"timestamp\[ms\]"):
        hive_type(pa.timestamp("ms"))
