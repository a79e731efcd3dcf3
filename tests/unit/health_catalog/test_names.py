"""What a pipeline's things are called."""

from __future__ import annotations

from health_catalog import names
from health_pipeline.reader import NAME_PATTERN
from hypothesis import example, given
from hypothesis import strategies as st

_DATABASES = st.from_regex(r"\A[a-z0-9_]{1,12}\Z")


@given(_DATABASES, st.integers(min_value=1, max_value=12))
def test_a_workflows_triggers_are_known_by_their_names(database: str, number: int) -> None:
    assert names.is_trigger(database, names.trigger(database, number))
    assert not names.is_trigger(f"{database}_1", names.trigger(database, number))


@given(_DATABASES, st.from_regex(rf"\A{NAME_PATTERN}\Z"))
@example("london", "health-london")  # one and the same pipeline may be called so
@example("london", "health-london-crawl")
@example("1", "health-1-crawl-1")
def test_the_trigger_of_a_job_is_none_of_them(database: str, pipeline: str) -> None:
    assert not any(names.is_trigger(database, name) for name in (names.job(pipeline), names.load(pipeline)))
