"""The page in a real browser: quiet, self-contained, readable on a phone, harmless, accessible.

Needs Chromium (Debian: `apt-get install chromium`); where there is none, these tests are skipped and say so.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from threading import Thread
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from persona.model import Framework
from persona.write import render

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

WHY = "no Chromium on this machine: install Debian's package chromium to run these tests"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason=WHY)]

# A browser that talks to nobody but the page under test.
QUIET = ["--no-sandbox", "--no-first-run"]
QUIET += [
    f"--disable-{part}" for part in ("gpu", "quic", "background-networking", "component-update", "sync")
]
Scheme = Literal["light", "dark"]
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


@contextmanager
def served(html: str) -> Iterator[tuple[str, list[str]]]:
    """The address of a page served as the HTTP door serves it, and the paths that were asked for."""
    asked: list[str] = []

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", render.CONTENT_SECURITY_POLICY)
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", asked
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def opened(browser: Browser, html: str, *, width: int = 1280, scheme: Scheme = "light") -> Iterator[Page]:
    """A page, loaded without its policy in the way of what a test wants to measure."""
    size: ViewportSize = {"width": width, "height": 900}
    context = browser.new_context(
        viewport=size, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_content(html, timeout=600_000)
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")
    yield page
    context.close()


@pytest.mark.parametrize("name", NAMES)
def test_the_page_says_nothing_on_the_console_and_asks_for_nothing(
    browser: Browser, pages: dict[str, str], name: str
) -> None:
    with served(pages[name]) as (address, asked):
        page = browser.new_page()
        said: list[str] = []
        requested: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: requested.append(request.url))
        page.goto(address, wait_until="networkidle", timeout=600_000)
        painted = page.evaluate("getComputedStyle(document.querySelector('.card')).borderTopWidth")
        page.close()
    own = [url for url in requested if not url.startswith("data:")]
    assert (said, own, asked, painted) == ([], [address], ["/"], "4px")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", NAMES)
def test_the_page_never_scrolls_sideways(
    browser: Browser, pages: dict[str, str], name: str, width: int
) -> None:
    with opened(browser, pages[name], width=width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_what_was_injected_stays_text(browser: Browser, pages: dict[str, str]) -> None:
    with opened(browser, pages["hostile"]) as page:
        found = page.evaluate("document.querySelectorAll('img, script, iframe, [onerror], [style]').length")
        hit = page.evaluate("window.hit")
        text = page.evaluate("document.body.innerText.includes('<img src=x onerror')")
    assert (found, hit, text) == (0, None, True)


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_no_barrier(
    browser: Browser, pages: dict[str, str], name: str, width: int, scheme: Scheme
) -> None:
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    with opened(browser, pages[name], width=width, scheme=scheme) as page:
        page.evaluate(axe)
        result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    violations = {
        violation["id"]: [node["html"][:200] for node in violation["nodes"][:3]]
        for violation in result["violations"]
    }
    assert (violations, len(result["passes"]) > 20) == ({}, True)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_first_screen_holds_names_shares_and_next_steps(
    browser: Browser, pages: dict[str, str], width: int
) -> None:
    with opened(browser, pages["named"], width=width) as page:
        bottoms = page.evaluate(
            "[...document.querySelectorAll('.mini h2, .mini .size, .mini .next')]"
            ".map(shown => shown.getBoundingClientRect().bottom)"
        )
    assert (len(bottoms), [bottom for bottom in bottoms if bottom > SCREEN_PIXELS]) == (12, [])


def test_a_tap_on_a_figure_shows_its_fact_and_on_a_card_its_persona(
    browser: Browser, pages: dict[str, str]
) -> None:
    with opened(browser, pages["named"]) as page:
        page.locator(".mini h2 a").first.click()
        assert page.locator("article:target h3").inner_text() == "The Desk Planner #"
        page.locator(".card a.fact").first.click()
        shown = page.locator("td:target")
        assert (shown.count(), shown.first.is_visible()) == (1, True)


def test_the_page_prints_on_white_on_few_pages(browser: Browser, pages: dict[str, str]) -> None:
    with served(pages["named"]) as (address, _):
        page = browser.new_page(color_scheme="dark")
        page.goto(address, timeout=600_000)
        printed = page.pdf(format="A4")
        page.emulate_media(media="print", color_scheme="dark")
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.close()
    sheets = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert (paper, 0 < sheets <= MOST_PAGES) == ("rgb(255, 255, 255)", True)
