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


def codes(x: Tensor, n_classes: int, model: str) -> None:
    """Raises ValueError unless `x` is a batch of sequences of codes: int64 `(B, T)`, 0 to n_classes - 1, at least one each."""
    if x.dtype != torch.int64 or x.ndim != 2 or x.numel() == 0:
        raise ValueError(
            f"{model}: codes should be int64 of shape (batch, T), found {x.dtype} of shape {tuple(x.shape)}"
        )
    if x.min() < 0 or x.max() >= n_classes:
        raise ValueError(f"{model}: codes should be 0 to {n_classes - 1}, found {int(x.min())} to {int(x.max())}")


def lengths(x: Tensor, codes: Tensor, model: str) -> None:
    """Raises ValueError unless `x` is int64 `(B,)`, one length of 1 to T for each row of `codes`."""
    n, longest = codes.shape
    if x.dtype != torch.int64 or x.shape != (n,) or x.min() < 1 or x.max() > longest:
        raise ValueError(
            f"{model}: lengths should be {n} whole numbers, 1 to {longest}, found {x.dtype} of shape {tuple(x.shape)}: "
            f"{x.flatten()[:5].tolist()}"
        )


def labels(x: Tensor | None, n: int, sizes: Sequence[int], model: str) -> None:
    """Raises ValueError unless `x` is int64 `(n, len(sizes))`, column i from 0 to sizes[i] - 1; None if there are no sizes."""
    if x is None and not sizes:
        return
    if x is None or not sizes:
        expected = (
            f"expected labels of shape ({n}, {len(sizes)})" if sizes else "has no global condition and takes no labels"
        )
        raise ValueError(f"{model}: {expected}, found {'none' if x is None else tuple(x.shape)}")
    if x.dtype != torch.int64 or x.shape != (n, len(sizes)):
        raise ValueError(
            f"{model}: labels should be int64 of shape ({n}, {len(sizes)}), found {x.dtype} of shape {tuple(x.shape)}"
        )
    for i, size in enumerate(sizes):
        if x[:, i].min() < 0 or x[:, i].max() >= size:
            raise ValueError(
                f"{model}: column {i} of labels should be 0 to {size - 1}, found {int(x[:, i].min())} to {int(x[:, i].max())}"
            )


def frames(x: Tensor | None, n: int, n_local: int, n_frames: int, model: str) -> None:
    """Raises ValueError unless `x` is `(n, n_local, n_frames)`, or `(1, ...)` for all, floating, without NaN; None if `n_local` is 0."""
    if x is None and not n_local:
        return
    if x is None or not n_local:
        expected = f"expected frames of shape ({n}, {n_local}, {n_frames})"
        if not n_local:
            expected = "has no local condition and takes no frames"
        raise ValueError(f"{model}: {expected}, found {'none' if x is None else tuple(x.shape)}")
    if not x.is_floating_point() or x.shape not in ((n, n_local, n_frames), (1, n_local, n_frames)):
        raise ValueError(
            f"{model}: frames should be floats of shape ({n}, {n_local}, {n_frames}), or 1 for all, found {x.dtype} of shape {tuple(x.shape)}"
        )
    if torch.isnan(x).any():
        raise ValueError(f"{model}: frames has {int(torch.isnan(x).sum())} NaN among its {x.numel()} values")
