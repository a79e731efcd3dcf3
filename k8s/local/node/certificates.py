"""The node's keys and kubeconfigs: an authority of its own, made anew for each node, gone with it."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from node.network import API_SERVICE_IP, NODE_IP, NODE_NAME
from node.paths import KUBECONFIG, PKI
from node.process import output

DAYS = "365"
API_URL = f"https://{NODE_IP}:6443"
EC_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Identity:
    """Who a certificate speaks for: its file name, its subject, the names it may be reached by."""

    name: str
    subject: str
    alternatives: str


API_SERVER = Identity(
    "apiserver",
    "/CN=kube-apiserver",
    f"IP:{NODE_IP},IP:127.0.0.1,IP:{API_SERVICE_IP},DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,"
    "DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local",
)
ADMIN = Identity("admin", "/O=system:masters/CN=admin", "DNS:admin")
KUBELET = Identity("kubelet", f"/O=system:nodes/CN=system:node:{NODE_NAME}", f"IP:{NODE_IP},DNS:{NODE_NAME}")
AGGREGATOR = Identity("aggregator", "/CN=aggregator", "DNS:aggregator")


def make_all() -> None:
    """Write authority, certificates, the service accounts' signing key and both kubeconfigs."""
    PKI.mkdir(parents=True, mode=0o700)
    output(["openssl", "req", "-x509", *EC_KEY, "-days", DAYS, "-subj", "/CN=health-node",
            "-keyout", PKI / "ca.key", "-out", PKI / "ca.crt"])  # fmt: skip
    for identity in (API_SERVER, ADMIN, KUBELET, AGGREGATOR):
        _certificate(identity)
    output(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", PKI / "service-accounts.key"])
    output(["openssl", "ec", "-in", PKI / "service-accounts.key", "-pubout", "-out", PKI / "service-accounts.pub"])
    _kubeconfig(ADMIN, KUBECONFIG)
    _kubeconfig(KUBELET, PKI / "kubelet.kubeconfig")


def _certificate(identity: Identity) -> None:
    key, request, extensions = (PKI / f"{identity.name}.{end}" for end in ("key", "csr", "ext"))
    extensions.write_text(f"subjectAltName={identity.alternatives}\nextendedKeyUsage=serverAuth,clientAuth\n")
    output(["openssl", "req", *EC_KEY, "-subj", identity.subject, "-keyout", key, "-out", request])
    sign: list[str | Path] = ["openssl", "x509", "-req", "-in", request, "-days", DAYS, "-extfile", extensions]
    sign += ["-CA", PKI / "ca.crt", "-CAkey", PKI / "ca.key", "-CAcreateserial"]
    output([*sign, "-out", PKI / f"{identity.name}.crt"])


def _kubeconfig(identity: Identity, path: Path) -> None:
    """A kubeconfig with everything in it (JSON is YAML too)."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": NODE_NAME, "cluster": {"server": API_URL, "certificate-authority-data": _encoded("ca.crt")}}
        ],
        "users": [
            {
                "name": identity.name,
                "user": {
                    "client-certificate-data": _encoded(f"{identity.name}.crt"),
                    "client-key-data": _encoded(f"{identity.name}.key"),
                },
            }
        ],
        "contexts": [{"name": NODE_NAME, "context": {"cluster": NODE_NAME, "user": identity.name}}],
        "current-context": NODE_NAME,
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=2))


def _encoded(name: str) -> str:
    return base64.b64encode((PKI / name).read_bytes()).decode()
