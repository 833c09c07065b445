"""What a data set is once it is loaded: named splits of records."""

from __future__ import annotations

from dataclasses import dataclass

from lmbook.errors import LmbookError

# The field of a record that holds running text, for the tasks whose records are text that somebody wrote.
_RUNNING_TEXT = {"language_modelling": "text", "text_classification": "text", "translation": "source"}


@dataclass(frozen=True)
class Corpus:
    """A data set, split once and for all.

    Args:
        name: the name in the catalogue, or the stem of the reader's own file.
        task: what it is for, e.g. "language_modelling", "text_classification", "translation".
        language: "en", "zh", or a pair such as "en-fr".
        splits: records by split: "train", "validation" and "test" where the set has them. A record is a dictionary;
            for "language_modelling" it is `{"text": str}`, one document.

    Example:
        >>> corpus = Corpus("tiny", "language_modelling", "en", {"train": [{"text": "a green tree"}]})
        >>> corpus.texts("train")
        ['a green tree']
    """

    name: str
    task: str
    language: str
    splits: dict[str, list[dict]]

    def split(self, name: str) -> list[dict]:
        """The records of one split.

        Raises:
            LmbookError: the corpus has no such split.
        """
        if name not in self.splits:
            raise LmbookError(f'The corpus "{self.name}" has no split "{name}".', f"It has: {', '.join(self.splits)}.")
        return self.splits[name]

    def texts(self, split: str) -> list[str]:
        """The documents of a split, for language modelling; for translation, its distinct source sentences.

        Raises:
            LmbookError: there is no such split, or the records of this task hold no running text.
        """
        records = self.split(split)
        if self.task not in _RUNNING_TEXT:
            raise LmbookError(
                f'The corpus "{self.name}" is for {self.task.replace("_", " ")}: it has no running text to model.',
                "Take one for language modelling, such as greentree, tiny_shakespeare or kjv.",
            )
        texts = [record[_RUNNING_TEXT[self.task]] for record in records]
        return list(dict.fromkeys(texts)) if self.task == "translation" else texts
