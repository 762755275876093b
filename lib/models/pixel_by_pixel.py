"""Sampling the naive way: one whole pass of the model for every pixel. It is slow, and right for any model."""

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
