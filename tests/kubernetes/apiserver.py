"""A real API server on the loopback interface: etcd and kube-apiserver, nothing else.

No controllers run, so nothing is garbage-collected, no Deployment gets pods, no namespace gets its default service
account; and a deleted namespace stays Terminating. Everything that the API server itself does is real: schemas, CEL,
server-side apply, RBAC, Pod Security admission, watches.
"""

from __future__ import annotations

import csv
import json
import os
import secrets
import ssl
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from healthctl.embedded.ports import LOOPBACK, PortBook
from healthctl.embedded.process import Command, Process, last_lines
from healthctl.embedded.waiting import wait_until
from node.build import binary, ensure_built
from node.process import output
from node.versions import ETCD_SERVER, LOCALKUBE

START_TIMEOUT_S = 120.0  # five seconds are usual; one that cannot run ends by itself, and is told from a slow one
REQUEST_TIMEOUT_S = 30.0
PROGRAMS = ("kube-apiserver", "kubectl")


class ApiServer:
    """Runs between ``with`` and its end, with everything it writes in ``folder``.

    ``kubeconfig`` and ``client`` speak for a member of system:masters, who may also impersonate others
    (``kubectl("--as=system:serviceaccount:operators:operator", "auth", "can-i", ...)``).
    """

    def __init__(self, folder: Path) -> None:
        ensure_built((ETCD_SERVER, LOCALKUBE))
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        self.kubectl_path = folder / "bin" / "kubectl"
        self._ports = PortBook()
        self._token = secrets.token_hex(16)
        self._processes: list[Process] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"https://{LOOPBACK}:{self._ports.port('apiserver', 'https')}"

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which kubectl and every ordinary client finds it, and writes nothing to its user's home."""
        return {"KUBECONFIG": str(self.kubeconfig), "KUBECACHEDIR": str(self.folder / "cache")}

    def __enter__(self) -> Self:
        (self.folder / "bin").mkdir(parents=True)
        for program in PROGRAMS:
            (self.folder / "bin" / program).symlink_to(binary(LOCALKUBE))
        self._write_credentials()
        try:
            self._start("etcd", _etcd(self.folder, self._etcd_url, self._ports.port("etcd", "peer")))
            self._start("apiserver", self._api_server())
            if not wait_until(self._is_ready, START_TIMEOUT_S):
                raise RuntimeError(f"the API server was not ready within {START_TIMEOUT_S:.0f} s\n{self._told()}")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End what was started, last first."""
        while self._processes:
            self._processes.pop().stop(grace_s=5)

    def client(self) -> httpx.Client:
        """A plain HTTPS client of the API, for requests by the hundred; close it."""
        return httpx.Client(
            base_url=self.url,
            verify=ssl.create_default_context(cafile=self._authority),
            headers={"Authorization": f"Bearer {self._token}"},
            timeout=REQUEST_TIMEOUT_S,
            trust_env=False,
        )

    def try_kubectl(self, *arguments: str | Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """How kubectl ended and what it said."""
        return subprocess.run(
            [str(self.kubectl_path), *map(str, arguments)],
            env={**os.environ, **self.environment},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=REQUEST_TIMEOUT_S,
            check=False,
        )

    def kubectl(self, *arguments: str | Path, stdin: str | None = None) -> str:
        """What kubectl prints; AssertionError with what it says when it fails."""
        done = self.try_kubectl(*arguments, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(map(str, arguments))}\n{done.stderr}"
        return done.stdout

    def apply(self, *objects: dict[str, Any]) -> None:
        """``kubectl apply`` of these objects."""
        self.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

    def get(self, *what: str) -> dict[str, Any]:
        """``kubectl get``: ``get("healthpipeline", "london", "-n", "test")``."""
        found: dict[str, Any] = json.loads(self.kubectl("get", *what, "-o", "json"))
        return found

    def _write_credentials(self) -> None:
        with (self.folder / "tokens.csv").open("w", newline="") as file:
            csv.writer(file).writerow([self._token, "admin", "admin", "system:masters"])
        output(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self._signing_key])
        cluster = {"server": self.url, "certificate-authority": str(self._authority)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": self._token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
            "current-context": "test",
        }
        self.kubeconfig.write_text(json.dumps(config, indent=2))  # JSON is YAML too

    def _api_server(self) -> list[str]:
        return [
            str(self.folder / "bin" / "kube-apiserver"),
            f"--etcd-servers={self._etcd_url}",
            f"--bind-address={LOOPBACK}",
            f"--advertise-address={LOOPBACK}",
            f"--secure-port={self._ports.port('apiserver', 'https')}",
            f"--cert-dir={self.folder / 'certificates'}",  # it makes its own, with the authority's in the same file
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--endpoint-reconciler-type=none",  # a loopback address is no endpoint of a Service
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self._signing_key}",
            f"--service-account-signing-key-file={self._signing_key}",
            "--disable-admission-plugins=ServiceAccount",  # nobody makes the service accounts that pods would need
        ]

    @property
    def _authority(self) -> Path:
        return self.folder / "certificates" / "apiserver.crt"

    @property
    def _signing_key(self) -> Path:
        return self.folder / "service-accounts.key"

    @property
    def _etcd_url(self) -> str:
        return f"http://{LOOPBACK}:{self._ports.port('etcd', 'client')}"

    def _start(self, name: str, arguments: list[str]) -> None:
        self._processes.append(Process(Command(name, tuple(arguments), self.folder / f"{name}.log")))

    def _is_ready(self) -> bool:
        for process in self._processes:
            if process.ended() is not None:
                raise RuntimeError(f"{process.command.name} ended with {process.ended()}\n{self._told()}")
        if not self._authority.exists():
            return False
        try:
            with self.client() as client:
                return client.get("/readyz").is_success
        except (httpx.TransportError, ssl.SSLError):  # not listening yet, or its certificate half written
            return False

    def _told(self) -> str:
        return "\n".join(line for each in self._processes for line in last_lines(each.command.log, 15))


def _etcd(folder: Path, url: str, peer_port: int) -> list[str]:
    peer = f"http://{LOOPBACK}:{peer_port}"
    return [
        str(binary(ETCD_SERVER)),
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",  # what is kept here is thrown away with the tests
        "--log-level=warn",
    ]
