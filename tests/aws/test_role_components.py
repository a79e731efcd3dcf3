"""The components' own code, Spark and its S3 connector with it, does all of its work with its role and nothing more."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.aws.account import BUCKET, PIPELINE, REGION, Account

pytestmark = pytest.mark.timeout(2000)
ROOT = Path(__file__).parents[2]
LONGEST_S = 600  # a busy machine with two cores takes its time


@pytest.fixture(scope="module", autouse=True)
def an_empty_lake(account: Account) -> None:
    """What the tests of single calls have left there, no component has written, and none could read."""
    s3 = account.client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for item in page.get("Contents", ()):
            s3.delete_object(Bucket=BUCKET, Key=item["Key"])


def run(account: Account, role: str, component: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A component with a role, which need not be its own."""
    taken = account.take(role, f"{PIPELINE}-{role}")
    credentials = {key.upper(): value for key, value in taken.items()}
    paths = os.pathsep.join([str(ROOT), str(ROOT / "k8s" / "aws")])
    environ = {**os.environ, **credentials, "AWS_DEFAULT_REGION": REGION, "PYTHONPATH": paths}
    command = [sys.executable, "-m", "tests.aws.component", component, account.url, *arguments]
    with subprocess.Popen(command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          start_new_session=True) as process:  # fmt: skip
        try:
            said, complained = process.communicate(timeout=LONGEST_S)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # Java outlives the Python that has started it
    return subprocess.CompletedProcess(command, process.returncode, said, complained)


def works(done: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """What the component says that it did."""
    assert done.returncode == 0, done.stderr[-3000:]
    said: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return said


def test_landing_then_transform(account: Account) -> None:
    assert works(run(account, "landing", "landing"))["batches"] > 1
    s3, glue = account.client("s3"), account.client("glue")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET, Prefix="raw/vitals/")["Contents"]]
    landed = [key for key in keys if key.endswith(".parquet")]
    assert len(landed) > 1
    assert glue.get_partitions(DatabaseName=f"{PIPELINE}_raw", TableName="vitals")["Partitions"]

    told = works(run(account, "transform", "transform"))
    assert told["runs"] == len(landed)
    assert glue.get_partitions(DatabaseName=f"{PIPELINE}_transformed", TableName="vitals_minute")["Partitions"]


@pytest.mark.parametrize("epoch", ["", "3"])
def test_alerts_keep_their_place(account: Account, epoch: str) -> None:
    works(run(account, "alerts", "alerts", epoch))
    prefix = "/".join(filter(None, ("checkpoints", epoch, "alerts/commits")))
    assert account.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix)["KeyCount"] > 1


@pytest.mark.parametrize(
    ("role", "component"), [("alerts", "landing"), ("landing", "alerts"), ("landing", "transform")]
)
def test_with_the_role_of_another_it_ends(account: Account, role: str, component: str) -> None:
    done = run(account, role, component, "9")
    assert done.returncode != 0
    assert "AccessDenied" in done.stderr or "access denied" in done.stderr.lower()
