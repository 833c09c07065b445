"""The lessons as the terminal lists them: one line each, or one lesson in full."""

from __future__ import annotations

from lmbook.book.chapters import LessonFile, chapters_dir, find_lesson, lessons
from lmbook.book.contents import read_contents
from lmbook.book.results import read_results
from lmbook.files import near


def all_in_order(width: int) -> str:
    """Every lesson on one line under its chapter: its name, the seconds of its quick run, its question.

    Args:
        width: of the terminal, in characters; a question that is longer is cut.
    """
    book = lessons()
    longest = max((len(lesson.name) for lesson in book), default=0)
    listed = _listed()
    lines, last = [], ""
    for lesson in book:
        chapter, question = listed.get(lesson.name, (lesson.chapter, lesson.fields.get("Shows", "")))
        if chapter != last:
            lines.append(f"\n{chapter}")
            last = chapter
        line = f"  {lesson.name:<{longest}} {seconds(lesson, 'quick'):>6}  {question}"
        lines.append(line if len(line) <= width else line[: width - 1].rstrip() + "…")
    return "\n".join(lines).strip("\n")


def one_in_full(name: str) -> str:
    """What one should know before running the lesson.

    Raises:
        LmbookError: there is no such lesson; the message names the nearest.
    """
    lesson = find_lesson(name)
    fields = lesson.fields
    chapter, question = _listed().get(name, (lesson.chapter, ""))
    facts = {
        "Shows": fields.get("Shows"),
        "Chapter": chapter,
        "In the article": fields.get("Article section"),
        "Read before": fields.get("Needs"),
        "Data": fields.get("Data"),
        "Quick run": seconds(lesson, "quick") or "not recorded yet",
        "Full run": seconds(lesson, "full") or "not recorded yet",
        "Memory": fields.get("Memory"),
        "To run it": f"lmbook run {name}, or lmbook run {name} --full",
        "To read it": near(lesson.path.with_suffix(".ipynb")),
    }
    head = [fields.get("Title", name), *([question] if question else []), ""]
    return "\n".join([*head, *(f"{key + ':':<15} {value}" for key, value in facts.items() if value)])


def seconds(lesson: LessonFile, profile: str) -> str:
    """How long the recorded run took, as `43 s` or `3.4 min`; empty when none was recorded."""
    result = read_results(lesson, profile)
    if result is None:
        return ""
    took = result["seconds"]
    return f"{took:.0f} s" if took < 100 else f"{took / 60:.1f} min" if took < 600 else f"{took / 60:.0f} min"


def _listed() -> dict[str, tuple[str, str]]:
    """For each lesson of the contents its chapter's number and title, and its question."""
    return {
        entry.name: (f"{chapter.number}. {chapter.title}", entry.question)
        for chapter in read_contents(chapters_dir()).chapters
        for entry in chapter.lessons
    }
