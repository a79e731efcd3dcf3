"""The console as people see it: in a browser, on a desk and on a phone, by day and by night, by keyboard and by ear.

Pictures of all pages are left in build/console for a person to look at.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.console.living_city import PATIENTS_TOKEN, TOKEN, LivingCity
from tests.console.visiting import LOOKS, PATIENCE_MS, PICTURES, SIZES, coming, faults, is_wide, picture, visitor

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


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_it_can_be_seen_by_everybody(browser: Browser, city: LivingCity, axe: str, size: str, scheme: str) -> None:
    with visitor(browser, city.url, size, scheme, token=TOKEN) as page:
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
        assert not is_wide(page)


def test_the_map_moves_and_so_do_the_figures(browser: Browser, city: LivingCity) -> None:
    with visitor(browser, city.url, token=TOKEN) as page:
        expect(page.locator(".tile.free dt")).to_have_text("Free of 170")
        before = page.evaluate(PIXELS)
        page.wait_for_function(f"before => ({PIXELS})() !== before", arg=before)
        frames = page.evaluate(COUNT_FRAMES)
        PICTURES.mkdir(parents=True, exist_ok=True)
        (PICTURES / "frames.txt").write_text(f"{frames / 3:.0f} frames a second, 200 vehicles at 5 reports a second\n")
        assert frames >= FEWEST_FRAMES


def test_by_keyboard_one_comes_everywhere(browser: Browser, city: LivingCity) -> None:
    with visitor(browser, city.url, token=TOKEN, reduced_motion="reduce") as page:
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
    with visitor(browser, city.url, token=TOKEN) as page:
        expect(page.locator("#said")).to_contain_text("sent to Patient")


def test_who_the_patients_are_is_told_to_who_may_know(browser: Browser, city: LivingCity) -> None:
    with visitor(browser, city.url, token=TOKEN) as page:
        expect(coming(page).first).to_be_visible()
        expect(page.locator("#privacy")).to_have_text("Patient ids are hidden")
        assert "patient-0" not in page.content()
    with visitor(browser, city.url, token=PATIENTS_TOKEN) as page:
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
