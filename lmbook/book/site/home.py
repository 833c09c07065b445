"""The home page: what the book is, the road through it, how to begin, and who it is for."""

from __future__ import annotations

import base64

from lmbook.book.chapters import LessonFile
from lmbook.book.contents import Contents, HomePicture
from lmbook.book.listing import seconds
from lmbook.book.results import read_results
from lmbook.book.site.drawings import road
from lmbook.errors import LmbookError
from lmbook.files import read_json

PAGE = """---
html_theme.sidebar_secondary.remove: true
---

# A working book on large language models

:::{{container}} book-lead
{count} chapters take you from counting words to training, adapting and testing language models of your own. Every model
is small enough for a laptop, every lesson can be run in about a minute, and every number on these pages was measured
by the program beside it.
:::

::::{{only}} html and not epub
```{{raw}} html
{road}
```
::::

## Begin with two commands

You need Python 3.11 to 3.13, 3 GB of disk, and no graphics card. In the book's folder:

```
python -m pip install -r requirements.txt && python -m lmbook run lstm_baseline
python -m pip install -r requirements-test.txt && python -m pytest
```

The first installs the book and trains a small network until it writes stories ({seconds} on two processor cores). The
second runs the tests.

## Three doors

:::::{{container}} doors
::::{{container}} door
**Read**

Start with [{first_title}]({first}), where we predict the next word by counting. You need to know Python and school
mathematics; every other word is explained before it is used, and again in the [glossary](/docs/glossary.md).
::::
::::{{container}} door
**Run**

Each lesson is a page, a notebook and a script. Take the notebook from the page, or type `lmbook run` and the
lesson's name. With `lmbook train --text FILE` the same models read your own text.
::::
::::{{container}} door
**Teach**

These pages need no server and no network: copy the folder and open it. A chapter's page says what a class can do
afterwards and how many minutes each lesson takes. The built-in stories have a known best possible loss, so that you
can say how good a student's model is.
::::
:::::

{glimpse}
{toctrees}
"""

HOME_PICTURE = "/home.png"
PICTURE = """## A look inside a model

{text}

:::{{figure}} {file}
:alt: {note}
:name: home-picture

{note}. From the lesson [{title}](/chapters/{chapter}/{lesson}.ipynb).
:::
"""


def home_page(contents: Contents, book: list[LessonFile], toctrees: str) -> str:
    """The Markdown of the home page."""
    known = {lesson.name: lesson for lesson in book}
    first = known[contents.chapters[0].lessons[0].name]
    count = len(contents.chapters)
    return PAGE.format(
        count={12: "Twelve"}.get(count, str(count)),
        road=road(contents.chapters),
        seconds=seconds(known["lstm_baseline"], "quick") if "lstm_baseline" in known else "about a minute",
        first_title=first.fields.get("Title", first.name),
        first=f"/chapters/{first.chapter}/{first.name}.ipynb",
        glimpse=_picture(contents.home, known) if contents.home else "",
        toctrees=toctrees,
    )


def picture_file(contents: Contents, book: list[LessonFile]) -> bytes | None:
    """The home page's picture out of its lesson's notebook; None where it lies in a file beside the lesson."""
    lesson = next((lesson for lesson in book if contents.home and lesson.name == contents.home.lesson), None)
    path = lesson and lesson.path.with_suffix(".ipynb")
    if not path or not path.exists():
        return None
    figures = (read_results(lesson, "full") or {"figures": {}})["figures"]
    caption = figures.get(f"picture/{contents.home.picture}", {}).get("note")
    for cell in read_json(path)["cells"]:
        for output in cell.get("outputs", []):
            if caption and output.get("metadata", {}).get("image/png", {}).get("alt") == caption:
                return base64.b64decode("".join(output["data"]["image/png"]))
    return None


def _picture(home: HomePicture, known: dict[str, LessonFile]) -> str:
    lesson = known.get(home.lesson)
    figures = (read_results(lesson, "full") or {"figures": {}})["figures"] if lesson else {}
    entry = figures.get(f"picture/{home.picture}")
    if entry is None:
        raise LmbookError(
            f"[home] in contents.toml names {home.picture!r}, which is no picture of the lesson {home.lesson!r}.",
            "Name a picture that a lesson's full run recorded.",
        )
    return PICTURE.format(
        text=home.text,
        chapter=lesson.chapter,
        file=HOME_PICTURE if entry["value"].endswith(".ipynb") else f"/chapters/{lesson.chapter}/{entry['value']}",
        note=entry["note"],
        title=lesson.fields.get("Title", lesson.name),
        lesson=lesson.name,
    )
