"""The console of a whole pipeline: what ``healthctl up`` of the example shows to whoever opens it.

Nothing here is made up, Spark and the lake included; pictures are left in build/console.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml
from healthctl.embedded.run import EmbeddedPipeline
from healthctl.embedded.waiting import wait_until
from playwright.sync_api import Browser, expect

from tests.console.visiting import LOOKS, coming, faults, is_wide, picture, visitor
from tests.monitoring.system import QUICKSTART, pipeline

pytestmark = pytest.mark.timeout(900)

# Streams start one after the other, and the first transform comes half a minute after the first landing.
UP_S = 420


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPipeline]:
    """The example, once data has gone the whole way."""
    with pipeline(tmp_path_factory.mktemp("whole"), of=yaml.safe_load(QUICKSTART.read_text())) as running:
        assert wait_until(lambda: is_whole(running), UP_S), stages(running)
        yield running


def stages(running: EmbeddedPipeline) -> dict[str, dict[str, Any]]:
    """What the console says of each stage; nothing before it answers."""
    try:
        with httpx.stream("GET", f"{running.console_url}/api/pipeline", timeout=30) as answer:
            answer.raise_for_status()
            data = next(line for line in answer.iter_lines() if line.startswith("data:"))
    except (httpx.HTTPError, StopIteration):
        return {}
    told = yaml.safe_load(data.removeprefix("data:"))
    return {stage["name"]: stage for stage in told["stages"]}


def is_whole(running: EmbeddedPipeline) -> bool:
    """All stages that the example has answer, and those that count records have counted some."""
    told = [stage for stage in stages(running).values() if stage["state"] != "absent"]
    counting = [stage for stage in told if stage["rate"]]
    return (
        bool(counting)
        and all(stage["state"] == "up" for stage in told)
        and all(stage["rate"]["value"] for stage in counting)
    )


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_a_newcomer_sees_the_whole_path(
    browser: Browser, quickstart: EmbeddedPipeline, axe: str, size: str, scheme: str
) -> None:
    with visitor(browser, quickstart.console_url, size, scheme) as page:
        expect(coming(page).first).to_be_visible()
        picture(page, f"whole-city-{size}-{scheme}")
        assert faults(page, axe) == []
        page.get_by_role("link", name="Pipeline").click()
        expect(page.locator(".stage .curve").first).to_be_visible()
        expect(page.locator(".latencies tbody tr").first).to_be_visible()
        expect(page.locator(".stage[data-state=down]")).to_have_count(0)
        picture(page, f"whole-pipeline-{size}-{scheme}", whole=True)
        assert faults(page, axe) == []
        assert not is_wide(page)
