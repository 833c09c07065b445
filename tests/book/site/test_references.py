"""The list of references: complete, findable, and of works that the book speaks of."""

from __future__ import annotations

import re
import unicodedata

import pytest

pybtex = pytest.importorskip("pybtex.database", reason="pybtex is not installed: requirements-site.txt")

WHERE = {"booktitle", "journal", "howpublished", "institution", "publisher", "eprint", "url"}
FORM = {"doi": r"10\.\d{4,}/\S+", "eprint": r"\d{4}\.\d{4,5}", "url": r"https://\S+"}


@pytest.fixture(scope="module")
def entries(root):
    return pybtex.parse_file(str(root / "docs" / "references.bib"), bib_format="bibtex").entries


def first_author(entry):
    return " ".join(entry.persons["author"][0].last_names)


def test_a_key_is_the_first_author_and_the_year(entries):
    for key, entry in entries.items():
        name = unicodedata.normalize("NFKD", first_author(entry).strip("{}")).split()[0]
        plain = "".join(letter for letter in name if letter.isascii() and letter.isalpha()).lower()
        assert re.fullmatch(rf"{plain}{entry.fields['year']}[a-z]?", key), key


def test_every_work_says_where_it_is_found(entries):
    titles = [entry.fields["title"].lower() for entry in entries.values()]
    assert len(set(titles)) == len(titles) > 80
    for key, entry in entries.items():
        fields = dict(entry.fields)
        assert WHERE & set(fields), key
        found = {name: fields[name] for name in FORM if name in fields}
        assert found, f"{key} has no doi, eprint or url"
        assert [name for name, value in found.items() if not re.fullmatch(FORM[name], value)] == [], key
        assert ("eprint" in fields) == (fields.get("archiveprefix") == "arXiv"), key


def test_the_book_speaks_of_every_work(entries, root):
    files = [path for folder in ("chapters", "docs", "lmbook", "data") for path in (root / folder).rglob("*")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files if path.suffix in (".py", ".md", ".json"))
    names = {key: first_author(entry).strip("{}").removesuffix(" Team") for key, entry in entries.items()}
    silent = [key for key, name in names.items() if not re.search(rf"\b{re.escape(name)}\b|`{key}`", text)]
    assert silent == []
