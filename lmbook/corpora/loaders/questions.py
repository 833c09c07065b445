"""Questions and answers, and instructions with responses."""

from __future__ import annotations

import json
from pathlib import Path

from lmbook.corpora.splits import split_by_text, without_copies

_BABI = {1: "qa1_single-supporting-fact", 2: "qa2_two-supporting-facts", 6: "qa6_yes-no-questions"}


def babi_10k(folder: Path) -> dict[str, list[dict]]:
    """`{"task", "story", "question", "answer", "supporting"}`.

    "story" is the list of sentences up to the question; "supporting" are the places in it of those that the answer
    needs. The last 200 of the 2,000 training stories of each task are for validation. Questions of the training files
    that occur, with the same story before them, in validation or testing are left out.
    """
    splits: dict[str, list[dict]] = {"train": [], "validation": [], "test": []}
    for task, name in _BABI.items():
        train = _babi_stories(folder / f"{name}_train.txt", task)
        test = _babi_stories(folder / f"{name}_test.txt", task)
        for split, stories in (("train", train[:-200]), ("validation", train[-200:]), ("test", test)):
            splits[split] += [record for story in stories for record in story]
    return without_copies(splits, lambda record: " ".join([*record["story"], record["question"]]))


def _babi_stories(file: Path, task: int) -> list[list[dict]]:
    """The questions of each story. Lines are numbered from 1 within a story; a question has tabs."""
    stories: list[list[dict]] = []
    sentences: list[str] = []
    places: dict[str, int] = {}
    for line in filter(None, file.read_text(encoding="utf-8").split("\n")):
        number, text = line.split(" ", 1)
        if number == "1":
            stories.append([])
            sentences, places = [], {}
        if "\t" not in text:
            places[number] = len(sentences)
            sentences.append(text.strip())
            continue
        question, answer, supporting = text.split("\t")
        stories[-1].append(
            {
                "task": task,
                "story": list(sentences),
                "question": question.strip(),
                "answer": answer,
                "supporting": [places[place] for place in supporting.split()],
            }
        )
    return stories


def xquad(folder: Path) -> dict[str, list[dict]]:
    """`{"id", "language", "article", "context", "question", "answers": [{"text", "start"}]}`.

    "article" is the number of the article (0 to 47), the same in the three languages; "start" counts characters.
    """
    records = []
    for language in ("en", "de", "zh"):
        articles = json.loads((folder / f"xquad.{language}.json").read_text(encoding="utf-8"))["data"]
        for number, article in enumerate(articles):
            for paragraph in article["paragraphs"]:
                for question in paragraph["qas"]:
                    records.append(
                        {
                            "id": question["id"],
                            "language": language,
                            "article": number,
                            "context": paragraph["context"],
                            "question": question["question"],
                            "answers": [
                                {"text": answer["text"], "start": answer["answer_start"]}
                                for answer in question["answers"]
                            ],
                        }
                    )
    return {"test": records}


def instructions_rasbt(folder: Path) -> dict[str, list[dict]]:
    """`{"instruction", "input", "output", "chosen", "rejected"}`; "input" may be empty."""
    entries = json.loads((folder / "instruction-data-with-preference.json").read_text(encoding="utf-8"))
    fields = ("instruction", "input", "output", "chosen", "rejected")
    records = [{field: entry[field] for field in fields} for entry in entries]
    return split_by_text(records, lambda record: f"{record['instruction']}\n{record['input']}")
