"""Who may take a role, and who may not: pods by their service account, services by themselves."""

from __future__ import annotations

from typing import Any

import pytest
from awsroles.model import Accounts, Role, Services
from awsroles.table import ROLES
from botocore.exceptions import ClientError

from tests.aws.account import NAMESPACE, PIPELINE, Account, is_denied

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


def test_people_of_the_account_take_the_role_for_queries(account: Account) -> None:
    taken = account.client("sts", account.user).assume_role(RoleArn=account.arn("query"), RoleSessionName="somebody")
    assert taken["AssumedRoleUser"]["Arn"].endswith(f"assumed-role/{PIPELINE}-query/somebody")
