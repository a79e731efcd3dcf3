"""Every call that the code makes by boto3 is granted to the role that it runs with.

Each part is driven through all that it asks of AWS, with clients that write it down (``parts``). That nothing is left
out is held against the sources: an operation that they name and that was not seen fails a test, and so does one that
was seen and is not granted. What Spark and Arrow ask of S3 goes by other clients: ``tests/aws/calls.py`` lists that.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import health_catalog
import pytest
from awsroles.table import ROLES
from health_catalog.clients import Service

from tests.unit.aws.parts import PARTS, Asked
from tests.unit.aws.recorder import operations

# As IAM calls them, where that is not what the operation is called; no right at all is asked for one of them.
_CALLED = {
    ("s3", "DeleteObjects"): "s3:DeleteObject",
    ("s3", "GetBucketNotificationConfiguration"): "s3:GetBucketNotification",
    ("s3", "HeadBucket"): "s3:ListBucket",
    ("s3", "HeadObject"): "s3:GetObject",
    ("s3", "ListObjectsV2"): "s3:ListBucket",
    ("s3", "PutBucketNotificationConfiguration"): "s3:PutBucketNotification",
    ("sts", "GetCallerIdentity"): "",
}
# A stack makes the bucket in AWS; and our own create_schema is a statement of SQL.
_NEVER_ASKED = {"CreateBucket", "CreateSchema"}
_SERVICES: tuple[str, ...] = get_args(Service)


@cache
def _asked(part: str) -> Asked:
    return PARTS[part]()


@pytest.mark.parametrize("part", PARTS)
def test_whatever_a_part_asks_is_granted_to_its_role(part: str) -> None:
    (role,) = (role for role in ROLES if role.name == part)
    granted = {action for grant in role.grants for action in grant.actions} | {""}
    wanted = {_CALLED.get(each, ":".join(each)) for each in _asked(part)}
    assert wanted - granted == set()


def test_no_operation_that_the_sources_name_was_left_out() -> None:
    seen = {operation for part in PARTS for _, operation in _asked(part)}
    assert set(_named()) - seen == _NEVER_ASKED


def _named() -> Iterator[str]:
    """Operations of AWS that the sources name, as boto3 calls them or as AWS does; the words of SQL are others."""
    known = {service: operations(service) for service in _SERVICES}
    by_either = {name: full for each in known.values() for short, full in each.items() for name in (short, full)}
    for path in Path(health_catalog.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            name = (
                node.attr if isinstance(node, ast.Attribute) else node.value if isinstance(node, ast.Constant) else ""
            )
            if isinstance(name, str) and name in by_either:
                yield by_either[name]
