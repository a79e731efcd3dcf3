"""Bills of materials: every jar of a lock is read for what it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from supply.jars import Jar, jars

ROOT = Path(__file__).parents[3]
LOCKS = sorted((ROOT / "services/cli/src/healthctl/embedded/jar_sets").glob("*.jars.lock"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_jar_of_a_lock_has_a_name_a_version_and_a_checksum(lock: Path) -> None:
    found = jars(lock.read_text())
    assert len(found) == len(lock.read_text().splitlines()) > 10
    for jar in found:
        assert re.fullmatch("[0-9a-f]{64}", jar.sha256)
        assert re.match(r"\d", jar.version), jar
        assert jar.name, jar


@pytest.mark.parametrize(
    ("file", "name", "version"),
    [
        ("kafka_2.13-4.2.2.jar", "kafka_2.13", "4.2.2"),
        ("jakarta.ws.rs-api-3.1.0.jar", "jakarta.ws.rs-api", "3.1.0"),
        ("netty-transport-4.2.7.Final.jar", "netty-transport", "4.2.7.Final"),
        ("guava-33.4.0-jre.jar", "guava", "33.4.0-jre"),
    ],
)
def test_where_a_version_begins(file: str, name: str, version: str) -> None:
    assert jars(f"{64 * 'a'}  {file}\n") == [Jar(name, version, 64 * "a")]


def test_what_is_no_jar_is_named() -> None:
    with pytest.raises(ValueError, match=r"not the name of a jar: readme\.txt"):
        jars(f"{64 * 'a'}  readme.txt\n")
