"""Amounts of information: entropies and their units.

Everything is in nats (natural logarithms) unless its name says otherwise; 1 nat is 1/ln 2 = 1.4427 bits.
Entropy: C. E. Shannon, "A Mathematical Theory of Communication", Bell System Technical Journal 27, 1948.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch


def nats_to_bits(nats: Any) -> Any:
    """The same amount of information in bits: `nats / ln 2`. Numbers, arrays and tensors alike."""
    return nats / math.log(2)


def entropy(p: Any, base: float = math.e) -> Any:
    """Shannon entropy, the average of -log p(x) when x is drawn from p. Outcomes with p = 0 add nothing.

    Parameters
    ----------
    p : `(..., K)`, array, tensor or list; each row of the last axis is a distribution over K outcomes.
    base : of the logarithm: e gives nats, 2 gives bits.

    Returns
    -------
    float64 array `(...)`, a plain float for one distribution. Between 0 (certain) and log K (uniform).

    Raises
    ------
    ValueError : a negative or NaN entry; a row that does not sum to 1; a base that is not above 1.
    """
    p = _float64(p)
    if p.ndim == 0 or p.shape[-1] == 0:
        raise ValueError(f"entropy: p should have a last axis of at least one outcome, found shape {p.shape}")
    if not (p >= 0).all():
        raise ValueError(f"entropy: probabilities should not be negative, found {p[~(p >= 0)][0]}")
    totals = p.sum(axis=-1)
    if not np.allclose(totals, 1, rtol=0, atol=1e-4):
        worst = totals.flat[np.abs(totals - 1).argmax()]
        raise ValueError(f"entropy: probabilities should sum to 1 along the last axis, found {worst:.6g}")
    if not base > 1:
        raise ValueError(f"entropy: base should be above 1, found {base}")
    surprise = -np.log(np.where(p > 0, p, 1.0))
    result = (p * surprise).sum(axis=-1) / math.log(base)
    return float(result) if result.ndim == 0 else result


def _float64(values: Any) -> np.ndarray:
    return np.asarray(values.detach().cpu() if isinstance(values, torch.Tensor) else values, dtype=np.float64)
