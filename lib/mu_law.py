"""Sound as whole numbers: the telephone's mu-law, narrow classes near silence and wide ones where it is loud."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lib.audio import N_CLASSES


def mu_law_encode(wave: Tensor, n: int = N_CLASSES) -> Tensor:
    """Samples as `n` classes, narrow near silence and wide where it is loud (ITU-T G.711; WaveNet 2016, section 2.2).

    f(x) = sign(x) log(1 + mu |x|) / log(1 + mu) with mu = n - 1 is rounded to the nearest of n values from -1 to 1.

    Parameters
    ----------
    wave : floats of any shape in [-1, 1]. n : the number of classes, at least 2.

    Returns
    -------
    int64 of the same shape, 0 to n - 1. Silence is class n // 2.

    Raises
    ------
    ValueError : no floats, samples out of range or that are no numbers, too few classes.
    """
    _check_classes(n)
    if not isinstance(wave, Tensor) or not wave.is_floating_point():
        raise ValueError(f"mu_law_encode: expected samples as a tensor of floats in [-1, 1], found {_kind(wave)}")
    if wave.numel() and not bool((wave.abs() <= 1).all()):
        raise ValueError(f"mu_law_encode: expected samples in [-1, 1], found {_worst(wave):.4g}")
    mu = n - 1
    # At double precision, or for many classes a decoded one would not always be encoded as itself.
    x = wave.double()
    companded = x.sign() * torch.log1p(mu * x.abs()) / math.log1p(mu)
    return ((companded + 1) / 2 * mu + 0.5).floor().long()


def mu_law_decode(codes: Tensor, n: int = N_CLASSES) -> Tensor:
    """The sample in the middle of each class: `mu_law_encode(mu_law_decode(codes, n), n)` is `codes`.

    Parameters
    ----------
    codes : integers of any shape, 0 to n - 1. n : the number of classes, at least 2.

    Returns
    -------
    float32 of the same shape, -1 to 1.

    Raises
    ------
    ValueError : no integers, codes that are no class, too few classes.
    """
    _check_classes(n)
    if not isinstance(codes, Tensor) or codes.is_floating_point() or codes.is_complex() or codes.dtype == torch.bool:
        raise ValueError(f"mu_law_decode: expected classes as a tensor of integers, found {_kind(codes)}")
    if codes.numel() and not 0 <= int(codes.min()) <= int(codes.max()) < n:
        raise ValueError(
            f"mu_law_decode: expected classes 0 to {n - 1}, found {int(codes.min())} to {int(codes.max())}"
        )
    mu = n - 1
    y = 2 * codes.double() / mu - 1
    return (y.sign() * torch.expm1(y.abs() * math.log1p(mu)) / mu).float()


def _kind(x: object) -> str:
    """What x is, for a sentence about it."""
    return str(x.dtype) if isinstance(x, Tensor) else type(x).__name__


def _check_classes(n: int) -> None:
    if n < 2:
        raise ValueError(f"mu-law: expected at least 2 classes, found {n}")


def _worst(wave: Tensor) -> float:
    """The sample furthest out of range; NaN if there is one."""
    flat = wave.flatten()
    return float(flat[flat.isnan()][0]) if flat.isnan().any() else float(flat[flat.abs().argmax()])
