"""The jars that the JVM parts need, fetched once into the user's cache and verified.

Ivy fetches them: it comes with PySpark, so nothing has to be installed. ``jar_sets/<set>.ivy.xml`` says what to fetch,
``jar_sets/<set>.jars.lock`` pins every jar by sha256 (the format of sha256sum). To make the locks anew after an edit:
``python -m healthctl.embedded.jars --lock``; with a set's name, kafka or spark, for that one alone. Who must use a
mirror names an Ivy settings file in HEALTH_IVY_SETTINGS.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from healthctl.embedded.java import find_java
from healthctl.errors import HealthctlError

_SETS = Path(__file__).with_name("jar_sets")
_FETCHED = "[SUCCESSFUL ]"  # Ivy says so of each file
_EVERY = 10
_UNREACHABLE = re.compile(r"UnknownHost|ConnectException|timed out|Host .* not found|Network is unreachable")

Progress = Callable[[str], None]


def say(line: str) -> None:
    """Progress as lines on standard error."""
    print(line, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class JarSet:
    """Jars that belong together. ``sums`` maps a file's name to its sha256."""

    name: str
    ivy: Path
    sums: dict[str, str]

    @classmethod
    def load(cls, name: str) -> JarSet:
        """One of the sets in the package: kafka or spark."""
        lock = _SETS / f"{name}.jars.lock"
        lines = lock.read_text().splitlines() if lock.exists() else []
        return cls(name, _SETS / f"{name}.ivy.xml", {jar: digest for digest, jar in map(str.split, lines)})

    @property
    def folder(self) -> Path:
        """Where the fetched set is kept; its name changes with its contents."""
        digest = hashlib.sha256(repr(sorted(self.sums.items())).encode()).hexdigest()[:12]
        return cache_dir() / f"{self.name}-{digest}"

    def is_cached(self) -> bool:
        """Whether every jar is there (verified when it was fetched)."""
        return all((self.folder / jar).is_file() for jar in self.sums)

    def verify(self, folder: Path) -> None:
        """HealthctlError naming the jar when one is missing, differs from the lock or is not in it."""
        found = {path.name: path for path in sorted(folder.glob("*.jar"))}
        for jar in sorted(self.sums.keys() | found.keys()):
            if jar not in found:
                raise HealthctlError(f"{self.name} jars: {jar} is in the lock and was not fetched")
            if jar not in self.sums:
                raise HealthctlError(f"{self.name} jars: {jar} was fetched and is not in the lock")
            digest = sha256(found[jar])
            if digest != self.sums[jar]:
                raise HealthctlError(
                    f"{self.name} jars: the checksum of {jar} differs from the lock (got {digest[:12]}..., "
                    f"expected {self.sums[jar][:12]}...): it was damaged or replaced on the way, nothing was kept"
                )


def cache_dir() -> Path:
    """The user's cache of jars."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "health-streaming" / "jars"


def ensure_jars(name: str, progress: Progress = say) -> Path:
    """The folder with the set's jars, fetched when it is not in the cache yet; HealthctlError when that fails."""
    jars = JarSet.load(name)
    if jars.is_cached():
        return jars.folder
    with _exclusively(cache_dir() / f"{name}.lock"):
        if not jars.is_cached():  # another process may have fetched it while we waited
            _install(jars, progress)
    return jars.folder


def ensure_all(names: Sequence[str], progress: Progress = say) -> list[Path]:
    """The folders of several sets, fetched at the same time."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda name: ensure_jars(name, progress), names))


def sha256(path: Path) -> str:
    """Of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(jars: JarSet, into: Path, progress: Progress) -> None:
    """Whatever the set's ivy.xml gives, unverified, into a folder."""
    command = [find_java(), "-jar", str(_ivy_jar()), "-ivy", str(jars.ivy), "-confs", "default"]
    command += ["-cache", str(into / "ivy"), "-retrieve", f"{into}/[artifact]-[revision](-[classifier]).[ext]"]
    settings = os.environ.get("HEALTH_IVY_SETTINGS")
    if settings:
        command += ["-settings", settings]
    progress(f"fetching the {jars.name} jars (once; {len(jars.sums)} files)")
    last: deque[str] = deque(maxlen=200)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as ivy:
        count = 0
        for line in ivy.stdout or ():
            last.append(line.strip())
            if _FETCHED in line:
                count += 1
                if count % _EVERY == 0:
                    progress(f"  {jars.name}: {count} of {len(jars.sums)}")
    if ivy.returncode:
        raise HealthctlError(_failure(jars.name, last))
    shutil.rmtree(into / "ivy")


def _install(jars: JarSet, progress: Progress) -> None:
    staging = jars.folder.with_suffix(".part")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        fetch(jars, staging, progress)
        jars.verify(staging)
        shutil.rmtree(jars.folder, ignore_errors=True)
        staging.rename(jars.folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def _exclusively(lock: Path) -> Iterator[None]:
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        file = lock.open("w")
    except OSError as error:
        raise HealthctlError(f"the cache of jars cannot be written ({error}): set XDG_CACHE_HOME") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)  # let go when the file is closed, also by a crash
        yield


def _ivy_jar() -> Path:
    spec = find_spec("pyspark")
    found = list(Path(spec.origin).parent.glob("jars/ivy-*.jar")) if spec and spec.origin else []
    if not found:
        raise HealthctlError("PySpark is not installed completely: its jars folder has no ivy-*.jar")
    return found[0]


def _failure(name: str, lines: deque[str]) -> str:
    if any(_UNREACHABLE.search(line) for line in lines):
        return f"the {name} jars cannot be fetched: no connection to a Maven repository (see HEALTH_IVY_SETTINGS)"
    told = [line for line in lines if "::" in line and "not found" in line] or [line for line in lines if line]
    return f"the {name} jars cannot be fetched: {told[-1] if told else 'Ivy said nothing'}"


def _lock(name: str) -> None:
    jars = JarSet.load(name)
    staging = cache_dir() / f"{name}.relock"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    fetch(jars, staging, say)
    lines = [f"{sha256(path)}  {path.name}\n" for path in sorted(staging.glob("*.jar"))]
    (_SETS / f"{name}.jars.lock").write_text("".join(lines))
    shutil.rmtree(staging)


if __name__ == "__main__":
    for each in [name for name in ("kafka", "spark") if name in sys.argv] or ("kafka", "spark"):
        if "--lock" in sys.argv:
            _lock(each)
        say(str(ensure_jars(each)))
