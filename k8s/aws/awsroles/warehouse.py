"""Grants on Redshift, by way of its Data API."""

from __future__ import annotations

from awsroles.model import Grant

# Of a statement, once it runs, only whoever has started it may know: the Data API has no ARN for it.
_OWN = {"StringEquals": {"redshift-data:statement-owner-iam-userid": ("${aws:userid}",)}}


def loads() -> tuple[Grant, ...]:
    """Run statements on the pipeline's warehouse, and see what became of one's own."""
    return (
        Grant("Load", "run statements on the pipeline's warehouse, and no other",
              ("redshift-data:BatchExecuteStatement", "redshift-data:ExecuteStatement"), ("${WarehouseArn}",)),
        Grant("Follow", "see what becomes of its own statements, stop them",
              ("redshift-data:CancelStatement", "redshift-data:DescribeStatement", "redshift-data:GetStatementResult"),
              ("*",), _OWN),
        Grant("LogIn", "log in as the role itself, with no password", ("redshift-serverless:GetCredentials",),
              ("${WarehouseArn}",)),
    )  # fmt: skip
