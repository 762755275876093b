"""What each order of a joint distribution's variables costs."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np


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
    joint = np.asarray(joint, dtype=np.float64)
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
