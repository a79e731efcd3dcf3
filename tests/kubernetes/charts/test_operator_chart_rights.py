"""What the operator may do on a real API server, and that it may do nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest
from health_operator.kinds import CHILDREN
from health_operator.naming import SPARK_DRIVER_ROLE
from healthctl.embedded.waiting import wait_until

from tests.kubernetes.apiserver import ApiServer
from tests.kubernetes.charts.helm import CHARTS, Helm

CHART = CHARTS / "health-operator"
KNOWN_WITHIN_S = 30
DRIVER = f"--clusterrole={SPARK_DRIVER_ROLE}"

_CHILD = ("get", "list", "watch", "create", "patch", "delete")
# group/resource[/subresource]: verbs, in a namespace that it looks after.
RIGHTS = {
    "health-streaming.com/healthpipelines": ("get", "list", "watch", "patch"),
    "health-streaming.com/healthpipelines/status": ("patch",),
    "health-streaming.com/healthpipelines/finalizers": ("update",),
    "/events": ("get", "create", "patch"),
    "/namespaces": ("get",),
    **{f"{kind.api_version.rpartition('/')[0]}/{kind.plural}": _CHILD for kind in CHILDREN},
}
VERBS = (*_CHILD, "update", "deletecollection", "bind", "escalate", "impersonate", "approve", "sign", "use", "*")
# These are what an attacker would try first, whether the server of the tests has them or not.
COVETED = ("/secrets", "/pods", "/pods/exec", "/pods/log", "/pods/portforward", "/pods/ephemeralcontainers", "/nodes",
           "/nodes/proxy", "/serviceaccounts/token", "/users", "/persistentvolumes", "apps/deployments/scale",
           "rbac.authorization.k8s.io/roles", "rbac.authorization.k8s.io/clusterroles",
           "rbac.authorization.k8s.io/clusterrolebindings", "apiextensions.k8s.io/customresourcedefinitions",
           "admissionregistration.k8s.io/mutatingwebhookconfigurations", "coordination.k8s.io/leases",
           "certificates.k8s.io/certificatesigningrequests", "*/*")  # fmt: skip


@dataclass(frozen=True)
class Account:
    """The operator's service account, asked of the API server what it may do."""

    kube: ApiServer
    client: httpx.Client
    user: str

    def may(self, verb: str, what: str, namespace: str = "", name: str = "") -> bool:
        """``what`` is group/resource[/subresource]; without a namespace: in all of them."""
        group, resource, *sub = what.split("/")
        attributes = {
            "verb": verb, "group": group, "resource": resource, "subresource": "/".join(sub), "namespace": namespace,
            "name": name,
        }  # fmt: skip
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
                  "spec": {"user": self.user, "resourceAttributes": attributes}}  # fmt: skip
        answer = self.client.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", json=review)
        return bool(answer.raise_for_status().json()["status"]["allowed"])

    def rights(self, resources: Iterable[str], namespace: str = "") -> set[tuple[str, str]]:
        """(resource, verb) of all that it may do with these."""
        questions = list(itertools.product(resources, VERBS))
        with ThreadPoolExecutor(8) as pool:
            answers = pool.map(lambda question: self.may(question[1], question[0], namespace), questions)
            return {question for question, allowed in zip(questions, answers, strict=True) if allowed}

    def try_kubectl(self, *arguments: str) -> str:
        """What kubectl says to the account."""
        done = self.kube.try_kubectl(f"--as={self.user}", *arguments)
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def home(kube: ApiServer) -> str:
    """The namespace of the operator."""
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "operator-home"}})
    return "operator-home"


@pytest.fixture(scope="module")
def teams(kube: ApiServer) -> tuple[str, str]:
    """Namespaces with pipelines."""
    for name in ("team-a", "team-b"):
        kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return ("team-a", "team-b")


@pytest.fixture(scope="module")
def everywhere(kube: ApiServer, kube_helm: Helm, home: str) -> Iterator[Account]:
    """An operator that looks after all namespaces."""
    kube_helm("install", "all", CHART, "-n", home)
    with kube.client() as client:
        account = Account(kube, client, f"system:serviceaccount:{home}:all-health-operator")
        _wait(account, "", home)
        yield account
    kube_helm("uninstall", "all", "-n", home)


@pytest.fixture(scope="module")
def in_one(kube: ApiServer, kube_helm: Helm, home: str, teams: tuple[str, str]) -> Iterator[Account]:
    """An operator of the first team's namespace only."""
    once = {"crds": {"install": False}, "userRoles": {"create": False}, "spark": {"driverRole": {"create": False}}}
    kube_helm("install", "one", CHART, "-n", home, values={"watchNamespaces": [teams[0]], **once})
    with kube.client() as client:
        account = Account(kube, client, f"system:serviceaccount:{home}:one-health-operator")
        _wait(account, teams[0], home)
        yield account
    kube_helm("uninstall", "one", "-n", home)


@pytest.fixture(scope="module")
def resources(kube: ApiServer, everywhere: Account) -> frozenset[str]:
    """Every resource that the server has, and some that it need not have."""
    assert everywhere
    served = _served(kube)
    assert len(served) > 60
    return frozenset(served | RIGHTS.keys() | set(COVETED))


def test_over_all_namespaces_it_may_do_this_and_nothing_else(everywhere: Account, resources: frozenset[str]) -> None:
    assert everywhere.rights(resources) == _expected()


def test_in_a_namespace_it_may_do_this_and_nothing_else(
    in_one: Account, resources: frozenset[str], teams: tuple[str, str]
) -> None:
    # That the namespace is the one it may read needs its name, which a list of all has not.
    assert in_one.rights(resources, teams[0]) == _expected() - {("/namespaces", "get")}
    assert in_one.may("get", "/namespaces", teams[0], name=teams[0])


def test_with_namespaces_it_may_do_nothing_elsewhere(in_one: Account, teams: tuple[str, str], home: str) -> None:
    wanted = {*RIGHTS, *COVETED}
    assert in_one.rights(wanted, teams[1]) == set()
    assert in_one.rights(wanted) == set()
    assert in_one.rights(wanted, home) == {("coordination.k8s.io/leases", "create")}
    assert not in_one.may("get", "/namespaces", teams[1], name=teams[1])


@pytest.mark.parametrize("verb", ["get", "patch"])
def test_of_leases_it_has_its_own(everywhere: Account, home: str, verb: str) -> None:
    assert everywhere.may(verb, "coordination.k8s.io/leases", home, name="all-health-operator")
    assert not everywhere.may(verb, "coordination.k8s.io/leases", home, name="another")
    assert not everywhere.may(verb, "coordination.k8s.io/leases", "kube-system", name="all-health-operator")
    assert not everywhere.may("delete", "coordination.k8s.io/leases", home, name="all-health-operator")


def test_it_hands_on_the_drivers_role_and_no_other(
    everywhere: Account, in_one: Account, teams: tuple[str, str]
) -> None:
    ours, others = teams
    for account in (everywhere, in_one):
        bind = ("create", "rolebinding", "--dry-run=server", f"--serviceaccount={ours}:driver", "driver", "-n")
        assert "created" in account.try_kubectl(*bind, ours, DRIVER)
        for role in (
            "--clusterrole=cluster-admin",
            "--clusterrole=system:aggregate-to-edit",
            "--clusterrole=system:node",
        ):
            assert "attempting to grant RBAC permissions not currently held" in account.try_kubectl(*bind, ours, role)
        grant = ("create", "clusterrolebinding", "--dry-run=server", f"--serviceaccount={ours}:driver", "driver")
        assert "forbidden" in account.try_kubectl(*grant, DRIVER)
        make = ("create", "role", "--dry-run=server", "driver", "--verb=get", "--resource=pods", "-n", ours)
        assert "forbidden" in account.try_kubectl(*make)
    bind = ("create", "rolebinding", "--dry-run=server", f"--serviceaccount={ours}:driver", "driver", "-n", others)
    assert "forbidden" in in_one.try_kubectl(*bind, DRIVER)


def test_a_driver_runs_executors_and_reads_no_secret(
    kube: ApiServer, everywhere: Account, teams: tuple[str, str]
) -> None:
    ours, others = teams
    bind = ("create", "rolebinding", f"--serviceaccount={ours}:driver", "driver", DRIVER)
    assert "created" in everywhere.try_kubectl(*bind, "-n", ours)
    driver = Account(kube, everywhere.client, f"system:serviceaccount:{ours}:driver")
    assert wait_until(lambda: driver.may("create", "/pods", ours), KNOWN_WITHIN_S)
    verbs = (*_CHILD, "update", "deletecollection")
    kinds = ("/pods", "/services", "/configmaps", "/persistentvolumeclaims")
    assert driver.rights(kinds, ours) == set(itertools.product(kinds, verbs))
    assert driver.rights(COVETED, ours) == set(itertools.product(("/pods",), verbs))
    assert driver.rights((*kinds, *COVETED), others) == set()


def test_everything_but_one_lease_is_bound_to_the_operator_alone(helm: Helm) -> None:
    bindings = [each for each in helm.template(CHART, {}) if each["kind"].endswith("Binding")]
    assert len(bindings) == 2
    account = {"kind": "ServiceAccount", "name": "health-operator", "namespace": "health-system"}
    assert all(binding["subjects"] == [account] for binding in bindings)


def _expected() -> set[tuple[str, str]]:
    return {(resource, verb) for resource, verbs in RIGHTS.items() for verb in verbs}


def _wait(account: Account, namespace: str, home: str) -> None:
    """Until the server has heard of its bindings."""
    assert wait_until(lambda: account.may("list", "apps/deployments", namespace), KNOWN_WITHIN_S)
    assert wait_until(lambda: account.may("create", "coordination.k8s.io/leases", home), KNOWN_WITHIN_S)


def _served(kube: ApiServer) -> set[str]:
    with kube.client() as client:
        groups = client.get("/apis").json()["groups"]
        roots = {"": "/api/v1"} | {group["name"]: f"/apis/{version['groupVersion']}"
                                   for group in groups for version in group["versions"]}  # fmt: skip
        return {
            f"{group}/{resource['name']}"
            for group, root in roots.items()
            for resource in client.get(root).json()["resources"]
        }
