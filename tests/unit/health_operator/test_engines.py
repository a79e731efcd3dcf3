"""Spark and Glue wait for each other, and for all of each other."""

from __future__ import annotations

from typing import Any

import pytest
from health_operator.engines import waiting, whole
from health_operator.kinds import DEPLOYMENTS, SCHEDULED_SPARK_APPLICATIONS, SPARK_APPLICATIONS, Kind
from health_operator.naming import labels
from health_operator.plan import Delete, Key
from health_operator.state import State
from health_operator.workloads import State as Doing
from health_pipeline import HealthPipeline
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.health_operator.manifests.examples import pipeline_of

JOB = {"engine": "glue", "glue": {"roleArn": "arn:aws:iam::123456789012:role/london-glue-job"}}
GLUE, SPARK = pipeline_of("everything", transform=JOB), pipeline_of("everything", transform={})
MADE = State(in_aws={"catalog": "", "transform": ""})
RUN = "london-transform-1700000000000000000"


def there(kind: Kind, name: str, component: str = "transform") -> dict[Key, Any]:
    return {(kind, name): {"metadata": {"name": name, "labels": labels("london", component)}}}


def why(pipeline: HealthPipeline, children: dict[Key, Any], state: State) -> str:
    found = waiting(pipeline, children, state)
    assert all((work.component, work.state) == ("transform", Doing.WAITING) for work in found)
    return " ".join(work.why for work in found)


@pytest.mark.parametrize(
    ("children", "told"),
    [
        (there(SCHEDULED_SPARK_APPLICATIONS, "london-transform"), "ScheduledSparkApplication london-transform"),
        (there(SPARK_APPLICATIONS, RUN), f"SparkApplication {RUN}"),
        (there(SPARK_APPLICATIONS, "london-landing", "landing"), ""),
        (there(DEPLOYMENTS, "london-transform"), ""),
        ({}, ""),
    ],
)
def test_glue_waits_for_the_schedule_and_for_its_last_run(children: dict[Key, Any], told: str) -> None:
    assert why(GLUE, children, MADE).endswith(told)
    assert bool(waiting(GLUE, children, MADE)) == bool(told)


def test_spark_waits_until_the_job_is_on_record_no_more() -> None:
    assert "Glue job" in why(SPARK, {}, MADE)
    assert "Glue job" in why(SPARK, there(DEPLOYMENTS, "london-transform"), State())
    assert not waiting(SPARK, {}, State(in_aws={"catalog": ""}))
    assert not waiting(SPARK, there(SCHEDULED_SPARK_APPLICATIONS, "london-transform"), State())


def test_who_is_suspended_waits_for_nothing() -> None:
    assert not waiting(pipeline_of("everything", suspend=True), {}, MADE)


@given(st.sets(st.sampled_from([(SCHEDULED_SPARK_APPLICATIONS, "london-transform"), (SPARK_APPLICATIONS, RUN),
                                (DEPLOYMENTS, "london-transform")])), st.booleans())  # fmt: skip
def test_never_both(keys: set[Key], is_made: bool) -> None:
    """Whatever is left of one engine, the other is not made."""
    children = {key: live for kind, name in keys for key, live in there(kind, name).items()}
    state = MADE if is_made else State()
    of_glue = is_made or (DEPLOYMENTS, "london-transform") in keys
    of_spark = any(kind is not DEPLOYMENTS for kind, _ in keys)
    assert bool(waiting(SPARK, children, state)) == of_glue
    assert bool(waiting(GLUE, children, state)) == of_spark


def test_nothing_is_left_of_what_another_waits_for() -> None:
    deletes = [Delete(SCHEDULED_SPARK_APPLICATIONS, "london-transform", "1"), Delete(DEPLOYMENTS, "london-lag", "2"),
               Delete(DEPLOYMENTS, "london-transform", "3"), Delete(DEPLOYMENTS, "london-catalog", "4")]  # fmt: skip
    found = whole("london", deletes)
    assert [each.whole for each in found] == [True, False, True, True]
    assert [each.quiet for each in found] == [{"spec": {"suspend": True}}, None, None, None]
