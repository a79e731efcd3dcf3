"""The console as people see it: in a browser, on a desk and on a phone, by day and by night, by keyboard and by ear.

Pictures of all pages are left in build/console for a person to look at.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.console.conftest import ROOT
from tests.console.living_city import PATIENTS_TOKEN, TOKEN, LivingCity

PICTURES = ROOT / "build" / "console"
PATIENCE_MS = 90_000
SIZES = {"desktop": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
LOOKS = [(size, scheme) for size in SIZES for scheme in ("light", "dark")]
# Frames within three seconds; so few only where a dozen other programs want the processor as well.
FEWEST_FRAMES = 30
COUNT_FRAMES = """() => new Promise((done) => {
  let count = 0;
  const end = performance.now() + 3000;
  const next = (now) => (now < end ? (count++, requestAnimationFrame(next)) : done(count));
  requestAnimationFrame(next);
})"""
# A sum of the canvas's pixels: it changes when something on it moves.
PIXELS = """() => {
  const map = document.getElementById("map");
  const data = map.getContext("2d").getImageData(0, 0, map.width, map.height).data;
  let sum = 0;
  for (let at = 0; at < data.length; at += 4) sum = (sum * 31 + data[at] + data[at + 1]) % 1000000007;
  return sum;
}"""


@contextmanager
def visitor(browser: Browser, city: LivingCity, size: str = "desktop", scheme: str = "light", token: str = TOKEN,
            **more: Any) -> Iterator[Page]:  # fmt: skip
    """Somebody who has signed in; at the end, nothing may have gone wrong in the browser."""
    is_phone = size == "phone"
    context = browser.new_context(
        viewport=SIZES[size], color_scheme=scheme, is_mobile=is_phone, has_touch=is_phone,
        device_scale_factor=2 if is_phone else 1, **more,
    )  # fmt: skip
    context.set_default_timeout(PATIENCE_MS)
    context.set_default_navigation_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    elsewhere: list[str] = []
    page.on("request", lambda asked: None if asked.url.startswith(city.url) else elsewhere.append(asked.url))
    page.goto(city.url)
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    yield page
    assert (wrong, elsewhere) == ([], [])
    context.close()
    city.check()


def coming(page: Page) -> Locator:
    """The calls that somebody is on the way to."""
    return page.locator(".section.coming .call > details > summary")


def picture(page: Page, name: str, *, whole: bool = False) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    path: Path = PICTURES / f"{name}.png"
    page.screenshot(path=path, full_page=whole)
    assert path.stat().st_size > 10_000


def faults(page: Page, axe: str) -> list[str]:
    """Serious ones by axe. It comes in by the debugger, so the page's policy need not allow it."""
    page.evaluate(axe)
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {each['help']} {[node['target'] for node in each['nodes']][:3]}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_it_can_be_seen_by_everybody(browser: Browser, city: LivingCity, axe: str, size: str, scheme: str) -> None:
    with visitor(browser, city, size, scheme) as page:
        expect(coming(page).first).to_be_visible()
        picture(page, f"city-{size}-{scheme}")
        assert faults(page, axe) == []
        coming(page).first.click()
        expect(page.locator(".candidates").first).to_be_visible()
        picture(page, f"story-{size}-{scheme}")
        assert faults(page, axe) == []
        page.get_by_role("tab", name="Vehicles").click()
        expect(page.locator(".fleet tbody tr")).to_have_count(200)
        picture(page, f"vehicles-{size}-{scheme}")
        assert faults(page, axe) == []
        page.get_by_role("link", name="Pipeline").click()
        expect(page.locator(".stage .curve").first).to_be_visible()
        expect(page.locator(".letter").first).to_be_visible()
        picture(page, f"pipeline-{size}-{scheme}", whole=True)
        assert faults(page, axe) == []
        is_wide = page.evaluate("() => document.documentElement.scrollWidth > innerWidth")
        assert not is_wide, "the page can be moved sideways"


def test_the_map_moves_and_so_do_the_figures(browser: Browser, city: LivingCity) -> None:
    with visitor(browser, city) as page:
        expect(page.locator(".tile.free dt")).to_have_text("Free of 170")
        before = page.evaluate(PIXELS)
        page.wait_for_function(f"before => ({PIXELS})() !== before", arg=before)
        frames = page.evaluate(COUNT_FRAMES)
        PICTURES.mkdir(parents=True, exist_ok=True)
        (PICTURES / "frames.txt").write_text(f"{frames / 3:.0f} frames a second, 200 vehicles at 5 reports a second\n")
        assert frames >= FEWEST_FRAMES


def test_by_keyboard_one_comes_everywhere(browser: Browser, city: LivingCity) -> None:
    with visitor(browser, city, reduced_motion="reduce") as page:
        expect(coming(page).first).to_be_visible()
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip the map")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_role("tab", name="Calls")).to_be_focused()
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("tab", name="Vehicles")).to_be_focused()
        expect(page.locator("#vehicles")).to_be_visible()
        page.keyboard.press("ArrowLeft")
        coming(page).first.focus()
        page.keyboard.press("Enter")
        expect(page.locator(".call details[open]")).to_have_count(1)
        page.locator("#map").focus()
        scale = page.locator("#scale-text").text_content()
        for _ in range(6):
            page.keyboard.press("+")
        expect(page.locator("#scale-text")).not_to_have_text(scale or "")
        page.keyboard.press("0")
        expect(page.locator("#scale-text")).to_have_text(scale or "")


def test_news_are_said_to_who_cannot_see_them(browser: Browser, city: LivingCity) -> None:
    with visitor(browser, city) as page:
        expect(page.locator("#said")).to_contain_text("sent to Patient")


def test_who_the_patients_are_is_told_to_who_may_know(browser: Browser, city: LivingCity) -> None:
    with visitor(browser, city) as page:
        expect(coming(page).first).to_be_visible()
        expect(page.locator("#privacy")).to_have_text("Patient ids are hidden")
        assert "patient-0" not in page.content()
    with visitor(browser, city, token=PATIENTS_TOKEN) as page:
        expect(page.locator("#privacy")).to_have_text("Patient ids are shown")
        expect(coming(page).first).to_contain_text("patient ")


def test_a_wrong_token_does_not_open_the_door(browser: Browser, city: LivingCity, axe: str) -> None:
    page = browser.new_page(viewport=SIZES["desktop"])
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{city.url}/pipeline")
    page.get_by_label("Token").fill("something else")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    picture(page, "sign-in")
    assert faults(page, axe) == []
    page.close()
