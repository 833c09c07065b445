"""A real browser for the tests of the site: the system's Chromium, driven by playwright, which downloads none."""

from __future__ import annotations

import os
import shutil

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def missing(what: str) -> None:
    """Skip, saying what is missing; fail where `LMBOOK_REQUIRE_BROWSER` forbids it."""
    if os.environ.get("LMBOOK_REQUIRE_BROWSER"):
        pytest.fail(f"LMBOOK_REQUIRE_BROWSER is set, but {what}")
    pytest.skip(what)


@pytest.fixture(scope="session")
def browser():
    """Chromium without a window: `LMBOOK_BROWSER`, else the one on the PATH."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed: requirements-site.txt")
    program = os.environ.get("LMBOOK_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        missing("there is no Chromium: install one, or name it in LMBOOK_BROWSER")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=quiet)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, site):
    """Function of a page's name: it opened from disk, at a width, in light or dark.

    What a reader must never see is a failure: a message of an error or a warning on the console, a request to a host, a
    file that is not there.
    """
    contexts, faults = [], []

    def request(route):
        if not route.request.url.startswith(("file:", "data:")):
            faults.append(f"request to {route.request.url}")
        route.continue_()

    def open_page(name, width=1280, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.route("**/*", request)
        page.on("console", lambda message: message.type in ("error", "warning") and faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("requestfailed", lambda failed: faults.append(f"not loaded: {failed.url}"))
        page.goto((site / name).as_uri())
        page.wait_for_load_state("load")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []
