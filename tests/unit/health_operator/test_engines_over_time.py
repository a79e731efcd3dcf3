"""Spark and Glue never work on one lake at the same time, whatever is edited, ends or is slow meanwhile.

The operator's own decisions run against a cluster that is played: a keeper makes the job while its pod lives, what is
deleted whole goes when somebody collects it, a removal takes as long as it takes.
"""

from __future__ import annotations

from typing import Any

from health_operator.engines import waiting, whole
from health_operator.kinds import DEPLOYMENTS, JOBS, SCHEDULED_SPARK_APPLICATIONS, SPARK_APPLICATIONS, kind_of
from health_operator.leftovers import remembered, to_remove
from health_operator.manifests import Owner, desired
from health_operator.naming import COMPONENT_LABEL
from health_operator.plan import Key, plan
from health_operator.state import State
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.unit.health_operator.manifests.examples import DEVELOPMENT, pipeline_of

JOB = {"engine": "glue", "glue": {"roleArn": "arn:aws:iam::123456789012:role/london-glue-job"}}
SPECS = {
    (engine, suspend): pipeline_of("minimal", transform=JOB if engine == "glue" else {}, suspend=suspend)
    for engine in ("spark", "glue")
    for suspend in (False, True)
}
NAME = SPECS["spark", False].name
OWNER = Owner("health-streaming.com/v1alpha1", "HealthPipeline", NAME, "uid")
KEEPER, SCHEDULE = (DEPLOYMENTS, f"{NAME}-transform"), (SCHEDULED_SPARK_APPLICATIONS, f"{NAME}-transform")
RUN = (SPARK_APPLICATIONS, f"{NAME}-transform-1700000000000000000")
_OF_TRANSFORM = ("transform", "transform-removal")


class Cluster(RuleBasedStateMachine):
    """``job``: the Glue job is in AWS."""

    @initialize(engine=st.sampled_from(["spark", "glue"]))
    def begin(self, engine: str) -> None:
        self.engine, self.suspend, self.job = engine, False, False
        self.state, self.children = State(), dict[Key, Any]()
        self.look()

    @rule(engine=st.sampled_from(["spark", "glue"]), suspend=st.booleans())
    def edit(self, engine: str, suspend: bool) -> None:
        self.engine, self.suspend = engine, suspend

    @rule()
    def look(self) -> None:
        pipeline = SPECS[self.engine, self.suspend]
        self.state = state = State.from_data(remembered(pipeline, self.children, self.state).to_data())
        made = desired(
            pipeline, DEVELOPMENT, OWNER, in_aws=state.in_aws, removes=to_remove(pipeline, self.children, state),
            waits=frozenset(work.component for work in waiting(pipeline, self.children, state)),
        )  # fmt: skip
        ours = [each for each in made if each["metadata"]["labels"][COMPONENT_LABEL] in _OF_TRANSFORM]
        runs = [each for each in ours if kind_of(each) in (DEPLOYMENTS, JOBS, SCHEDULED_SPARK_APPLICATIONS)]
        todo = plan(runs, self.children, "uid")
        for apply in todo.applies:
            live = apply.manifest | {"metadata": {**apply.manifest["metadata"], "uid": apply.name}}
            self.children.setdefault((apply.kind, apply.name), live)
        for delete in whole(NAME, todo.deletes):
            key = (delete.kind, delete.name)
            if delete.whole:
                self.children[key]["metadata"]["deletionTimestamp"] = "T"
            else:
                del self.children[key]

    @rule()
    def collect(self) -> None:
        """The garbage collector, at last: the pods are gone."""
        going = {key for key in (KEEPER, SCHEDULE) if self._goes(key)}
        gone = going | ({RUN} if SCHEDULE in going else set())
        self.children = {key: live for key, live in self.children.items() if key not in gone}

    @rule()
    def pods_work(self) -> None:
        """A keeper makes its job also while it is being deleted; a schedule starts a run that is due."""
        self.job |= KEEPER in self.children
        if SCHEDULE in self.children and not self._goes(SCHEDULE):
            labels = self.children[SCHEDULE]["metadata"]["labels"]
            owner = {"kind": "ScheduledSparkApplication", "name": SCHEDULE[1], "uid": SCHEDULE[1]}
            self.children[RUN] = {"metadata": {"name": RUN[1], "labels": labels, "ownerReferences": [owner]}}

    @rule()
    def removal_ends(self) -> None:
        for key, live in self.children.items():
            if key[0] is JOBS:
                self.job = False
                self.children[key] = live | {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}

    @invariant()
    def never_both(self) -> None:
        by_glue = self.job or KEEPER in self.children
        assert not (by_glue and {SCHEDULE, RUN} & self.children.keys())

    @invariant()
    def a_job_is_on_record(self) -> None:
        assert not self.job or "transform" in self.state.in_aws

    def teardown(self) -> None:
        """Left alone, it comes to what the spec says."""
        if not hasattr(self, "state"):
            return
        for _ in range(6):
            self.look()
            self.collect()
            self.removal_ends()
        self.look()
        self.pods_work()
        wants_glue, wants_spark = (self.engine == each and not self.suspend for each in ("glue", "spark"))
        assert (KEEPER in self.children, SCHEDULE in self.children) == (wants_glue, wants_spark)
        assert self.job == wants_glue

    def _goes(self, key: Key) -> bool:
        return key in self.children and "deletionTimestamp" in self.children[key]["metadata"]


TestCluster = Cluster.TestCase
TestCluster.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
