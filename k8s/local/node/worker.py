"""What runs pods: containerd, the kubelet, kube-proxy, and kube-router for NetworkPolicies."""

import json
from pathlib import Path
from typing import Any

from node import cgroups
from node.client import node_is_ready
from node.debian import CNI_PLUGINS
from node.images import import_archive, system_images
from node.network import DNS_SERVICE_IP, NODE_IP, NODE_NAME, POD_NETWORK, SERVICE_NETWORK
from node.parts import Parts
from node.paths import BIN, CONTAINERD, CONTAINERD_SOCKET, KUBECONFIG, PKI, STATE
from node.versions import PAUSE_IMAGE

CNI_CONFIGURATION = STATE / "cni"
READY_TIMEOUT = 90.0
CONTAINERD_TIMEOUT = 30.0


def start(parts: Parts) -> None:
    """Start the worker's programs; returns when the API server shows the node as ready."""
    _configure()
    parts.start("containerd", ["containerd", "--config", STATE / "containerd.toml"])
    parts.wait_until("containerd", "containerd answers", CONTAINERD_SOCKET.exists, CONTAINERD_TIMEOUT)
    for archive in system_images():
        import_archive(archive)
    parts.start("kubelet", _kubelet())
    parts.start("kube-proxy", _proxy())
    parts.wait_until("kubelet", "the node is ready", node_is_ready, READY_TIMEOUT)
    parts.start("kube-router", _firewall())


def _configure() -> None:
    CNI_CONFIGURATION.mkdir()
    (CNI_CONFIGURATION / "10-pods.conflist").write_text(json.dumps(_pod_network(), indent=2))
    (STATE / "containerd.toml").write_text(_containerd_configuration())
    (STATE / "kubelet.yaml").write_text(json.dumps(_kubelet_configuration(), indent=2))
    (STATE / "resolv.conf").touch()  # a pod that wants the node's own name service finds none: the node has no outside


def _pod_network() -> dict[str, Any]:
    """A bridge for the pods, addresses counted on the node."""
    addresses = {
        "type": "host-local",
        "ranges": [[{"subnet": POD_NETWORK}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": True,
        "hairpinMode": True,
        "ipam": addresses,
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge, ports]}


def _containerd_configuration() -> str:
    return f"""\
version = 2
root = "{CONTAINERD}"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "{CONTAINERD_SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{STATE / "opt"}"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  disable_apparmor = true
  sandbox_image = "{PAUSE_IMAGE}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{CNI_PLUGINS}"
    conf_dir = "{CNI_CONFIGURATION}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
"""


def _kubelet() -> list[str | Path]:
    return [
        BIN / "kubelet",
        f"--config={STATE / 'kubelet.yaml'}",
        f"--kubeconfig={PKI / 'kubelet.kubeconfig'}",
        f"--hostname-override={NODE_NAME}",
        f"--node-ip={NODE_IP}",
    ]


def _kubelet_configuration() -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(PKI / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(PKI / "kubelet.crt"),
        "tlsPrivateKeyFile": str(PKI / "kubelet.key"),
        "clusterDomain": "cluster.local",
        "clusterDNS": [DNS_SERVICE_IP],
        "resolvConf": str(STATE / "resolv.conf"),
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "failSwapOn": False,
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": True,
        "cgroupRoot": f"/{cgroups.NAME}",
        "enforceNodeAllocatable": [],
        "featureGates": {"KubeletInUserNamespace": True},  # kernel settings that it may not change are no error
        # The disk is the machine's: leave it to its owner, and never throw away an image that cannot be pulled again.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
    }


def _proxy() -> list[str | Path]:
    return [
        BIN / "kube-proxy",
        f"--kubeconfig={KUBECONFIG}",
        f"--hostname-override={NODE_NAME}",
        "--proxy-mode=iptables",
        f"--cluster-cidr={POD_NETWORK}",
        # These are settings of the machine's kernel; 0 leaves them alone.
        "--conntrack-max-per-core=0",
        "--conntrack-tcp-timeout-established=0",
        "--conntrack-tcp-timeout-close-wait=0",
    ]


def _firewall() -> list[str | Path]:
    """What the bridge does not do: enforce NetworkPolicies. Nothing else of kube-router is wanted."""
    return [
        BIN / "kube-router",
        f"--kubeconfig={KUBECONFIG}",
        f"--hostname-override={NODE_NAME}",
        "--run-firewall=true",
        "--run-router=false",
        "--run-service-proxy=false",
        "--run-loadbalancer=false",
        f"--service-cluster-ip-range={SERVICE_NETWORK}",
        "--health-port=0",
        "--metrics-port=0",
    ]
