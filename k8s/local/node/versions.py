"""Every version of the node, in this one place."""

from dataclasses import dataclass

KUBERNETES = "v1.34.4"  # the last whose kubelet still accepts cgroup v1
ETCD = "v3.6.7"
COREDNS = "v1.12.4"
KUBE_ROUTER = "v2.1.0"
HELM = "v3.22.0"
SPARK_OPERATOR = "v2.5.2"
SPARK_OF_OPERATOR = "4.0.4"  # the Spark the official image of spark-operator v2.5.2 submits with
PAUSE = "v1"
DEBIAN = "bookworm"  # its Python is 3.11, its Java 17
BASE_IMAGE = "1"  # raise it when the content of health-base changes

PAUSE_IMAGE = f"localhost/pause:{PAUSE}"
COREDNS_IMAGE = f"localhost/coredns:{COREDNS}"
SPARK_OPERATOR_IMAGE = f"localhost/spark-operator:{SPARK_OPERATOR}-spark{SPARK_OF_OPERATOR}"
HEALTH_BASE_IMAGE = f"localhost/health-base:{DEBIAN}-{BASE_IMAGE}"


@dataclass(frozen=True)
class GoPart:
    """One program, built by the go command from a module of the Go module proxy.

    `main` names a folder of ours below `go/` that holds the main package; without it `package` of the module is built.
    `minutes` is about how long the build takes on two cores from an empty cache.
    """

    name: str
    version: str
    module: str
    package: str
    minutes: float
    main: str = ""
    ldflags: str = "-s -w"


def _kubernetes_ldflags() -> str:
    major, minor, _ = KUBERNETES.removeprefix("v").split(".")
    values = {"gitVersion": KUBERNETES, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return " ".join(
        ["-s -w", *(f"-X {package}.{name}={value}" for package in packages for name, value in values.items())]
    )


# One binary holds all of Kubernetes: most of its code is shared, so it is built and linked once.
LOCALKUBE = GoPart("localkube", KUBERNETES, "k8s.io/kubernetes", "", 8, "kubernetes", _kubernetes_ldflags())
ETCD_SERVER = GoPart("etcd", ETCD, "go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/server/v3", 1)
COREDNS_SERVER = GoPart("coredns", COREDNS, "github.com/coredns/coredns", "", 2, "coredns")
PAUSE_PROGRAM = GoPart("pause", PAUSE, "", "", 0.1, "pause")
# Its controller of NetworkPolicies alone, which needs no more of the kernel than iptables and ipset. Flaws are known of
# this release; the node's network has no way in or out, and the newer ones were not to be had when this was written.
KUBE_ROUTER_PROGRAM = GoPart(
    "kube-router",
    KUBE_ROUTER,
    "github.com/cloudnativelabs/kube-router/v2",
    "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router",
    2,
)
HELM_CLIENT = GoPart(
    "helm",
    HELM,
    "helm.sh/helm/v3",
    "helm.sh/helm/v3/cmd/helm",
    2,
    ldflags=f"-s -w -X helm.sh/helm/v3/internal/version.version={HELM}",
)
SPARK_OPERATOR_PROGRAM = GoPart(
    "spark-operator",
    SPARK_OPERATOR,
    "github.com/kubeflow/spark-operator/v2",
    "github.com/kubeflow/spark-operator/v2/cmd/operator",
    3,
)

NODE_PARTS = (PAUSE_PROGRAM, ETCD_SERVER, LOCALKUBE, COREDNS_SERVER, KUBE_ROUTER_PROGRAM, HELM_CLIENT)
ALL_PARTS = (*NODE_PARTS, SPARK_OPERATOR_PROGRAM)
