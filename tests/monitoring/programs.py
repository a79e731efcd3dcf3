"""Prometheus and promtool: those of the PATH, else Debian's, unpacked into the cache: nothing is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_CACHE = Path(__file__).parents[2] / ".cache" / "prometheus"
_FETCH_S = 300


def program(name: str) -> Path:
    """``prometheus`` or ``promtool``; fails with what to do when it cannot be had."""
    found = shutil.which(name)
    if found:
        return Path(found)
    unpacked = _CACHE / "usr" / "bin" / name
    if not unpacked.exists() and not _fetch():
        pytest.fail(
            f"{name} is not on the PATH and cannot be fetched: apt-get install prometheus, as root", pytrace=False
        )
    return unpacked


def _fetch() -> bool:
    """Whether Debian's package is in the cache now."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return False
    _CACHE.mkdir(parents=True, exist_ok=True)
    is_had = _run("apt-get", "download", "prometheus")
    if not is_had and not os.geteuid():  # the lists of packages may be missing or old, and root may read them anew
        is_had = _run("apt-get", "update") and _run("apt-get", "download", "prometheus")
    packages = sorted(_CACHE.glob("prometheus_*.deb"))
    return is_had and bool(packages) and _run("dpkg-deb", "--extract", str(packages[-1]), ".")


def _run(*command: str) -> bool:
    done = subprocess.run(command, cwd=_CACHE, capture_output=True, timeout=_FETCH_S, check=False)
    return done.returncode == 0


if __name__ == "__main__":  # for tests that run where nothing can be fetched
    program("prometheus")
