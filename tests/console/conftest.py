"""A browser, axe and a city that lives; each made once."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.console.living_city import LivingCity, living_city

ROOT = Path(__file__).parents[2]
AXE, AXE_SHA256 = "axe-core@4.10.3", "0f2b4d7dcdf7d1219df8d1959ad68e565f51d14c3f0d88bb71cd59abeb956292"
# Nothing of Chromium's own may call anywhere, and no sandbox can be had by root in a container.
FLAGS = ("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip


@pytest.fixture(scope="module")
def whole_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivingCity]:
    """The pipeline that the console shows; of a module, for only one of them fits beside a browser."""
    with living_city(tmp_path_factory.mktemp("city")) as living:
        yield living


@pytest.fixture
def city(whole_city: LivingCity) -> Iterator[LivingCity]:
    """The same, and all of it still runs after the test."""
    yield whole_city
    whole_city.check()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        pytest.fail("Chromium is needed: install it (Debian: apt-get install chromium) or say where it is in CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core (https://github.com/dequelabs/axe-core), fetched once by npm and checked by its hash."""
    folder = ROOT / ".cache" / "axe"
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"{AXE.replace('@', '-')}.tgz"
    if not archive.exists():
        subprocess.run(["npm", "pack", "--silent", AXE], cwd=folder, check=True, capture_output=True, timeout=300)
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == AXE_SHA256, f"{archive} is not what it should be"
    with tarfile.open(archive) as opened:
        script = opened.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()
