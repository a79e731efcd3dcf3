"""What each service account may do, as the API server itself lists it (``kubectl auth can-i --list``): all of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from health_operator.settings import Platform

from tests.kubernetes.apiserver import ApiServer
from tests.kubernetes.charts.helm import Helm
from tests.kubernetes.test_operator_rights import GRANTED
from tests.unit.health_operator.manifests.examples import built, in_namespace, pipeline_of

GIVEN = ("ServiceAccount", "RoleBinding")
TEAM = "rights"  # a namespace of its own, for its name is in the golden files
Golden = Callable[[str, str], None]


@pytest.fixture(scope="module")
def team(kube: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A namespace with all that the operator's chart and the builders grant in it."""
    kube.kubectl("create", "namespace", TEAM)
    chart = Helm(tmp_path_factory.mktemp("helm")).template("health-operator", {"watchNamespaces": [TEAM]}, TEAM)
    kube.apply(*(item for item in chart if item["kind"] in GRANTED))
    for example in ("everything", "strimzi"):
        manifests = built(in_namespace(pipeline_of(example), TEAM), Platform())
        # Nobody owns them here, for there is no pipeline.
        for item in (each for each in manifests if each["kind"] in GIVEN):
            kube.apply({**item, "metadata": {**item["metadata"], "ownerReferences": []}})
    return TEAM


def test_what_service_accounts_may_do(kube: ApiServer, team: str, golden: Golden) -> None:
    found = kube.kubectl("get", "serviceaccounts", "-n", team, "-o", "jsonpath={.items[*].metadata.name}").split()
    rights: dict[str, list[str]] = {}
    for account in sorted(found):
        rights.setdefault(_listed(kube, account, team), []).append(account)
    text = "\n".join(f"{' '.join(accounts)}\n{listed}" for listed, accounts in rights.items())
    golden("rights/service_accounts.txt", text)


def test_a_driver_may_do_nothing_next_door(kube: ApiServer, team: str) -> None:
    """What a component's account may do ends with its namespace, and no component may read a Secret anywhere."""
    elsewhere, here = ("-n", "default"), ("-n", team)
    refused = [
        ("get", "pods", *elsewhere), ("get", "secrets", *elsewhere), ("get", "secrets", *here),
        ("create", "rolebindings", *elsewhere), ("get", "nodes"),
    ]  # fmt: skip
    for account in ("london-landing", "london-landing-executor", "london-dispatch", "health-operator"):
        who = f"--as=system:serviceaccount:{team}:{account}"
        for what in refused:
            asked = kube.try_kubectl(who, "auth", "can-i", *what)
            assert asked.stdout.strip() == "no", (account, what)


def _listed(kube: ApiServer, account: str, namespace: str) -> str:
    """The table, its lines sorted and its columns one blank apart; what everybody may is in it as well."""
    who = f"--as=system:serviceaccount:{namespace}:{account}"
    table = kube.kubectl(who, "auth", "can-i", "--list", "--no-headers", "-n", namespace)
    return "".join(f"  {line}\n" for line in sorted(" ".join(line.split()) for line in table.splitlines()))
