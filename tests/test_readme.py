"""What the pages tell a reader to type really exists."""

from __future__ import annotations

import re
import shlex

import pytest
import typer

from lmbook.book.chapters import lessons
from lmbook.cli.app import app


def commands_of(text):
    """Every `lmbook …` line of the code blocks, and every inline `lmbook …`."""
    blocks = "\n".join(re.findall(r"^```\w*\n(.*?)^```", text, re.S | re.M))
    lines = re.findall(r"(?:^|&& )(?:python -m )?(lmbook [^\n#&]*)", blocks, re.M)
    outside = re.sub(r"^```\w*\n.*?^```", "", text, flags=re.S | re.M)
    return [line.strip() for line in lines + re.findall(r"`(lmbook [^`]*)`", outside)]


def problem(line):
    """What is wrong with a command line, or None."""
    command = typer.main.get_command(app)
    words = shlex.split(line)[1:]
    while words and hasattr(command, "commands"):
        if words[0].startswith("--"):
            return None if words[0] == "--help" else f"no option {words[0]}"
        if words[0] not in command.commands:
            return f"no command {words[0]}"
        name, command, words = words[0], command.commands[words[0]], words[1:]
        if name == "run" and words and words[0].islower() and words[0] not in {lesson.name for lesson in lessons()}:
            return f"no lesson {words[0]}"
    if "--" in words:  # what follows is a command of its own
        inner = words[words.index("--") + 1 :]
        words = words[: words.index("--")]
        if inner[:1] == ["lmbook"] and problem(shlex.join(inner)):
            return problem(shlex.join(inner))
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    unknown = [word for word in words if word.startswith("--") and word not in known]
    return f"no option {unknown[0]}" if unknown else None


def test_the_two_commands_are_in_the_readme_as_ci_runs_them(root):
    text = (root / "README.md").read_text(encoding="utf-8")
    assert "\npython -m pip install -r requirements.txt && python -m lmbook run lstm_baseline\n" in text
    assert "\npython -m pip install -r requirements-test.txt && python -m pytest\n" in text


def test_commands_in_the_pages_exist(root):
    pages = [root / "README.md", *sorted((root / "chapters").glob("*/*.md")), *sorted((root / "docs").glob("*.md"))]
    wrong = [
        f"{page.relative_to(root)}: {line} ({problem(line)})"
        for page in pages
        for line in commands_of(page.read_text(encoding="utf-8"))
        if problem(line)
    ]
    assert wrong == []


def test_files_that_the_readme_links_to_exist(root):
    for page in [
        root / "README.md",
        *sorted((root / "chapters").glob("*/*.md")),
        *sorted((root / "docs").glob("*.md")),
    ]:
        text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.S)  # examples lead nowhere
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            assert "://" in target or (page.parent / target).exists(), f"{page}: {target}"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("lmbook trian", "no command trian"),
        ("lmbook train --colour red", "no option --colour"),
        ("lmbook data fetch", "no command fetch"),
        ("lmbook run nonsense", "no lesson nonsense"),
        ("lmbook train --output DIR", None),
        ("lmbook --help", None),
    ],
)
def test_what_does_not_exist_is_found(line, said):
    assert problem(line) == said
