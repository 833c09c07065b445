"""The glossary, `docs/glossary.md`, written for Sphinx, which gives each term an address.

An entry is a term in bold, in brackets its Chinese, and below it the definition, which a code host shows well too::

    **embedding, word vector (词嵌入)**
    : The row of numbers that stands for a token, for example 64 of them.
"""

from __future__ import annotations

import re

_ENTRY = re.compile(r"^\*\*([^*(\n]+?)(?: \(([^)\n]+)\))?\*\*\n: (.+(?:\n  .+)*)\n", re.M)
_RUN = re.compile(rf"(?:{_ENTRY.pattern}\n*)+", re.M)


def glossary_directive(text: str) -> str:
    """The page `text` with its entries as Sphinx' glossaries; the headings between them stay."""

    def entry(match: re.Match) -> str:
        names = [name for part in (match[1], match[2]) for name in re.split(r", |、", part or "") if name]
        definition = " ".join(line.strip() for line in match[3].splitlines())
        return "\n".join([*names, f"  {definition}"])

    def glossary(run: re.Match) -> str:
        entries = "\n\n".join(entry(match) for match in _ENTRY.finditer(run[0]))
        return f":::{{glossary}}\n{entries}\n:::\n\n"

    return _RUN.sub(glossary, text)
