"""The book's own site: nothing leads nowhere, nothing is fetched from elsewhere, the same twice, and not heavy."""

from __future__ import annotations

import gzip
import hashlib
import re
import zipfile
from html import unescape
from urllib.parse import unquote, urlsplit

import pytest

from lmbook.book.chapters import lessons

LOADED = re.compile(  # what a browser fetches by itself
    r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\ssrc="([^"]*)"|<link\b[^>]*?\shref="([^"]*)\"""", re.S
)
LINK = re.compile(r"""<a\b[^>]*?\shref="([^"]*)\"""", re.S)
ANCHOR = re.compile(r"""\s(?:id|name)="([^"]+)\"""")
NEEDS_NO_HOST = re.compile(r"^(?:data:|#|(?!https?:|//)[^:]*$)")


@pytest.fixture(scope="module")
def pages(site):
    return {path.relative_to(site).as_posix(): path.read_text(encoding="utf-8") for path in site.rglob("*.html")}


def attributes(pattern, text):
    return [unescape(next(filter(None, found.groups()), "")) for found in pattern.finditer(text)]


def test_sphinx_found_nothing_to_warn_of(site):
    assert (site.parent.parent / "site-warnings.txt").read_text(encoding="utf-8") == ""


def test_every_lesson_and_chapter_has_a_page(pages, root):
    book = lessons(root / "chapters")
    wanted = {f"chapters/{lesson.chapter}/{lesson.name}.html" for lesson in book}
    wanted |= {f"chapters/{lesson.chapter}/index.html" for lesson in book}
    wanted |= {"index.html", "search.html", "docs/glossary.html", "docs/clusters.html", "docs/contributing.html"}
    assert wanted <= set(pages)


def test_links_anchors_pictures_and_scripts_are_all_there(site, pages):
    anchors = {name: set(ANCHOR.findall(text)) for name, text in pages.items()}
    broken = []
    for name, text in pages.items():
        for target in attributes(LINK, text) + attributes(LOADED, text):
            parts = urlsplit(target)
            if parts.scheme or not target:
                continue
            path = (site / name).parent / unquote(parts.path) if parts.path else site / name
            path = path.resolve()
            if not path.is_file():
                broken.append(f"{name}: {target}")
            elif parts.fragment and path.suffix == ".html":
                if unquote(parts.fragment) not in anchors[path.relative_to(site.resolve()).as_posix()]:
                    broken.append(f"{name}: {target} (no such anchor)")
    assert broken == []


def test_no_page_or_style_loads_anything_from_a_host(site, pages):
    loaded = [(name, target) for name, text in pages.items() for target in attributes(LOADED, text)]
    assert len(loaded) > len(pages)
    assert [each for each in loaded if not NEEDS_NO_HOST.match(each[1])] == []
    for path in site.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        targets = re.findall(r"url\(\s*['\"]?([^'\")]+)", text) + re.findall(r"@import\s+['\"]([^'\"]+)", text)
        assert [target for target in targets if not NEEDS_NO_HOST.match(target)] == [], path
        local = [target.split("?")[0].split("#")[0] for target in targets if not target.startswith("data:")]
        assert [target for target in local if target and not (path.parent / target).exists()] == [], path


def test_the_same_sources_give_the_same_files(site, root, tmp_path):
    from lmbook.book.site.build import build_site

    again, _ = build_site(root / "chapters", tmp_path)

    def sums(folder):
        return {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*")
            if path.is_file()
        }

    assert sums(again) == sums(site)


def _with_its_files(site, name, text):
    """Compressed bytes of a page with the styles and scripts that it loads, but no pictures and fonts."""
    targets = {target.partition("?")[0] for target in attributes(LOADED, text)}
    files = {(site / name).parent / target for target in targets if target.endswith((".css", ".js"))}
    return sum(len(gzip.compress(path.read_bytes(), mtime=0)) for path in [site / name, *files])


def test_pages_and_archive_stay_small(site, pages, tmp_path):
    heaviest = max(len(gzip.compress(text.encode("utf-8"), mtime=0)) for text in pages.values())
    assert heaviest <= 50_000
    assert max(_with_its_files(site, name, text) for name, text in pages.items()) <= 125_000
    assert len(gzip.compress((site / "_static" / "search-index.js").read_bytes(), mtime=0)) <= 700_000
    with zipfile.ZipFile(tmp_path / "site.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(site.rglob("*")):
            archive.write(path, path.relative_to(site))
    assert (tmp_path / "site.zip").stat().st_size <= 30_000_000


def test_the_pages_that_the_fixed_queries_expect_exist(pages, root):
    lines = (root / "tests" / "browser" / "queries.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rows = [line.split("\t") for line in lines]
    assert {page for *_, page in rows} <= set(pages)
    assert [sum(row[0] == language for row in rows) for language in ("en", "zh")] == [50, 20]


def test_the_vendored_files_have_their_licences(root):
    static = root / "lmbook" / "book" / "site" / "static"
    assert "MIT" in (static / "katex" / "LICENSE").read_text(encoding="utf-8")
    assert "Copyright" in (static / "minisearch" / "LICENSE.txt").read_text(encoding="utf-8")
