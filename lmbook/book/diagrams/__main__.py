"""`python -m lmbook.book.diagrams FOLDER` writes an example of each diagram, and `index.html`, which shows them all.

Below each stands its alternative text. For those who choose a diagram, and for those who change one.
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path

from lmbook.book.diagrams.examples import examples
from lmbook.errors import LmbookError
from lmbook.files import write_text

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Diagrams</title>
<style>
:root {{ color-scheme: light dark }}
body {{ max-width: 720px; margin: auto; padding: 16px; font: 15px/1.5 sans-serif }}
</style>
<main>
<h1>Diagrams</h1>
{sections}
</main>
</html>
"""


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: python -m lmbook.book.diagrams FOLDER")
        return 0 if arguments in (["-h"], ["--help"]) else 2
    folder, drawn = Path(arguments[0]), examples()
    try:
        for name, diagram in drawn.items():
            diagram.save(folder / f"{name}.svg")
        sections = "\n".join(
            f"<h2>{name}</h2>\n{diagram.svg}<p>{escape(diagram.alt)}</p>" for name, diagram in drawn.items()
        )
        page = write_text(folder / "index.html", PAGE.format(sections=sections))
    except LmbookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{len(drawn)} diagrams; all of them are in {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
