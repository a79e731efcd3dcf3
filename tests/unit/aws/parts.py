"""The parts of a pipeline that call AWS by boto3, each driven through all that it asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from health_catalog import GlueCatalog, Partition
from health_catalog.athena import AthenaSql
from health_catalog.crawlers.aws import Aws
from health_catalog.crawlers.planning import plan
from health_catalog.crawlers.requests import Requests
from health_catalog.crawlers.things import Found, Observation, Thing, Wanted
from health_catalog.crawlers.wanted import prefix, tags, wanted
from health_catalog.errors import QueryError
from health_catalog.etl.aws import JobAws
from health_catalog.etl.packaging import Code, Program
from health_catalog.etl.wanted import wanted as wanted_job
from health_catalog.shapes import table_input
from health_catalog.storage import ensure_bucket
from health_catalog.warehouse.dataapi import DataApi, Target
from health_catalog.warehouse.engine import WarehouseError
from health_catalog.warehouse.plan import File, Load, Part
from health_catalog.warehouse.redshift import Redshift

from tests.unit.aws.recorder import Recorder
from tests.unit.health_catalog.crawler_world import ACCOUNT
from tests.unit.health_catalog.crawler_world import SETTINGS as CRAWLERS
from tests.unit.health_catalog.test_crawler_planning import MODES
from tests.unit.health_catalog.test_etl_keeper import BOTH as JOB
from tests.unit.health_catalog.test_warehouse_redshift import NAMES
from tests.unit.health_catalog.warehouse_lake import VITALS

Asked = set[tuple[str, str]]
_WAREHOUSE = Target("dev", workgroup="ward")


def _drive(kind: type, driven: Mapping[str, Callable[[], object]]) -> None:
    """All public methods of the class, and none that is not named here."""
    assert {name for name in vars(kind) if not name.startswith("_")} == driven.keys(), f"drive all of {kind.__name__}"
    for act in driven.values():
        act()


def _catalog() -> Asked:
    """The keeper of crawlers, with a crawler, a queue and a workgroup of its own there."""
    names = {"CrawlerNames": [f"{prefix(CRAWLERS)}vitals"]}
    recorder = Recorder({
        "GetCallerIdentity": {"Account": ACCOUNT.number, "Arn": f"arn:aws:sts::{ACCOUNT.number}:assumed-role/a/b"},
        "ListCrawlers": names, "ListTriggers": {"TriggerNames": [f"{prefix(CRAWLERS)}crawl-1"]},
        "ListWorkGroups": {"WorkGroups": [{"Name": "london"}]},
        "GetQueueAttributes": {"Attributes": {"ApproximateNumberOfMessages": "1"}},
    })  # fmt: skip
    clients = {service: recorder.client(service) for service in ("glue", "s3", "sqs", "athena", "sts")}
    aws, crawler = Aws(CRAWLERS, clients), names["CrawlerNames"][0]
    driven: dict[str, Callable[[], object]] = {
        "account": lambda: aws.account,
        "observe": lambda: aws.observe(wanted(MODES["athena"], ACCOUNT)),
        "carry_out": lambda: [aws.carry_out(call) for call in _planned()],
        "start": lambda: aws.start(crawler),
        "stop": lambda: aws.stop(crawler),
        "state": lambda: aws.state(crawler),
        "tables": lambda: aws.tables(crawler),
        "messages": lambda: aws.messages(crawler),
    }
    _drive(Aws, driven)
    _drive(Requests, _requests(recorder))
    return recorder.asked


def _planned() -> list[Any]:
    """Calls of all that planning can want: made, changed, stopped and removed, in each mode."""
    found = []
    for settings in MODES.values():
        want = wanted(settings, ACCOUNT)
        for there in ([], *([_by_hand(thing, state) for thing in want.things] for state in ("READY", "RUNNING"))):
            observed = Observation(tuple(there), "lake", {} if there else None)
            for each in (want, Wanted(), replace(want, told=())):
                found += plan(each, observed, tags(settings), prefix(settings)).calls
    return found


def _by_hand(thing: Thing, state: str) -> Found:
    """Something of ours that somebody has changed; of a trigger not what Glue fixes at its making."""
    kept = {key: value for key, value in thing.given.items() if key in ("Type", "WorkflowName")}
    given = {"Attributes": {}} if thing.kind == "queue" else {**kept, "Description": "by hand"}
    return Found(thing.kind, thing.name, given, tags(CRAWLERS), state, "jr_1")


def _requests(recorder: Recorder) -> dict[str, Callable[[], object]]:
    requests = Requests(CRAWLERS, recorder.client("s3"))
    return {
        "leave": lambda: requests.leave("vitals"),
        "waiting": requests.waiting,
        "forget": lambda: requests.forget(["checkpoints/crawl-requests/vitals/1"]),
    }


def _etl() -> Asked:
    """The keeper of the Glue jobs."""
    recorder = Recorder({"GetJobRuns": {"JobRuns": [{"Id": "jr_1", "JobRunState": "RUNNING"}]}})
    aws = JobAws(JOB, {service: recorder.client(service) for service in ("glue", "s3", "sts")})
    aws.account = ACCOUNT
    program = Program(Code("a.zip", b""), Code("a.py", b""), Code("a.txt", b""))
    want = wanted_job(JOB, program, program)
    drive = {
        "observe": lambda: aws.observe(want),
        "put": lambda: aws.put(Code("a.zip", b"zip")),
        "runs": lambda: aws.runs("london-transform"),
        "start_run": aws.start_run,
    }
    _drive(JobAws, drive)
    for state in ("", "RUNNING"):
        there = Observation(tuple(_by_hand(thing, state) for thing in want.things), "lake")
        for each, observed in ((want, Observation((), "lake")), (want, there), (Wanted(), there)):
            for call in plan(each, observed, tags(JOB), JOB.pipeline).calls:
                aws.carry_out(call)
    return recorder.asked


def _warehouse() -> Asked:
    """The loader of Redshift: what it loads from, its manifests, statements that end well and one that does not end."""
    rows = {"Records": [], "NextToken": ""}
    recorder = Recorder({"GetStatementResult": rows, "DescribeStatement": {"Status": "FINISHED"}})
    client = recorder.client("redshift-data")
    api = DataApi(client, Target("dev", workgroup="ward"), lambda _: False)
    redshift = Redshift(api, recorder.client("s3"), NAMES)
    part = Part(
        Partition(("2026-11-22", "10"), "s3://lake/x"), "", (File("s3://lake/x/a.parquet", 1, 1, ("event_id",)),)
    )
    _drive(Redshift, {
        "held": redshift.held,
        "prepare": lambda: redshift.prepare([VITALS]),
        "ledger": redshift.ledger,
        "load": lambda: redshift.load(Load(VITALS, (part,))),
    })  # fmt: skip
    endless = Recorder({"DescribeStatement": {"Status": "STARTED"}})
    with pytest.raises(WarehouseError, match="was cancelled"):
        DataApi(endless.client("redshift-data"), Target("dev", workgroup="ward"), lambda _: False, 0.0,
                iter(range(0, 10**6, 100)).__next__).run(["SELECT 1"], "t1")  # fmt: skip
    catalog = GlueCatalog(CRAWLERS, recorder.client("glue"))
    for ask in (lambda: catalog.tables("transformed"), lambda: catalog.partitions(VITALS),
                lambda: catalog.some_partitions(VITALS, [("2026-11-22", "10")])):  # fmt: skip
        ask()
    return recorder.asked | endless.asked


def _query() -> Asked:
    """Somebody who asks Athena, and somebody who asks too much."""
    done = {"Status": {"State": "SUCCEEDED"}}
    recorder = Recorder({"GetQueryExecution": {"QueryExecution": done}})
    _drive(AthenaSql, {"query": lambda: AthenaSql(CRAWLERS, "london", recorder.client("athena")).query("SELECT 1")})
    endless = Recorder({"GetQueryExecution": {"QueryExecution": {"Status": {"State": "RUNNING"}}}})
    with pytest.raises(QueryError, match="was cancelled"):
        AthenaSql(CRAWLERS, "london", endless.client("athena"), 0.0).query("SELECT 1")
    return recorder.asked | endless.asked


def _registers() -> Asked:
    """Whoever writes into a zone: a table that is there, that is not, that grows; hours that are new and that move."""
    older = replace(VITALS, schema=VITALS.schema.remove(3))
    there = {**table_input(older, CRAWLERS.table_uri("transformed", "vitals"), 0), "VersionId": "1"}
    moved = {"Values": ["2026-11-22", "10"], "StorageDescriptor": {"Location": "s3://lake/y"}}
    recorder = Recorder({"GetTable": {"Table": there}, "BatchGetPartition": {"Partitions": [moved]}})
    catalog = GlueCatalog(CRAWLERS, recorder.client("glue"))
    catalog.ensure_database("transformed")
    catalog.ensure_table(VITALS)
    catalog.put_partitions(VITALS, [Partition(("2026-11-22", hour), "s3://lake/x") for hour in ("09", "10")])
    bare = Recorder({}, lacks={"GetTable"})
    GlueCatalog(CRAWLERS, bare.client("glue")).ensure_table(VITALS)
    return recorder.asked | bare.asked


def _landing() -> Asked:
    """The raw zone's writer."""
    recorder = Recorder({})
    ensure_bucket(CRAWLERS, recorder.client("s3"))
    Requests(CRAWLERS, recorder.client("s3")).leave("vitals")
    return recorder.asked | _registers()


PARTS: Mapping[str, Callable[[], Asked]] = {
    "catalog": _catalog, "etl": _etl, "warehouse": _warehouse, "query": _query, "landing": _landing,
    "transform": _registers, "glue-job": _registers, "glue-load": _warehouse,
}  # fmt: skip
