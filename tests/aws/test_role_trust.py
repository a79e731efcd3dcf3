"""Who may take a role, and who may not: pods by their service account, services by themselves."""

from __future__ import annotations

from typing import Any

import pytest
from awsroles.documents import filled, trust
from awsroles.model import Accounts, Role, Services
from awsroles.table import ROLES
from botocore.exceptions import ClientError

from tests.aws.account import ACCOUNT, NAMESPACE, PIPELINE, REGION, Account, evaluated, is_denied

pytestmark = pytest.mark.timeout(900)
PODS = [(role, name) for role in ROLES if isinstance(role.trusts, Accounts) for name in role.trusts.names]


@pytest.mark.parametrize(("role", "name"), PODS, ids=lambda value: getattr(value, "name", value))
def test_a_pod_takes_the_role_of_its_own_service_account(account: Account, role: Role, name: str) -> None:
    taken = account.take(role.name, f"{PIPELINE}-{name}")
    who = account.client("sts", taken).get_caller_identity()["Arn"]
    assert who.split(":")[5] == f"assumed-role/{PIPELINE}-{role.name}/pod"


@pytest.mark.parametrize(
    "role", [role for role in ROLES if isinstance(role.trusts, Accounts)], ids=lambda role: role.name
)
@pytest.mark.parametrize(
    "wrong",
    [
        {"namespace": "default"},
        {"namespace": f"{NAMESPACE}-2"},
        {"audience": "kubernetes.default.svc"},
        {"issuer": "oidc.eks.eu-west-2.amazonaws.com/id/FEDCBA9876543210"},
        {"service_account": "paris-{name}"},
        {"service_account": "london-dispatch"},
        {"service_account": "london-{name}-other"},
        {"service_account": "default"},
    ],
    ids=str,
)
def test_no_other_pod_does(account: Account, role: Role, wrong: dict[str, Any]) -> None:
    assert isinstance(role.trusts, Accounts)
    name = role.trusts.names[0]
    given = {"service_account": f"{PIPELINE}-{name}", **{key: value.format(name=name) for key, value in wrong.items()}}
    with pytest.raises(ClientError) as caught:
        account.take(role.name, **given)
    assert is_denied(caught.value)


@pytest.mark.parametrize(
    "role", [role for role in ROLES if isinstance(role.trusts, Accounts)], ids=lambda role: role.name
)
def test_no_pod_takes_the_role_of_another_stage(account: Account, role: Role) -> None:
    assert isinstance(role.trusts, Accounts)
    for name in {name for _, name in PODS if name not in role.trusts.names}:
        with pytest.raises(ClientError) as caught:
            account.take(role.name, f"{PIPELINE}-{name}")
        assert is_denied(caught.value)


@pytest.mark.parametrize("role", [role for role in ROLES if isinstance(role.trusts, Accounts | Services)],
                         ids=lambda role: role.name)  # fmt: skip
def test_nobody_of_the_account_takes_what_is_for_pods_and_services(account: Account, role: Role) -> None:
    with pytest.raises(ClientError) as caught:
        account.client("sts", account.user).assume_role(RoleArn=account.arn(role.name), RoleSessionName="somebody")
    assert is_denied(caught.value)


_USER = f"arn:aws:redshift:{REGION}:{{}}:dbuser:{{}}/IAMR:london-warehouse"
_SERVERLESS = f"serverless-{ACCOUNT}-0f1e"
_WAREHOUSES = ("redshift.amazonaws.com", "redshift-serverless.amazonaws.com")
_OURS, _OTHERS = {"aws:SourceAccount": ACCOUNT}, {"aws:SourceAccount": "210987654321"}
# Whoever asks, with what keys of the request, and whether the role is taken.
_ASKED: dict[str, list[tuple[str, dict[str, str], bool]]] = {
    "redshift": [
        *((service, {"sts:ExternalId": _USER.format(ACCOUNT, _SERVERLESS)}, True) for service in _WAREHOUSES),
        *((service, {"sts:ExternalId": _USER.format(ACCOUNT, "a-cluster")}, True) for service in _WAREHOUSES),
        *((service, {"sts:ExternalId": _USER.format("210987654321", _SERVERLESS)}, False) for service in _WAREHOUSES),
        *((service, {}, False) for service in _WAREHOUSES),
        ("glue.amazonaws.com", {"sts:ExternalId": _USER.format(ACCOUNT, _SERVERLESS)}, False),
    ],
    **{
        name: [
            ("glue.amazonaws.com", {}, True),
            ("glue.amazonaws.com", _OURS, True),
            ("glue.amazonaws.com", _OURS | {"aws:SourceArn": f"arn:aws:glue:{REGION}:{ACCOUNT}:crawler/a"}, True),
            ("glue.amazonaws.com", _OTHERS, False),
            ("lambda.amazonaws.com", _OURS, False),
            ("redshift.amazonaws.com", _OURS, False),
        ]
        for name in ("glue-crawler", "glue-job", "glue-load")
    },
}


@pytest.mark.parametrize("role", [role for role in ROLES if isinstance(role.trusts, Services)],
                         ids=lambda role: role.name)  # fmt: skip
def test_a_service_takes_the_role_for_this_account_as_aws_documents_its_requests(account: Account, role: Role) -> None:
    """Of Redshift AWS documents the external id; of Glue no key at all."""
    asked = _ASKED[role.name]
    document = filled(trust(role), account.values)
    said = evaluated(
        {"policy": document, "service": service, "action": "sts:AssumeRole", "resource": account.arn(role.name),
         "context": context}
        for service, context, _ in asked
    )  # fmt: skip
    assert [answer == "Allow" for answer in said] == [allowed for *_, allowed in asked]
    assert isinstance(role.trusts, Services)
    assert {service for service, _, allowed in asked if allowed} == set(role.trusts.names)


def test_people_of_the_account_take_the_role_for_queries(account: Account) -> None:
    taken = account.client("sts", account.user).assume_role(RoleArn=account.arn("query"), RoleSessionName="somebody")
    assert taken["AssumedRoleUser"]["Arn"].endswith(f"assumed-role/{PIPELINE}-query/somebody")
