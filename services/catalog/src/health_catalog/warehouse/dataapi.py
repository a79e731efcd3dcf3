"""Redshift's Data API: statements that are started, asked after until they have ended, and whose rows are paged.

The API answers at once and works later, so a lost answer says nothing about the statement. What is sent again carries
the same client token, by which the API knows it: the statement runs once, and its id is told once more.
https://docs.aws.amazon.com/redshift/latest/mgmt/data-api.html
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from botocore import exceptions as boto
from botocore import xform_name

from health_catalog.errors import aws_errors, error_code
from health_catalog.warehouse.engine import Stopped, WarehouseError

# A load takes seconds; one that takes longer than this waits for locks or for a warehouse that is too small.
DEADLINE_S = 900.0
# Whoever has cancelled a statement wants to know soon whether it has ended by itself after all.
_CANCEL_S = 30.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 5.0

# These say "later": too much at once, a warehouse that is waking up, or a mishap of the service's own.
_LATER = {
    "ActiveSessionsExceededException", "ActiveStatementsExceededException", "BatchExecuteStatementException",
    "ConnectionTimeoutException", "DatabaseConnectionException", "ExecuteStatementException", "InternalServerException",
    "QueryTimeoutException", "RequestLimitExceeded", "ServiceUnavailable", "Throttling", "ThrottlingException",
    "TooManyRequestsException",
}  # fmt: skip
# No answer came, so nobody knows what has become of the request.
_LOST = (boto.HTTPClientError, boto.ConnectionError)

Wait = Callable[[float], bool]


class StatementError(WarehouseError):
    """A statement has FAILED or was ABORTED: none of its transaction has happened."""


@dataclass(frozen=True)
class Target:
    """A warehouse and who one is to it: by the workgroup or the cluster, as the secret's user or as the role itself."""

    database: str
    workgroup: str = ""
    cluster: str = ""
    secret_arn: str = ""

    def arguments(self) -> dict[str, str]:
        """As the API's operations want them."""
        named = {"WorkgroupName": self.workgroup, "ClusterIdentifier": self.cluster, "SecretArn": self.secret_arn}
        return {"Database": self.database} | {name: value for name, value in named.items() if value}

    def __str__(self) -> str:
        return f"{self.workgroup or self.cluster}/{self.database}"


class DataApi:
    """Statements on one warehouse. ``client`` is boto3's; ``wait(seconds)`` says whether one is to stop.

    All methods raise CatalogError, and Stopped when the process is to end; what was started then goes on by itself.
    """

    def __init__(
        self, client: Any, target: Target, wait: Wait, deadline_s: float = DEADLINE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._client = client
        self._target = target
        self._wait = wait
        self._deadline_s = deadline_s
        self._clock = clock

    def run(self, statements: Sequence[str], token: str, parameters: Mapping[str, str] | None = None) -> str:
        """Run these as one transaction, or the one by itself, to the end; the id. StatementError when it has failed.

        The same ``token`` stands for the same statements: they run once, whoever has sent them, as long as the API
        remembers.
        """
        until = self._clock() + self._deadline_s
        given: dict[str, Any] = {**self._target.arguments(), "ClientToken": token}
        if parameters:
            given["Parameters"] = [{"name": name, "value": value} for name, value in parameters.items()]
        if len(statements) == 1:
            operation, given["Sql"] = "ExecuteStatement", statements[0]
        else:
            operation, given["Sqls"] = "BatchExecuteStatement", list(statements)
        started = str(self._call(operation, given, until)["Id"])
        self._follow(started, until)
        return started

    def rows(self, statement: str, token: str, parameters: Mapping[str, str] | None = None) -> Iterator[list[Any]]:
        """The rows of a query's result."""
        started = self.run([statement], token, parameters)
        until = self._clock() + self._deadline_s
        more: dict[str, str] = {}
        while True:
            page = self._call("GetStatementResult", {"Id": started, **more}, until)
            yield from ([_value(cell) for cell in record] for record in page["Records"])
            if not page.get("NextToken"):
                return
            more = {"NextToken": page["NextToken"]}

    def _follow(self, started: str, until: float) -> None:
        """Until it has ended; what has not by ``until`` is cancelled, if that does not come too late."""
        if self._has_ended(started, until):
            return
        with suppress(boto.ClientError, *_LOST):  # it may have ended meanwhile; the next look finds out
            self._client.cancel_statement(Id=started)
        try:
            if self._has_ended(started, self._clock() + _CANCEL_S):
                return
        except StatementError as error:
            raise WarehouseError(self._late(started)) from error
        raise WarehouseError(self._late(started) + ", and does not end")

    def _late(self, started: str) -> str:
        return f"Redshift {self._target}: statement {started} took more than {self._deadline_s:g} s and was cancelled"

    def _has_ended(self, started: str, until: float) -> bool:
        """Whether it has ended well before ``until``; StatementError when it has ended otherwise."""
        pauses = _pauses()
        while True:
            described = self._call("DescribeStatement", {"Id": started}, until)
            status = described["Status"]
            if status == "FINISHED":
                return True
            if status in ("FAILED", "ABORTED"):
                said = described.get("Error") or "no reason given"
                raise StatementError(f"Redshift {self._target}: statement {started}: {status.lower()}: {said}")
            pause = next(pauses)
            if self._clock() + pause > until:
                return False
            self._pause(pause)

    def _call(self, operation: str, given: Mapping[str, Any], until: float) -> Any:
        """The answer; asks again while the API says "later" or nothing at all, as long as there is time."""
        method = getattr(self._client, xform_name(operation))
        pauses = _pauses()
        while True:
            pause = next(pauses)
            with aws_errors(f"redshift-data:{operation}", str(self._target)):
                try:
                    return method(**given)
                except (boto.ClientError, *_LOST) as error:
                    later = not isinstance(error, boto.ClientError) or error_code(error) in _LATER
                    if not later or self._clock() + pause > until:
                        raise
            self._pause(pause)

    def _pause(self, seconds: float) -> None:
        if self._wait(seconds):
            raise Stopped


def _pauses() -> Iterator[float]:
    """Ever longer, with jitter, so that those who were refused together do not come back together."""
    pause = _FIRST_PAUSE_S
    while True:
        yield pause * random.uniform(0.75, 1.25)  # noqa: S311 (no secret)
        pause = min(pause * 1.5, _LONGEST_PAUSE_S)


def _value(cell: Mapping[str, Any]) -> Any:
    """``{"stringValue": "x"}`` -> ``"x"``."""
    return None if cell.get("isNull") else next(iter(cell.values()))
