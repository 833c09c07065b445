"""What `transformers` makes of exported models: python read_with_transformers.py FOLDER

Run with a Python that has torch and transformers. Each folder in FOLDER holds a model, and asked.json with rows of ids
and texts; read.json is written beside it.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

for folder in sorted(Path(sys.argv[1]).iterdir()):
    asked = json.loads((folder / "asked.json").read_text(encoding="utf-8"))
    model, told = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        logits = model.eval()(torch.tensor(asked["ids"])).logits
    ids = [tokenizer(text, add_special_tokens=False).input_ids for text in asked["texts"]]
    read = {
        "class": type(model).__name__,
        "not as expected": [sorted(map(str, told[name])) for name in ("missing_keys", "unexpected_keys")],
        "logits": logits.tolist(),
        "ids": ids,
        "opened": [tokenizer(text).input_ids for text in asked["texts"]],
        "texts": [tokenizer.decode(row) for row in ids],
        "special": {name: getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad", "unk")},
        "longest": tokenizer.model_max_length,
        "written": model.generate(
            torch.tensor(asked["ids"][:1]),
            attention_mask=torch.ones(1, len(asked["ids"][0])),
            do_sample=False,
            max_new_tokens=asked["new"],
        )[0].tolist(),
    }
    (folder / "read.json").write_text(json.dumps(read), encoding="utf-8")
