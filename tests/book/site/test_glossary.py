from __future__ import annotations

import re

from lmbook.book.site.glossary import glossary_directive

PAGE = """# Glossary

An introduction.

## A

**attention (注意力)**
: A mean
  with weights.

**BERT**
: A model.

## E

**embedding, word vector (词嵌入、词向量)**
: A row of numbers.
"""


def test_entries_become_glossaries_under_their_letters():
    assert (
        glossary_directive(PAGE)
        == """# Glossary

An introduction.

## A

:::{glossary}
attention
注意力
  A mean with weights.

BERT
  A model.
:::

## E

:::{glossary}
embedding
word vector
词嵌入
词向量
  A row of numbers.
:::

"""
    )


def test_the_book_s_glossary_is_complete_sorted_and_under_the_right_letters(root):
    text = (root / "docs" / "glossary.md").read_text(encoding="utf-8")
    entries = re.findall(r"^(?:\*\*(.+?)\*\*|## (.))$", text, re.M)
    letter, terms = "", []
    for term, heading in entries:
        if heading:
            letter = heading
            continue
        assert term[0].upper() == letter, term
        terms.append(term)
    assert len(terms) >= 60
    names = [term.partition(",")[0].partition(" (")[0].lower() for term in terms]
    assert names == sorted(names) and len(set(names)) == len(names)
    assert text.count("\n: ") == len(terms) == glossary_directive(text).count("\n  ")
    assert sum("(" in term for term in terms) >= 60  # with their Chinese
    needed = ("nat", "cross-entropy", "perplexity", "gradient", "learning rate", "batch", "epoch", "embedding", "logit")
    assert not {*needed, "softmax", "validation set"} - set(names)


def test_every_work_of_the_references_is_there_once(root):
    text = (root / "docs" / "references.bib").read_text(encoding="utf-8")
    keys = re.findall(r"^@\w+\{(\w+),$", text, re.M)
    assert keys == sorted(set(keys)) and len(keys) > 50
