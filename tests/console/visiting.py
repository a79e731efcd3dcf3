"""What a visitor of the console does and sees."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect

from tests.console.conftest import ROOT

PICTURES = ROOT / "build" / "console"
PATIENCE_MS = 90_000
SIZES = {"desktop": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
LOOKS = [(size, scheme) for size in SIZES for scheme in ("light", "dark")]


@contextmanager
def visitor(browser: Browser, url: str, size: str = "desktop", scheme: str = "light", token: str | None = None,
            **more: Any) -> Iterator[Page]:  # fmt: skip
    """Somebody on the console's first page, signed in where it takes a token.

    At the end, nothing may have gone wrong in the browser, and nothing may have been asked of anybody else.
    """
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
    page.on("request", lambda asked: None if asked.url.startswith(url) else elsewhere.append(asked.url))
    page.goto(url)
    if token is not None:
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    yield page
    assert (wrong, elsewhere) == ([], [])
    context.close()


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


def is_wide(page: Page) -> bool:
    """Whether it can be moved sideways, which nobody wants. Asked of the viewport: a phone's innerWidth gives way."""
    assert page.viewport_size is not None
    width: int = page.evaluate("() => document.documentElement.scrollWidth")
    return width > page.viewport_size["width"]
