"""``healthctl doctor``: is everything here that a run needs?"""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import click

from healthctl.embedded.jars import JarSet, cache_dir
from healthctl.embedded.java import find_java
from healthctl.embedded.ports import LOOPBACK, free_port
from healthctl.embedded.state import state_root
from healthctl.errors import HealthctlError

GIB = 1024**3
# The quickstart was measured to hold 3.5 GiB: three Spark JVMs, Kafka, and a dozen Python processes.
MEMORY_GIB, DISK_GIB, CORES = 4.5, 2.0, 2


@dataclass(frozen=True)
class Finding:
    """What a check found. ``todo`` is empty when there is nothing to do; a run is possible unless ``is_fatal``."""

    name: str
    detail: str
    todo: str = ""
    is_fatal: bool = False


@click.command()
def doctor() -> None:
    """Check this machine: Python, Java, memory, ports, folders, jars. One line each, with what to do.

    \b
    Example:
      healthctl doctor
    """
    findings = [check() for check in CHECKS]
    for finding in findings:
        mark, colour = _mark(finding)
        todo = f": {finding.todo}" if finding.todo else ""
        click.echo(f"{click.style(mark, fg=colour)} {finding.name:<8} {finding.detail}{todo}")
    if any(finding.is_fatal for finding in findings):
        raise HealthctlError("a pipeline cannot run here yet: see the lines marked FAIL")


def _mark(finding: Finding) -> tuple[str, str]:
    if finding.is_fatal:
        return "FAIL", "red"
    return ("note", "yellow") if finding.todo else ("ok  ", "green")


def python() -> Finding:
    """Ours; the launcher of healthctl has chosen it."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] == (3, 11):
        return Finding("python", version)
    return Finding("python", version, "3.11 is needed: make a new environment with it (make setup)", is_fatal=True)


def java() -> Finding:
    """Java 17."""
    try:
        return Finding("java", find_java())
    except HealthctlError as error:
        return Finding("java", "none of use", str(error), is_fatal=True)


def memory() -> Finding:
    """What could be had without swapping."""
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        fields = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        free = int(fields["MemAvailable"].split()[0]) * 1024
    todo = f"a whole pipeline wants {MEMORY_GIB:g} GiB: close something, or leave sources out" * (
        free < MEMORY_GIB * GIB
    )
    return Finding("memory", f"{free / GIB:.1f} GiB available", todo)


def cores() -> Finding:
    """Processors that we may use."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Finding("cores", str(count), "with fewer than 2, latencies will be seconds" * (count < CORES))


def ports() -> Finding:
    """Whether we can listen on the loopback interface."""
    try:
        with closing(socket.create_server((LOOPBACK, free_port()))) as server:
            return Finding("ports", f"{LOOPBACK}:{server.getsockname()[1]} can be used; a run takes free ones")
    except (OSError, HealthctlError) as error:
        return Finding("ports", f"{LOOPBACK} cannot be used", str(error), is_fatal=True)


def state() -> Finding:
    """Where runs keep their data and logs."""
    return _writable("state", state_root(), "XDG_STATE_HOME")


def cache() -> Finding:
    """Where jars are kept."""
    return _writable("cache", cache_dir(), "XDG_CACHE_HOME")


def jars() -> Finding:
    """What the JVM parts need."""
    sets = [JarSet.load(name) for name in ("kafka", "spark")]
    missing = [jar_set.name for jar_set in sets if not jar_set.is_cached()]
    try:
        for jar_set in sets:
            if jar_set.name not in missing:
                jar_set.verify(jar_set.folder)
    except HealthctlError as error:
        return Finding("jars", str(error), f"delete {jar_set.folder}, it is fetched again", is_fatal=True)
    if missing:
        return Finding("jars", f"{' and '.join(missing)}: not here yet", "the first run fetches them (70 MB, once)")
    return Finding("jars", "all here, every checksum agrees")


CHECKS: tuple[Callable[[], Finding], ...] = (python, java, cores, memory, ports, state, cache, jars)


def _writable(name: str, folder: Path, variable: str) -> Finding:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding(name, f"{folder} cannot be made ({error.strerror})", f"set {variable}", is_fatal=True)
    if not os.access(folder, os.W_OK):
        return Finding(name, f"{folder} cannot be written", f"set {variable}", is_fatal=True)
    todo = f"less than {DISK_GIB:g} GiB is little for a run" * (free < DISK_GIB * GIB)
    return Finding(name, f"{folder}, {free / GIB:.0f} GiB free", todo)
