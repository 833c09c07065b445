"""A style sheet without the rules that no page can use: of the theme's 370 kB, most is for parts that are not here."""

from __future__ import annotations

import re
from collections.abc import Collection

_WORD = re.compile(r"[\w-]+")
_SIGN = re.compile(r"""/\*.*?\*/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{};]""", re.S)
_CLASS = re.compile(r"\.(-?[A-Za-z_](?:[\w-]|\\.)*)")
_CHOICE = re.compile(r":(?:not|is|where|has)\((?:[^()]|\([^()]*\))*\)")
_COMMA = re.compile(r",(?![^()]*\))")
_GROUPS = ("@media", "@supports", "@layer", "@container")


def words_of(texts: Collection[str]) -> set[str]:
    """All that could be the name of a class in pages and scripts: each word, whatever it means there."""
    return {word for text in texts for word in _WORD.findall(text)}


def used_rules(css: str, words: Collection[str], made: tuple[str, ...] = ()) -> str:
    """The rules of `css` with a selector whose classes all are among `words`; the rest as it is, comments left out.

    Args:
        made: beginnings of names that scripts put together; classes with them stay.
    """

    def is_used(selector: str) -> bool:
        names = (name.replace("\\", "") for name in _CLASS.findall(_CHOICE.sub("", selector)))
        return all(name in words or name.startswith(made) for name in names)

    def rule(head: str, body: str) -> str:
        if head.startswith("@"):
            return f"{head}{{{body}}}"
        selectors = [selector for selector in _COMMA.split(head) if is_used(selector)]
        return f"{','.join(selectors)}{{{body}}}" if selectors else ""

    # What is open: the text before a group's or a rule's brace, and what its braces have held so far.
    kept, heads, text, depth, end = [[]], [], "", 0, 0
    for sign in _SIGN.finditer(css):
        text += css[end : sign.start()]
        end = sign.end()
        if sign[0].startswith("/*"):
            continue
        if depth:  # inside a rule, whose body is not looked into
            depth += {"{": 1, "}": -1}.get(sign[0], 0)
            if depth:
                text += sign[0]
            else:
                kept[-1].append(rule(heads.pop(), text))
                text = ""
        elif sign[0] == "{":
            heads.append(text.strip())
            text = ""
            if heads[-1].startswith(_GROUPS):
                kept.append([])
            else:
                depth = 1
        elif sign[0] == "}":
            body = "".join(kept.pop())
            kept[-1].append(f"{heads[-1]}{{{body}}}" if body else "")
            heads.pop()
            text = ""
        elif sign[0] == ";":
            kept[-1].append(text.strip() + ";")
            text = ""
        else:
            text += sign[0]
    return "".join(kept[0])
