"""The page in a real browser: quiet, self-contained, readable on a phone, harmless, accessible.

Needs Chromium (Debian: `apt-get install chromium`); where there is none, these tests are skipped and say so.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Literal

import pytest
from cloud import Reply, Scripted
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from persona.model import Framework
from persona.write import render

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

WHY = "no Chromium on this machine: install Debian's package chromium to run these tests"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason=WHY)]

# A browser that talks to nobody but the page under test.
OFF = "gpu", "quic", "background-networking", "component-update", "sync"
QUIET = ["--no-sandbox", "--no-first-run", *(f"--disable-{part}" for part in OFF)]
Scheme = Literal["light", "dark"]
Show = Callable[..., Page]
NAMES = ("mave", "named", "facts", "stress", "hostile")
MOST_PAGES = 8
SCREEN_PIXELS = 844  # of a phone; a desk's screen is higher


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET, timeout=600_000)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def pages(made: dict[str, Framework]) -> dict[str, str]:
    return {name: render.as_html(made[name]) for name in NAMES}


def served(html: str) -> Scripted:
    """A page served as the HTTP door serves it."""
    headers = {"Content-Type": "text/html; charset=utf-8"}
    headers |= {"Content-Security-Policy": render.CONTENT_SECURITY_POLICY}
    return Scripted(Reply(body=html.encode(), headers=headers))


@pytest.fixture
def show(browser: Browser, pages: dict[str, str]) -> Iterator[Show]:
    """Shows a page, without its policy in the way of what a test wants to measure."""

    def shown(name: str, *, width: int = 1280, scheme: Scheme = "light") -> Page:
        size: ViewportSize = {"width": width, "height": 900}
        page = browser.new_page(viewport=size, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")
        page.set_content(pages[name], timeout=600_000)
        page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")
        return page

    yield shown
    for context in browser.contexts:
        context.close()


@pytest.mark.parametrize("name", NAMES)
def test_the_page_says_nothing_on_the_console_and_asks_for_nothing(
    browser: Browser, pages: dict[str, str], name: str
) -> None:
    with served(pages[name]) as door:
        page = browser.new_page()
        said: list[str] = []
        requested: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: requested.append(request.url))
        page.goto(door.url, wait_until="networkidle", timeout=600_000)
        painted = page.evaluate("getComputedStyle(document.querySelector('.card')).borderTopWidth")
        page.close()
    own = [url for url in requested if not url.startswith("data:")]
    asked = [request.path for request in door.requests]
    assert (said, own, asked, painted) == ([], [f"{door.url}/"], ["/"], "4px")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", NAMES)
def test_the_page_never_scrolls_sideways(show: Show, name: str, width: int) -> None:
    assert show(name, width=width).evaluate("document.documentElement.scrollWidth") == width


def test_what_was_injected_stays_text(show: Show) -> None:
    page = show("hostile")
    found = page.evaluate("document.querySelectorAll('img, script, iframe, [onerror], [style]').length")
    hit = page.evaluate("window.hit")
    text = page.evaluate("document.body.innerText.includes('<img src=x onerror')")
    assert (found, hit, text) == (0, None, True)


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_no_barrier(show: Show, name: str, width: int, scheme: Scheme) -> None:
    page = show(name, width=width, scheme=scheme)
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    nodes = {violation["id"]: violation["nodes"][:3] for violation in result["violations"]}
    violations = {name: [node["html"][:200] for node in found] for name, found in nodes.items()}
    assert (violations, len(result["passes"]) > 20) == ({}, True)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_first_screen_holds_names_shares_and_next_steps(show: Show, width: int) -> None:
    bottoms = show("named", width=width).evaluate(
        "[...document.querySelectorAll('.mini h2, .mini .size, .mini .next')]"
        ".map(shown => shown.getBoundingClientRect().bottom)"
    )
    assert (len(bottoms), [bottom for bottom in bottoms if bottom > SCREEN_PIXELS]) == (12, [])


def test_a_tap_on_a_figure_shows_its_fact_and_on_a_card_its_persona(show: Show) -> None:
    page = show("named")
    page.locator(".mini h2 a").first.click()
    assert page.locator("article:target h3").inner_text() == "The Desk Planner #"
    page.locator(".card a.fact").first.click()
    shown = page.locator("td:target")
    assert (shown.count(), shown.first.is_visible()) == (1, True)


def test_the_page_prints_on_white_on_few_pages(browser: Browser, pages: dict[str, str]) -> None:
    with served(pages["named"]) as door:
        page = browser.new_page(color_scheme="dark")
        page.goto(door.url, timeout=600_000)
        printed = page.pdf(format="A4")
        page.emulate_media(media="print", color_scheme="dark")
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.close()
    sheets = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert (paper, 0 < sheets <= MOST_PAGES) == ("rgb(255, 255, 255)", True)
