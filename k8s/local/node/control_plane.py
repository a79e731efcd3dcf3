"""etcd, the API server, the controllers and the scheduler."""

from pathlib import Path

from node.certificates import AGGREGATOR
from node.client import api_is_ready
from node.network import NODE_IP, SERVICE_NETWORK
from node.parts import Parts
from node.paths import BIN, KUBECONFIG, PKI, STATE

ETCD_URL = "http://127.0.0.1:2379"  # of the node's namespace: nobody outside it can reach this
READY_TIMEOUT = 90.0


def start(parts: Parts) -> None:
    """Start the control plane; returns when the API server says that it is ready."""
    parts.start("etcd", _etcd())
    parts.start("kube-apiserver", _api_server())
    parts.wait_until("kube-apiserver", "the API server is ready", api_is_ready, READY_TIMEOUT)
    parts.start("kube-controller-manager", _controllers())
    parts.start("kube-scheduler", [BIN / "kube-scheduler", f"--kubeconfig={KUBECONFIG}", "--leader-elect=false"])


def _etcd() -> list[str | Path]:
    return [
        BIN / "etcd",
        f"--data-dir={STATE / 'etcd'}",
        f"--listen-client-urls={ETCD_URL}",
        f"--advertise-client-urls={ETCD_URL}",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--unsafe-no-fsync",  # what is kept here is thrown away with the node
    ]


def _api_server() -> list[str | Path]:
    return [
        BIN / "kube-apiserver",
        f"--etcd-servers={ETCD_URL}",
        f"--advertise-address={NODE_IP}",
        f"--service-cluster-ip-range={SERVICE_NETWORK}",
        "--authorization-mode=Node,RBAC",
        "--allow-privileged=true",
        f"--client-ca-file={PKI / 'ca.crt'}",
        f"--tls-cert-file={PKI / 'apiserver.crt'}",
        f"--tls-private-key-file={PKI / 'apiserver.key'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={PKI / 'service-accounts.pub'}",
        f"--service-account-signing-key-file={PKI / 'service-accounts.key'}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-certificate-authority={PKI / 'ca.crt'}",
        f"--kubelet-client-certificate={PKI / 'admin.crt'}",
        f"--kubelet-client-key={PKI / 'admin.key'}",
        f"--requestheader-client-ca-file={PKI / 'ca.crt'}",
        f"--requestheader-allowed-names={AGGREGATOR.name}",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={PKI / f'{AGGREGATOR.name}.crt'}",
        f"--proxy-client-key-file={PKI / f'{AGGREGATOR.name}.key'}",
    ]


def _controllers() -> list[str | Path]:
    return [
        BIN / "kube-controller-manager",
        f"--kubeconfig={KUBECONFIG}",
        "--leader-elect=false",
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={PKI / 'service-accounts.key'}",
        f"--root-ca-file={PKI / 'ca.crt'}",
        f"--cluster-signing-cert-file={PKI / 'ca.crt'}",
        f"--cluster-signing-key-file={PKI / 'ca.key'}",
    ]
