"""What every model asks at its door: the right shape, and values that it can have a probability for."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def binary(x: Tensor, n_pixels: int, model: str) -> Tensor:
    """`x` as float, if it is a batch of binary images `(B, n_pixels)`; otherwise one sentence says why not.

    Raises
    ------
    ValueError : wrong shape, NaN, or a value that is neither 0 nor 1 (grey levels, most often).
    """
    x = vectors(x, n_pixels, model)
    wrong = x * x != x  # only 0 and 1 are their own squares; NaN is not either
    if wrong.any():
        found = x[wrong][0].item()
        raise ValueError(f"{model}: x should hold only zeros and ones, found {found:g}; lib.data.binarise draws them")
    return x


def vectors(x: Tensor, n: int, model: str) -> Tensor:
    """`x` as float, if its shape is `(B, n)`. Raises ValueError otherwise, and for NaN."""
    if x.ndim != 2 or x.shape[1] != n:
        raise ValueError(f"{model}: x should have shape (batch, {n}), found {tuple(x.shape)}")
    x = x if x.is_floating_point() else x.float()
    if torch.isnan(x).any():
        raise ValueError(f"{model}: x has {int(torch.isnan(x).sum())} NaN among its {x.numel()} values")
    return x


def permutation(order: Sequence[int] | Tensor | None, n: int, model: str) -> Tensor:
    """An order of generation as int64 `(n,)`; raster order if absent.

    Raises
    ------
    ValueError : `order` is no permutation of 0 to n - 1.
    """
    if order is None:
        return torch.arange(n)
    found = torch.as_tensor(order).flatten().long()
    if len(found) != n or not torch.equal(found.sort().values, torch.arange(n)):
        missing = sorted(set(range(n)) - set(found.tolist()))
        raise ValueError(
            f"{model}: order should be a permutation of 0 to {n - 1}, found {len(found)} entries"
            + (f" without {missing[0]}" if missing else "")
        )
    return found
