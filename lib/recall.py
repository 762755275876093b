"""Associative recall: pairs of a key and a value, then the keys again in another order: what stood behind each?

    key value key value ... | key value key value ...        n pairs, then the same n pairs, shuffled
     h   3     q   7        |  q   7     h   3

The second half can be known, every value of it, and the first can't. Whoever keeps all that was read only has to look; whoever keeps a
state of fixed size has to fit n pairs into it before knowing which of them will be asked for. Multi-query associative recall of Arora,
Eyuboglu, Timalsina, Johnson, Poli, Zou, Rudra & Ré, "Zoology: Measuring and Improving Recall in Efficient Language Models", 2023
(arXiv 2312.04927), who put 82 % of the gap between attention and such models on real text down to it. Ours asks for every pair, one question
right behind the other, and says the answer; theirs leaves gaps and says none.

    from lib import recall
    prompts = recall.prompts(100, n_pairs=8, seed=0)            # int64 (100, 32)
    recall.accuracy(model, prompts)                             # the share of values that its best guess gets right

`data/make_recall.py` trains small models of each way of mixing positions (`lib.models.mixers`) on it and writes `data/recall.csv`.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

N_KEYS = N_VALUES = 64
N_TOKENS = N_KEYS + N_VALUES  # keys first


def prompts(n: int, n_pairs: int, seed: int | None = None, *, generator: torch.Generator | None = None) -> Tensor:
    """n prompts of n_pairs pairs, said twice: int64 `(n, 4 n_pairs)`, keys 0 to 63 and values 64 to 127 in turn.

    Within a prompt no key has two values; values may repeat. seed, or a generator : of all that is drawn.

    Raises
    ------
    ValueError : n below 1, or n_pairs not from 1 to 64.
    """
    if n < 1 or not 1 <= n_pairs <= N_KEYS:
        raise ValueError(f"prompts: expected at least one prompt of 1 to {N_KEYS} pairs, found {n} of {n_pairs}")
    if generator is None:
        generator = torch.Generator().manual_seed(0 if seed is None else seed)
    keys = torch.rand(n, N_KEYS, generator=generator).argsort(1)[:, :n_pairs]
    values = torch.randint(N_KEYS, N_TOKENS, keys.shape, generator=generator)
    order = torch.rand(keys.shape, generator=generator).argsort(1)
    pairs = torch.stack([keys, values], 2)
    again = torch.stack([keys.gather(1, order), values.gather(1, order)], 2)
    return torch.cat([pairs, again], 1).flatten(1)


def asked(model: Any, prompts: Tensor) -> tuple[Tensor, Tensor]:
    """What the model says of each value of the second half, and what it is: logits `(n, n_pairs, K)` and int64 `(n, n_pairs)`.

    model : has `next_logits`.
    """
    half = prompts.shape[1] // 2
    return model.next_logits(prompts[:, :-1])[:, half::2], prompts[:, half + 1 :: 2]


def loss(model: Any, prompts: Tensor) -> Tensor:
    """Nats per value that is asked for, the mean."""
    logits, values = asked(model, prompts)
    return F.cross_entropy(logits.flatten(0, 1).float(), values.flatten())


@torch.no_grad()
def accuracy(model: Any, prompts: Tensor, batch_size: int = 100) -> float:
    """The share of asked values that the model's best guess is. Guessing gets one of 64."""
    right = 0
    for some in prompts.split(batch_size):
        logits, values = asked(model, some)
        right += int((logits.argmax(2) == values).sum())
    return right / (len(prompts) * prompts.shape[1] // 4)
