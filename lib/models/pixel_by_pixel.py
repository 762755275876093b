"""Sampling the naive way: one whole pass of the model for every pixel or token. It is slow, and right for any model."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


@torch.no_grad()
def draw(logits: Callable[[Tensor], Tensor], order: Tensor, uniforms: Tensor) -> Tensor:
    """Binary images, each pixel drawn in its turn from the model's conditional.

    Parameters
    ----------
    logits : `(n, D)` to `(n, D)`, autoregressive in `order`.
    order : int64 `(D,)`, the pixels from first to last.
    uniforms : `(n, D)` in [0, 1); column d decides pixel d, whenever its turn comes.

    Returns
    -------
    float32 `(n, D)` of zeros and ones.
    """
    x = torch.zeros(uniforms.shape)
    for d in order.tolist():
        x[:, d] = (uniforms[:, d] < torch.sigmoid(logits(x)[:, d])).float()
    return x


def sample(
    logits: Callable[[Tensor], Tensor], order: Tensor, n: int, generator: torch.Generator | None = None
) -> Tensor:
    """`draw` with the uniforms that every model's own `sample` takes from the generator: one `(n, D)` at once."""
    return draw(logits, order, torch.rand(n, len(order), generator=generator))


@torch.no_grad()
def draw_tokens(logits: Callable[[Tensor], Tensor], pixels: Callable[[Tensor], Tensor], uniforms: Tensor) -> Tensor:
    """Examples made of tokens, each drawn in its turn, in raster order.

    Parameters
    ----------
    logits : examples `(n, ...)` to `(n, T)` for binary tokens or `(n, T, K)` for others, autoregressive.
    pixels : makes examples of tokens, int64 `(n, T)`.
    uniforms : `(n, T)` in [0, 1); column t decides token t.

    Returns
    -------
    examples `(n, ...)`.
    """
    tokens = torch.zeros(uniforms.shape, dtype=torch.long)
    for t in range(tokens.shape[1]):
        tokens[:, t] = choose(logits(pixels(tokens))[:, t], uniforms[:, t])
    return pixels(tokens)


def choose(logits: Tensor, uniforms: Tensor) -> Tensor:
    """What each uniform decides: int64 `(n,)`.

    Parameters
    ----------
    logits : `(n,)` of binary tokens: 1 where the uniform lies below p(1). `(n, K)` of K values: the first whose cumulative
        probability exceeds the uniform, or, if rounding leaves none, the last of positive probability.
    uniforms : `(n,)` in [0, 1).
    """
    if logits.ndim == 1:
        return (uniforms < torch.sigmoid(logits)).long()
    p = logits.double().softmax(1)
    beyond = p.cumsum(1) <= uniforms[:, None]
    last = p.shape[1] - 1 - (p > 0).flip(1).long().argmax(1)
    return torch.minimum(beyond.sum(1), last)
