"""The loss of a checkpoint of nanoGPT on the whole validation text; run by nanogpt.py with the Python that has torch.

    python nanogpt_score.py CHECKPOINT      in nanoGPT's folder, which must be on the path

Prints nats per character, of windows of the model's context that lie end to end.
"""

import sys

import numpy as np
import torch
from model import GPT, GPTConfig

checkpoint = torch.load(sys.argv[1], map_location="cpu")
model = GPT(GPTConfig(**checkpoint["model_args"]))
model.load_state_dict(checkpoint["model"])
model.eval()

context = checkpoint["model_args"]["block_size"]
ids = np.fromfile("data/shakespeare_char/val.bin", dtype=np.uint16).astype(np.int64)
missing = -(len(ids) - 1) % context
inputs = np.pad(ids[:-1], (0, missing)).reshape(-1, context)
labels = np.pad(ids[1:], (0, missing), constant_values=-1).reshape(-1, context)  # -1 does not count

nats = 0.0
with torch.no_grad():
    for first in range(0, len(inputs), 100):
        x, y = (torch.from_numpy(rows[first : first + 100]) for rows in (inputs, labels))
        _, mean = model(x, y)
        nats += float(mean) * int((y >= 0).sum())
print(nats / (len(ids) - 1))
