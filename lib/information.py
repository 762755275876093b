"""Amounts of information: entropies, their units, what an order of variables costs, and log-sums that neither overflow nor vanish.

Everything is in nats (natural logarithms) unless its name says otherwise; 1 nat is 1/ln 2 = 1.4427 bits.
Entropy: C. E. Shannon, "A Mathematical Theory of Communication", Bell System Technical Journal 27, 1948.
"""

from __future__ import annotations

import itertools
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


def order_costs(joint: Any) -> tuple[dict[tuple[int, ...], list[list[int]]], dict[tuple[int, ...], int]]:
    """What every order of a joint's variables costs, once each needless arrow of its chain rule is erased.

    Parameters
    ----------
    joint : array `(K_0, ..., K_{D-1})`, positive, sums to 1; axis i is variable i. All D! orders are looked at.

    Returns
    -------
    Two dictionaries by order: its graph, a list of D lists, entry k the turns that the variable of turn k looks at; and
    its number of free parameters (Koller & Friedman, Probabilistic Graphical Models, 2009, chapter 3).

    Raises
    ------
    ValueError : an entry that is not positive.
    """
    joint = _float64(joint)
    if not (joint > 0).all():
        raise ValueError("order_costs: every entry of the joint should be positive")
    needed: dict[tuple[int, frozenset[int]], frozenset[int]] = {}
    everyone = frozenset(range(joint.ndim))
    for i in everyone:
        for known in (frozenset(s) for k in range(joint.ndim) for s in itertools.combinations(everyone - {i}, k)):
            both = joint.sum(axis=tuple(everyone - known - {i}), keepdims=True)
            p = both / both.sum(axis=i, keepdims=True)
            needed[i, known] = frozenset(j for j in known if np.ptp(p, axis=j).max() > 1e-6)
    graphs, costs = {}, {}
    for order in itertools.permutations(range(joint.ndim)):
        parents = [needed[i, frozenset(order[:k])] for k, i in enumerate(order)]
        graphs[order] = [sorted(order.index(j) for j in of) for of in parents]
        rows = [math.prod(joint.shape[j] for j in of) for of in parents]
        costs[order] = sum(n * (joint.shape[i] - 1) for n, i in zip(rows, order, strict=True))
    return graphs, costs


def log_mean_exp(values: Any, axis: int = -1) -> Any:
    """log of the mean of exp(values) along one axis, in float64, safe at any size of the values.

    It averages *probabilities* that are known only by their logarithms: `exp(-5000)` is 0 in a computer, yet
    the mean of `exp(-5000)` and `exp(-5001)` has a perfectly good logarithm. The largest value is taken out
    of the sum first (Blanchard, Higham & Higham, IMA Journal of Numerical Analysis 41, 2021).

    Parameters
    ----------
    values : array, tensor or list. -inf is the logarithm of 0 and welcome; all -inf gives -inf.

    Returns
    -------
    float64 array without that axis; a plain float if no axis is left.

    Raises
    ------
    ValueError : nothing to average along the axis.
    """
    values = _float64(values)
    if values.ndim == 0 or values.shape[axis] == 0:
        raise ValueError(f"log_mean_exp: nothing to average along axis {axis}, found shape {values.shape}")
    largest = values.max(axis=axis, keepdims=True)
    shift = np.where(np.isfinite(largest), largest, 0.0)
    with np.errstate(divide="ignore", over="ignore"):
        result = np.log(np.exp(values - shift).mean(axis=axis)) + shift.squeeze(axis)
    return float(result) if result.ndim == 0 else result


def _float64(values: Any) -> np.ndarray:
    return np.asarray(values.detach().cpu() if isinstance(values, torch.Tensor) else values, dtype=np.float64)
