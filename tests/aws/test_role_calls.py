"""What each role may do and may not: real calls where the endpoint enforces, its simulation and evaluator elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from awsroles.documents import filled, policy
from awsroles.table import ROLES
from botocore.exceptions import ClientError

from tests.aws.account import ACCOUNT, BUCKET, PIPELINE, REGION, Account, evaluated, is_denied
from tests.aws.calls import ASKED_MAY, ASKED_MAY_NOT, MAY, MAY_NOT, NEVER, Call, Question

pytestmark = pytest.mark.timeout(900)
BY_NAME = {role.name: role for role in ROLES}
NAMES = list(BY_NAME)


def denied(account: Account, credentials: dict[str, str], call: Call) -> bool:
    """Whether the endpoint refuses it for want of a right; whatever else it says comes after that."""
    service, operation, arguments = call
    try:
        answer = getattr(account.client(service, credentials), operation)(**arguments)
    except ClientError as error:
        return is_denied(error)
    # A batch of deletes is answered for each key.
    return operation == "delete_objects" and any(error["Code"] == "AccessDenied" for error in answer.get("Errors", []))


def test_every_role_has_its_lists() -> None:
    assert MAY.keys() == MAY_NOT.keys() == BY_NAME.keys()


@pytest.fixture(scope="session")
def nobody(account: Account) -> dict[str, str]:
    """Somebody of the account who may only take roles."""
    return account.user


@pytest.mark.parametrize("name", NAMES)
def test_what_it_does_is_allowed(account: Account, name: str) -> None:
    taken = account.stand_in(BY_NAME[name])
    assert [call for call in MAY[name] if denied(account, taken, call)] == []


@pytest.mark.parametrize("name", NAMES)
def test_and_it_is_its_policy_that_allows_it(account: Account, name: str, nobody: dict[str, str]) -> None:
    assert [call for call in MAY[name] if not denied(account, nobody, call)] == []


@pytest.mark.parametrize("name", NAMES)
def test_what_it_must_not_do_is_denied(account: Account, name: str) -> None:
    taken = account.stand_in(BY_NAME[name])
    assert [call for call in (*MAY_NOT[name], *NEVER) if not denied(account, taken, call)] == []


@pytest.mark.parametrize("name", ASKED_MAY)
def test_the_simulation_allows(account: Account, name: str) -> None:
    assert [each for each in ASKED_MAY[name] if _simulated(account, name, each) != "allowed"] == []


@pytest.mark.parametrize("name", ASKED_MAY_NOT)
def test_the_simulation_denies(account: Account, name: str) -> None:
    assert [each for each in ASKED_MAY_NOT[name] if _simulated(account, name, each) == "allowed"] == []


_VIA = {"kms:ViaService": f"s3.{REGION}.amazonaws.com", "kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{BUCKET}"}


@pytest.mark.parametrize("name", NAMES)
def test_the_key_is_for_s3_and_the_lake_only(account: Account, name: str) -> None:
    key, wrong_key = account.values["KeyArn"], f"arn:aws:kms:{REGION}:{ACCOUNT}:key/other"
    reads = {
        "lake": (key, _VIA), "object": (key, {**_VIA, "kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{BUCKET}/a"}),
        "other bucket": (key, {**_VIA, "kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::somebody-elses"}),
        "other service": (key, {**_VIA, "kms:ViaService": f"glue.{REGION}.amazonaws.com"}),
        "directly": (key, {}), "other key": (wrong_key, _VIA),
    }  # fmt: skip
    said = _evaluated(account, name, [("kms:Decrypt", *given) for given in reads.values()])
    assert [what for what, answer in zip(reads, said, strict=True) if answer == "Allow"] == ["lake", "object"]
    (writes,) = _evaluated(account, name, [("kms:GenerateDataKey", key, _VIA)])
    assert (writes == "Allow") == (name not in ("glue-crawler", "redshift"))


@pytest.mark.parametrize(
    ("name", "question", "allowed"),
    [
        ("etl", ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/{PIPELINE}-glue-job",
         {"iam:PassedToService": "glue.amazonaws.com"}), True),
        ("etl", ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/{PIPELINE}-glue-load",
         {"iam:PassedToService": "glue.amazonaws.com"}), True),
        ("etl", ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/{PIPELINE}-glue-crawler",
         {"iam:PassedToService": "glue.amazonaws.com"}), False),
        ("catalog", ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/{PIPELINE}-glue-crawler",
         {"iam:PassedToService": "glue.amazonaws.com"}), True),
        ("catalog", ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/{PIPELINE}-glue-job",
         {"iam:PassedToService": "glue.amazonaws.com"}), False),
        ("etl", ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/{PIPELINE}-glue-job",
         {"iam:PassedToService": "ec2.amazonaws.com"}), False),
        ("catalog", ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/admin",
         {"iam:PassedToService": "glue.amazonaws.com"}), False),
        ("warehouse", ("redshift-data:GetStatementResult", "*",
         {"aws:userid": "AROA:pod", "redshift-data:statement-owner-iam-userid": "AROA:pod"}), True),
        ("warehouse", ("redshift-data:GetStatementResult", "*",
         {"aws:userid": "AROA:pod", "redshift-data:statement-owner-iam-userid": "AIDA"}), False),
        ("glue-job", ("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "Glue"}), True),
        ("glue-job", ("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "AWS/Billing"}), False),
        ("landing", ("s3:ListBucket", f"arn:aws:s3:::{BUCKET}", {"s3:prefix": "checkpoints/landing/"}), True),
        ("landing", ("s3:ListBucket", f"arn:aws:s3:::{BUCKET}", {"s3:prefix": "raw/"}), False),
        ("landing", ("s3:ListBucket", f"arn:aws:s3:::{BUCKET}", {"s3:prefix": "transformed/vitals/"}), False),
    ],
)  # fmt: skip
def test_what_hangs_on_keys_of_a_request(
    account: Account, name: str, question: tuple[str, str, dict[str, str]], allowed: bool
) -> None:
    (said,) = _evaluated(account, name, [question])
    assert (said == "Allow") == allowed


def _simulated(account: Account, name: str, question: Question) -> str:
    action, resource = question
    answer = account.client("iam").simulate_principal_policy(
        PolicySourceArn=account.arn(name), ActionNames=[action], ResourceArns=[resource]
    )
    decision: str = answer["EvaluationResults"][0]["EvalDecision"]
    return decision


def _evaluated(account: Account, name: str, asked: list[tuple[str, str, dict[str, str]]]) -> list[str]:
    document: dict[str, Any] = filled(policy(BY_NAME[name].grants), account.values)
    return evaluated(
        {"policy": document, "action": action, "resource": resource, "context": context}
        for action, resource, context in asked
    )
