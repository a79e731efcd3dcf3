"""Jars: what is kept is what the lock says, or nothing."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from healthctl.embedded import jars
from healthctl.errors import HealthctlError

A, B = b"jar a", b"jar b"


def _set(tmp_path: Path) -> jars.JarSet:
    sums = {"a.jar": hashlib.sha256(A).hexdigest(), "b.jar": hashlib.sha256(B).hexdigest()}
    return jars.JarSet("test", tmp_path / "none.xml", sums)


def _fetching(monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]) -> None:
    def fetch(_set: jars.JarSet, into: Path, _progress: jars.Progress) -> None:
        for name, content in files.items():
            (into / name).write_bytes(content)

    monkeypatch.setattr(jars, "fetch", fetch)


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"a.jar": A, "b.jar": b"other"}, "checksum of b.jar differs"),
        ({"a.jar": A}, "b.jar is in the lock and was not fetched"),
        ({"a.jar": A, "b.jar": B, "c.jar": B}, "c.jar was fetched and is not in the lock"),
    ],
)
def test_whatever_differs_from_the_lock_is_named_and_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes], complaint: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    _fetching(monkeypatch, files)
    monkeypatch.setattr(jars.JarSet, "load", lambda _name: _set(tmp_path))
    with pytest.raises(HealthctlError, match=complaint):
        jars.ensure_jars("test")
    assert [path.name for path in jars.cache_dir().iterdir()] == ["test.lock"]


def test_a_good_set_is_fetched_once_and_moved_into_place_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(jars.JarSet, "load", lambda _name: _set(tmp_path))
    _fetching(monkeypatch, {"a.jar": A, "b.jar": B})
    folder = jars.ensure_jars("test")
    assert sorted(path.name for path in folder.iterdir()) == ["a.jar", "b.jar"]
    _fetching(monkeypatch, {})
    assert jars.ensure_jars("test") == folder
    (folder / "a.jar").unlink()
    _fetching(monkeypatch, {"a.jar": A, "b.jar": B})
    assert (jars.ensure_jars("test") / "a.jar").read_bytes() == A


def test_a_cache_that_cannot_be_written_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(HealthctlError, match="set XDG_CACHE_HOME"):
        jars.ensure_jars("kafka")


def test_a_repository_that_cannot_be_reached_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "settings.xml"
    settings.write_text(
        '<ivysettings><settings defaultResolver="x"/><resolvers>'
        '<ibiblio name="x" m2compatible="true" root="http://127.0.0.1:9/"/></resolvers></ivysettings>'
    )
    monkeypatch.setenv("HEALTH_IVY_SETTINGS", str(settings))
    kafka = jars.JarSet.load("kafka")
    with pytest.raises(HealthctlError, match="no connection to a Maven repository"):
        jars.fetch(replace(kafka), tmp_path, lambda _line: None)


@pytest.mark.parametrize("name", ["kafka", "spark"])
def test_every_dependency_of_a_set_is_locked_in_the_version_it_names(name: str) -> None:
    jar_set = jars.JarSet.load(name)
    named = re.findall(r'name="([^"]+)" rev="([^"]+)"', jar_set.ivy.read_text())
    assert named
    assert {f"{artifact}-{version}.jar" for artifact, version in named} <= jar_set.sums.keys()


def test_spark_gets_no_jar_that_pyspark_brings_itself() -> None:
    spec = find_spec("pyspark")
    assert spec is not None and spec.origin is not None

    def stem(jar: str) -> str:
        return re.sub(r"-\d[\w.]*\.jar$", "", jar)

    own = {stem(path.name) for path in (Path(spec.origin).parent / "jars").glob("*.jar")}
    assert own & {stem(jar) for jar in jars.JarSet.load("spark").sums} == set()
