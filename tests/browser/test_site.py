"""The site as a reader meets it: opened from disk in a real browser, in light and dark, on wide and narrow screens."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest

PAGES = (
    "index.html",
    "chapters/02_concepts/index.html",
    "chapters/01_background/recurrent_networks.html",
    "docs/glossary.html",
    "search.html?q=attention",
)
SCREENS = ((1280, "light"), (1280, "dark"), (390, "light"), (390, "dark"))


@pytest.fixture(scope="module")
def queries(root):
    lines = (root / "tests" / "browser" / "queries.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return [tuple(line.split("\t")) for line in lines]


def violations(page):
    """What axe finds wrong, a line each."""
    from axe_playwright_python.sync_playwright import Axe

    # Preloading would read files by a request; what is right need not be listed.
    found = Axe().run(page, options={"preload": False, "resultTypes": ["violations"]}).response["violations"]
    return [f"{each['id']}: {node['html'][:120]}" for each in found for node in each["nodes"]]


def address(page, site):
    """The page's name in the site, and its anchor."""
    parts = urlsplit(page.url)
    return unquote(parts.path).removeprefix(site.as_posix() + "/"), parts.fragment


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: f"{screen[0]}-{screen[1]}")
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_and_fits_the_screen(open_page, site, name, screen):
    file, _, query = name.partition("?")
    page = open_page(file, *screen)
    if query:
        page.goto(f"{(site / file).as_uri()}?{query}")
        page.wait_for_selector("#search-results > li")
    assert page.evaluate("document.documentElement.dataset.theme") == screen[1]
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    page.emulate_media(reduced_motion="reduce")  # colours are those at rest
    page.wait_for_timeout(300)
    assert violations(page) == []


@pytest.mark.parametrize("turn", range(4), ids=[f"{width}-{scheme}" for width, scheme in SCREENS])
def test_every_page_is_accessible_on_one_of_the_screens(open_page, site, turn):
    page = open_page("index.html", *SCREENS[turn])
    page.emulate_media(reduced_motion="reduce")  # colours are those at rest
    for path in sorted(site.rglob("*.html"))[turn::4]:
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true })")
        page.wait_for_timeout(300)
        assert violations(page) == [], path.relative_to(site).as_posix()


def test_every_page_opens_without_an_error_and_with_its_formulas_set(open_page, site):
    page = open_page("index.html", 390)
    for path in sorted(site.rglob("*.html")):
        page.goto(path.as_uri())
        page.wait_for_load_state("load")
        name = path.relative_to(site).as_posix()
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, name
        assert page.evaluate("document.querySelectorAll('.katex-error').length") == 0, name
        formulas, done = page.evaluate(
            "['.formula', '.formula .katex'].map((s) => document.querySelectorAll(s).length)"
        )
        assert formulas == done, name
        assert page.evaluate("[...document.images].filter((i) => i.complete && !i.naturalWidth).length") == 0, name


def test_the_fonts_of_icons_and_formulas_are_loaded_from_disk(open_page):
    page = open_page("chapters/05_transformer/attention.html")
    page.evaluate("document.fonts.ready")
    loaded = page.evaluate("[...document.fonts].filter((f) => f.status === 'loaded').map((f) => f.family).join()")
    assert "KaTeX_Main" in loaded and "Font Awesome" in loaded


def test_a_narrow_screen_gets_the_road_that_fits(open_page):
    for width, shown in ((1280, ".road-wide"), (390, ".road-narrow")):
        page = open_page("index.html", width)
        assert [page.is_visible(form) for form in (".road-wide", ".road-narrow")] == [
            form == shown for form in (".road-wide", ".road-narrow")
        ]


def search(page, query):
    """Type `query` into the open search and wait for its answer."""
    page.fill(".site-search input", query)
    page.wait_for_function("(q) => document.querySelector('#search-results').dataset.query === q", arg=query)


@pytest.mark.parametrize("key", ["Control+k", "/"])
def test_the_search_is_used_by_keyboard_alone(open_page, site, key):
    page = open_page("chapters/05_transformer/attention.html")
    page.keyboard.press(key)
    assert page.evaluate("document.activeElement.getAttribute('role')") == "combobox"
    search(page, "perplexity")
    first = page.get_attribute(".site-search input", "aria-activedescendant")
    page.keyboard.press("ArrowDown")
    second = page.get_attribute(".site-search input", "aria-activedescendant")
    assert first != second and page.get_attribute(f"#{second}", "aria-selected") == "true"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url("**/docs/glossary.html#*")
    assert address(page, site) == ("docs/glossary.html", "term-perplexity")


def test_the_search_closes_says_how_much_it_found_and_marks_the_words(open_page):
    page = open_page("index.html")
    page.click(".bd-sidebar [data-search]")
    search(page, "注意力")
    assert "page" in page.inner_text(".site-search [role=status]")
    assert "注意力" in page.locator("#search-results > li >> nth=0 >> mark").all_inner_texts()
    assert violations(page) == []
    search(page, "xyzzyqwert")
    assert page.inner_text(".site-search [role=status]").startswith("Nothing found")
    assert page.is_hidden("#search-results")
    page.keyboard.press("Escape")
    page.wait_for_selector(".site-search", state="hidden")  # the browser closes a dialog a moment later
    page.keyboard.press("x")  # no letter opens it
    assert page.is_hidden(".site-search")


def test_the_fixed_queries_find_their_page_among_the_first_three(open_page, site, queries, record_property):
    page = open_page("index.html")
    page.keyboard.press("/")
    missed = []
    for _, _, query, expected in queries:
        search(page, query)
        found = page.evaluate("[...document.querySelectorAll('#search-results > li')].map((li) => li.dataset.url)")
        if expected not in [each.removeprefix("./").split("#")[0] for each in found[:3]]:
            missed.append(query)
    share = 1 - len(missed) / len(queries)
    record_property("found", share)
    assert share >= 0.95, f"found {share:.3f}; not found: {missed}"
    assert not {"注意力", "自注意力机制", "词嵌入"} & set(missed)


def test_a_search_page_answers_the_words_of_its_address(open_page, site):
    page = open_page("search.html")
    page.goto(f"{(site / 'search.html').as_uri()}?q=词嵌入")
    page.wait_for_selector("#search-results > li")
    page.click("#search-results a >> nth=0")
    assert address(page, site)[0] == "docs/glossary.html"


def test_a_term_shows_its_definition_and_leads_to_it(open_page, site):
    page = open_page("chapters/05_transformer/attention.html")
    link = page.locator("a.first-use", has_text="softmax").first
    assert "probabilities" in link.get_attribute("title")
    link.click()
    assert address(page, site) == ("docs/glossary.html", "term-softmax")


def test_the_reader_s_choice_of_dark_stays(open_page):
    page = open_page("index.html")
    page.click(".theme-switch-button >> visible=true")
    page.click(".theme-change-button[data-mode=dark] >> visible=true")
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
