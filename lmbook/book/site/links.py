"""Links of the repository's pages, turned into links between the site's pages; and words in angle brackets."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection

from lmbook.book.chapters import LessonFile

_LINK = re.compile(r"(\]\()([^)\s#:]*[./][^)\s#:]*)(#[^)\s]*)?(\))")  # relative ones: no scheme, no bare anchor
_WORD = re.compile(r"<(?=/?(\w+)>)")  # a token's name, as <end>, which Markdown takes for HTML
_HTML = {"a", "b", "br", "code", "details", "em", "i", "img", "kbd", "p", "strong", "sub", "summary", "sup"}
_CODE = re.compile(r"^(`{3,}|~{3,}).*?^\1|`[^`\n]*`", re.S | re.M)


def site_links(text: str, folder: str, book: list[LessonFile]) -> str:
    """Markdown `text` of a page in the repository's `folder`, with its relative links counted from the site's root.

    A link to a lesson's program leads to its page, one to a README to the page made of it. A word in angle brackets
    that is no part of HTML stays a word. Code stays as it is.
    """
    lessons = {f"chapters/{lesson.chapter}/{lesson.name}.py" for lesson in book}

    def replace(match: re.Match) -> str:
        path = posixpath.normpath(posixpath.join(folder, match[2]))
        return f"{match[1]}/{page_source(path, lessons)}{match[3] or ''}{match[4]}"

    def prose(text: str) -> str:
        return _WORD.sub(lambda match: "<" if match[1].lower() in _HTML else "\\<", _LINK.sub(replace, text))

    parts, end = [], 0
    for code in _CODE.finditer(text):
        parts += [prose(text[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, prose(text[end:])])


def page_source(path: str, lessons: Collection[str] = ()) -> str:
    """The site's source for the repository's `path`; the same path where the site has the file itself.

    Args:
        lessons: the paths of the lessons' programs.
    """
    if path == "CONTRIBUTING.md":
        return "docs/contributing.md"
    if path in lessons:
        return path.removesuffix(".py") + ".ipynb"
    if re.fullmatch(r"chapters/\d\d_\w+|benchmarks|data/\w+", path):
        return f"{path}/index.md"
    return re.sub(r"/README\.md$", "/index.md", path)
