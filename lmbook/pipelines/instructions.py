"""Batches of instructions with their answers, for models that are tuned to answer."""

from __future__ import annotations

from collections.abc import Sequence

from lmbook.errors import LmbookError
from lmbook.pipelines.batches import check_ids
from lmbook.pipelines.buckets import BUCKETS, check_widths
from lmbook.pipelines.weighted_rows import WeightedRows
from lmbook.tokenizers.tokenizer import SpecialIds, Tokenizer

LOSS_ON = ("answer", "everything")


def alpaca_prompt(instruction: str, text: str = "") -> str:
    """The format of Alpaca, which many instruction sets use; `text` is what the instruction is about, if anything.

    Reference:
        Taori et al. 2023, "Stanford Alpaca", https://github.com/tatsu-lab/stanford_alpaca.
    """
    if text:
        opening = "Below is an instruction that describes a task, paired with an input that provides further context."
    else:
        opening = "Below is an instruction that describes a task."
    opening += " Write a response that appropriately completes the request."
    parts = [opening, f"### Instruction:\n{instruction}", *([f"### Input:\n{text}"] if text else []), "### Response:\n"]
    return "\n\n".join(parts)


def short_prompt(instruction: str, text: str = "") -> str:
    """A format of few tokens, for models with a small context: the text, the instruction, a word that opens the answer.

    The instruction stands last: a model that reads from left to right knows the text by then, as it does in the stories
    that it was pre-trained on.
    """
    return "\n".join([*([text] if text else []), instruction, "Answer:"])


class InstructionBatches(WeightedRows):
    """Prompts with their answers, one pair in a row: `<end> p1 … pn a1 … am <end>`, then padding.

    The model reads the row and predicts each next token. What it is to learn is the answer, so with `loss_on="answer"`
    the labels of the prompt have weight 0; those of the answer and of the `<end>` that closes it have weight 1. With
    "everything" all labels have weight 1, as in pre-training.

    Batches are as `WeightedRows` has them.

    Args:
        pairs: (prompt ids, answer ids), without `<end>`. A pair with an empty side is left out.
        tokenizer: its `end_id` opens a row and closes an answer, and its `pad_id` fills up the row.
        tokens_per_batch: positions of a batch, padding included.
        widths: of the rows, rising. A pair gets the least that its row, without the last `<end>`, fits in; pairs that
            are too long for the widest are left out. More widths: less padding, and more to compile.
        loss_on: "answer" or "everything".
        seed: of the order.

    Attributes:
        left_out: how many pairs were left out.

    Example:
        >>> data = InstructionBatches([([5, 6], [7, 8])], SpecialIds(), tokens_per_batch=8)
        >>> x, y, w = next(iter(data.dataset()))
        >>> x.numpy().tolist(), y.numpy().tolist(), w.numpy().tolist()
        ([[2, 5, 6, 7, 8, 0, 0, 0]], [[5, 6, 7, 8, 2, 0, 0, 0]], [[0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]])

    Raises:
        LmbookError: no pair is left, a batch cannot hold the longest, or an argument is out of its range.
    """

    def __init__(
        self,
        pairs: Sequence[tuple[Sequence[int], Sequence[int]]],
        tokenizer: Tokenizer | SpecialIds,
        *,
        tokens_per_batch: int,
        widths: Sequence[int] = BUCKETS,
        loss_on: str = "answer",
        seed: int = 0,
    ):
        if loss_on not in LOSS_ON:
            raise LmbookError(f"loss_on={loss_on!r} is not known.", f"Choose one of {', '.join(LOSS_ON)}.")
        check_widths(widths)
        check_ids(side for pair in pairs for side in pair)
        longest = widths[-1]
        kept = [(p, a) for p, a in pairs if len(p) and len(a) and 1 + len(p) + len(a) <= longest]
        if not kept:
            raise LmbookError(
                f"None of the {len(pairs)} pairs has a prompt and an answer that are together shorter than "
                f"{longest} tokens.",
                "Give shorter ones, or a larger width.",
            )
        self.left_out, self.loss_on = len(pairs) - len(kept), loss_on
        end, of_prompt = tokenizer.end_id, float(loss_on == "everything")
        rows = [([end, *p, *a, end], [of_prompt] * len(p) + [1.0] * (len(a) + 1)) for p, a in kept]
        super().__init__(rows, tokenizer, tokens_per_batch=tokens_per_batch, widths=widths, seed=seed)

    @property
    def description(self) -> str:
        """As that of `WeightedRows`, and where the loss is."""
        return f"{super().description}, {self.loss_on=}"
