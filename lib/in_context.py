"""Secret codes: prompts that can only be continued by what stands in them, for a model that learns with no weight changed.

Each prompt has a code of its own: eight letters, and for each of them another letter that it stands for. Pairs of a letter and what it
stands for follow one another, the eight letters in random order, again and again:

    key value key value ...      h q  b x  h q  m d  b x  ...

A value that has not been shown is a guess; shown once, it is known, if the model can look it up in its own past ("associative
recall"). That is what Brown et al., "Language Models are Few-Shot Learners", 2020 (arXiv 2005.14165), section 1, call learning in
context, where nobody doubts what is learned, because the best possible answer is known: `log(20)` nats for a value not shown before, 0 for one
that was. Two layers of attention suffice, one head that attends to the letter before and one that looks for the letter that is
now (Elhage et al., "A Mathematical Framework for Transformer Circuits", 2021; Olsson et al., "In-context Learning and Induction
Heads", 2022, arXiv 2209.11895).

No letter stands for itself. In training it stands for one of the twenty that are 6 to 25 places further in the alphabet, counted round
its end. The other five, 1 to 5 places further, it stands for if `new=True`: pairs that the model has never been trained on.

    from lib import in_context, weights
    model = weights.load("in_context")                          # a GPT of two layers
    prompts = in_context.prompts(500, seed=0, new=True)         # int64 (500, 64): 32 pairs each
    in_context.LETTERS.decode(prompts[0])                       # read one
    nats, right = in_context.by_times_shown(model, prompts)     # at 0, 1, 2, ... examples of the same key
    nats, right = in_context.by_times_shown(model, in_context.shuffled(prompts, seed=0))   # the control

The control has the same letters at the same places but for the values, which change their places within each prompt: examples that
teach nothing. `lib.controls.attention.attention_weights(model, prompts[:1])` shows who attends to whom: at a key, one of the heads of the
second layer attends to the value behind its earlier examples.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lib.text import Alphabet

LETTERS = Alphabet("abcdefghijklmnopqrstuvwxyz")
N_LETTERS = len(LETTERS.symbols)
N_KEYS = 8
N_PAIRS = 32
NEW = 6  # how far in the alphabet begins what a key stands for in training; where `new` is asked for, it is nearer


def prompts(
    n: int,
    seed: int | None = None,
    n_pairs: int = N_PAIRS,
    *,
    new: bool = False,
    generator: torch.Generator | None = None,
) -> Tensor:
    """n prompts, each in a code of its own: int64 `(n, 2 n_pairs)`, tokens of `LETTERS`, key and value in turn.

    seed, or a generator : of the codes and of the order of the keys. new : only pairs that training never shows.

    Raises
    ------
    ValueError : n or n_pairs below 1.
    """
    if n < 1 or n_pairs < 1:
        raise ValueError(f"prompts: expected at least one prompt of at least one pair, found {n} of {n_pairs}")
    if generator is None:
        generator = torch.Generator().manual_seed(0 if seed is None else seed)
    keys = torch.rand(n, N_LETTERS, generator=generator).argsort(1)[:, :N_KEYS]
    low, high = (1, NEW) if new else (NEW, N_LETTERS)
    values = (keys + torch.randint(low, high, keys.shape, generator=generator)) % N_LETTERS
    which = torch.randint(N_KEYS, (n, n_pairs), generator=generator)
    return torch.stack([keys.gather(1, which), values.gather(1, which)], dim=2).flatten(1)


def shuffled(prompts: Tensor, seed: int = 0) -> Tensor:
    """The same prompts with the values of each in another order, as if they had been drawn from a bag: int64 `(n, 2 n_pairs)`."""
    pairs = prompts.unflatten(1, (-1, 2)).clone()
    order = torch.rand(pairs.shape[:2], generator=torch.Generator().manual_seed(seed)).argsort(1)
    pairs[..., 1] = pairs[..., 1].gather(1, order)
    return pairs.flatten(1)


def times_shown(prompts: Tensor) -> Tensor:
    """How often each pair's key has stood before in its prompt: int64 `(n, n_pairs)`."""
    keys = prompts[:, 0::2]
    return (keys[:, :, None] == keys[:, None, :]).tril(-1).sum(2)


@torch.no_grad()
def scores(model: Any, prompts: Tensor) -> tuple[Tensor, Tensor]:
    """What the model says of each value, given all that stands before it: `(n, n_pairs)` nats, and whether its best guess is right."""
    logits = model.next_logits(prompts)[:, 0::2]
    values = prompts[:, 1::2]
    return F.cross_entropy(logits.mT, values, reduction="none"), logits.argmax(2) == values


def by_times_shown(model: Any, prompts: Tensor, most: int = 4) -> tuple[Tensor, Tensor]:
    """Nats per value, and the share of best guesses that are right, by how often its key has been shown: 0, 1, ..., `most`.

    Returns
    -------
    two float `(most + 1,)`; NaN where no key was shown so often.
    """
    nats, right = scores(model, prompts)
    shown = times_shown(prompts)
    each = [(nats[shown == k].mean(), right[shown == k].float().mean()) for k in range(most + 1)]
    return torch.stack([nats for nats, _ in each]), torch.stack([right for _, right in each])
