"""The Pod Security Standard ``restricted``, as Kubernetes publishes it (v1.34), in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Spec = dict[str, Any]

_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
_SECCOMP = ("RuntimeDefault", "Localhost")
_SELINUX = (None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_SYSCTLS = {
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
}  # fmt: skip


def violations(pod: Spec) -> Iterator[str]:
    """What ``restricted`` refuses of a pod's spec."""
    context = pod.get("securityContext") or {}
    yield from (f"{name} is not allowed" for name in ("hostNetwork", "hostPID", "hostIPC") if pod.get(name))
    for volume in pod.get("volumes") or ():
        for kind in volume.keys() - {"name"} - _VOLUMES:
            yield f"volume {volume['name']} is a {kind}"
    for sysctl in context.get("sysctls") or ():
        if sysctl["name"] not in _SYSCTLS:
            yield f"sysctl {sysctl['name']}"
    yield from _context("pod", context)
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        for container in pod.get(kind) or ():
            yield from _container(container, context)


def _container(container: Spec, of_pod: Spec) -> Iterator[str]:
    name, own = container["name"], container.get("securityContext") or {}
    yield from _context(name, own)
    if own.get("privileged"):
        yield f"{name} is privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield f"{name} may escalate its privileges"
    if own.get("runAsNonRoot", of_pod.get("runAsNonRoot")) is not True:
        yield f"{name} may run as root"
    if (own.get("seccompProfile") or of_pod.get("seccompProfile") or {}).get("type") not in _SECCOMP:
        yield f"{name} has no seccomp profile"
    if own.get("procMount", "Default") != "Default":
        yield f"{name} mounts /proc unmasked"
    capabilities = own.get("capabilities") or {}
    if "ALL" not in (capabilities.get("drop") or ()):
        yield f"{name} keeps capabilities"
    if set(capabilities.get("add") or ()) - {"NET_BIND_SERVICE"}:
        yield f"{name} adds capabilities"
    if any(port.get("hostPort") for port in container.get("ports") or ()):
        yield f"{name} has a host port"
    yield from (f"{name}'s {kind} names a host" for kind, handler in _handlers(container) if _names_host(handler))


def _context(name: str, context: Spec) -> Iterator[str]:
    if context.get("runAsUser") == 0:
        yield f"{name} runs as user 0"
    if (context.get("windowsOptions") or {}).get("hostProcess"):
        yield f"{name} is a host process"
    if (context.get("appArmorProfile") or {}).get("type", "RuntimeDefault") not in _SECCOMP:
        yield f"{name} is not confined by AppArmor"
    linux = context.get("seLinuxOptions") or {}
    if linux.get("type") not in _SELINUX or linux.get("user") or linux.get("role"):
        yield f"{name} sets SELinux options"


def _handlers(container: Spec) -> Iterator[tuple[str, Spec]]:
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        yield kind, container.get(kind) or {}
    for kind, handler in (container.get("lifecycle") or {}).items():
        yield kind, handler


def _names_host(handler: Spec) -> bool:
    return any((handler.get(kind) or {}).get("host") for kind in ("httpGet", "tcpSocket"))
