"""Write tests/models/pretrained/data: a tiny GPT-2, BERT and Llama of random weights, as `transformers` saves them, and
what `transformers` computes with them.

Run once, in an environment of its own: pip install torch==2.13.0 transformers==5.24.0
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from transformers import BertConfig, BertForPreTraining, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

DATA = Path(__file__).parent / "data"
V, T = 29, 9


def randomize(model):
    """Weights that are not at their start, where shifts and gains hide mistakes."""
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0.0, 0.4)
            if weight.dim() == 1:
                weight += 1.0
    return model.eval()


def save(model, name, **arrays):
    model.save_pretrained(DATA / name)
    (DATA / name / "generation_config.json").unlink(missing_ok=True)
    arrays = {key: value.numpy() if torch.is_tensor(value) else value for key, value in arrays.items()}
    np.savez(DATA / name / "reference.npz", **arrays)


def main():
    torch.manual_seed(0)
    ids = torch.randint(1, V, (3, T))
    real = torch.arange(T) < torch.tensor([[T], [6], [2]])
    segments = (torch.arange(T) >= 4).int() * real
    with torch.no_grad():
        gpt2 = GPT2Config(vocab_size=V, n_positions=12, n_embd=16, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
        model = randomize(GPT2LMHeadModel(gpt2))
        save(model, "gpt2", ids=ids, logits=model(ids).logits)
        sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
        model = randomize(BertForPreTraining(BertConfig(vocab_size=V, max_position_embeddings=12, **sizes)))
        inputs = {"input_ids": ids, "token_type_ids": segments.long(), "attention_mask": real.long()}
        out = model.bert(**inputs)
        arrays = {"vectors": out.last_hidden_state, "pooled": out.pooler_output}
        arrays["logits"] = model(**inputs).prediction_logits
        save(model, "bert", ids=ids, segments=segments, real=real, **arrays)
        heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "rope_parameters": {"rope_theta": 300.0}}
        model = randomize(LlamaForCausalLM(LlamaConfig(vocab_size=V, max_position_embeddings=12, **sizes | heads)))
        save(model, "llama", ids=ids, logits=model(ids).logits)


if __name__ == "__main__":
    main()
