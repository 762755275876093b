"""The masks of a small MADE: choose the rule of each, and see which paths that leaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import torch

from lib import plots
from lib.controls.picture import beside, frame, show

_RULES = {">=": np.greater_equal, ">": np.greater}


def draw_connections(
    order: Sequence[int] = (0, 1, 2, 3),
    n_layers: int = 2,
    seed: int = 0,
    rules: Sequence[str] = (">=", ">=", ">"),
    n_hidden: int = 5,
) -> Any:
    """Draw a small masked autoencoder and what its outputs then depend on. Returns the figure.

    order : the order of generation, a permutation of the inputs' numbers from 0. n_layers : of hidden units, 0 or more.
    seed : of the hidden degrees, each drawn from 1 to D - 1.
    rules : one for each mask, the last for the outputs: `">="` or `">"`, how the degree of the unit that a connection
        leads to has to compare with that of the unit it comes from.

    On the left the connections that are kept; those on a path from an input to an output that must not know it are
    vermilion. On the right the dependence matrix.
    """
    from lib.models.made import paths  # here: lessons without models import this module too

    n = len(order)
    rng = np.random.default_rng(seed)
    inputs = np.argsort(order) + 1
    degrees = [inputs, *(rng.integers(1, n, size=n_hidden) for _ in range(n_layers)), inputs]
    masks = [
        torch.from_numpy(_RULES[rule](to[:, None], source[None, :]))
        for rule, source, to in zip(rules, degrees[:-1], degrees[1:], strict=True)
    ]
    itself = torch.eye(n)
    # What reaches each layer from the inputs, and what each layer leads to: paths through the masks below and above it.
    below = [paths([itself, *masks[:layer]]) for layer in range(len(degrees))]
    above = [paths([*masks[layer:], itself]) for layer in range(len(degrees))]
    forbidden = inputs[None, :] >= inputs[:, None]
    barred = torch.from_numpy(forbidden)
    leaking = [
        mask & paths([below[layer].T, barred, above[layer + 1].T]) for layer, mask in enumerate(masks)
    ]  # fmt: skip
    depends = below[-1].numpy()

    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.2), width_ratios=(5, 3))
    kept, total = sum(int(m.sum()) for m in masks), sum(m.numel() for m in masks)
    plots.masked_network(degrees, masks, leaking=leaking, ax=left, title=f"{kept} of {total} connections kept")
    n_leaks, n_lost = int((depends & forbidden).sum()), int((~depends & ~forbidden).sum())
    labels = [f"$x_{{{i + 1}}}$" for i in range(n)]
    title = f"{n_leaks} leak{'s' * (n_leaks != 1)}, {n_lost} lost"
    plots.dependence_matrix(depends, ax=right, order=order, labels=labels, title=title)
    return figure


def connections() -> widgets.Widget:
    """Choose the order, the hidden layers and the rule of every mask, and see which paths that leaves."""
    orders = {"1, 2, 3, 4": (0, 1, 2, 3), "4, 3, 2, 1": (3, 2, 1, 0), "3, 1, 4, 2": (2, 0, 3, 1)}
    most = 3
    order = widgets.ToggleButtons(options=list(orders), description="order:", style={"button_width": "90px"})
    wide = {"description_width": "110px"}
    layers = widgets.IntSlider(value=2, min=0, max=most, description="hidden layers:", style=wide)
    seed = widgets.IntSlider(value=0, min=0, max=30, description="seed:", style=wide)
    inside = [
        widgets.ToggleButtons(options=[">=", ">"], description=f"hidden {i + 1}:", style={"button_width": "50px"})
        for i in range(most)
    ]
    outside = widgets.ToggleButtons(options=[">", ">="], description="output:", style={"button_width": "50px"})
    picture = frame()

    def update(_: Any = None) -> None:
        for i, control in enumerate(inside):
            control.layout.display = "" if i < layers.value else "none"
        rules = [control.value for control in inside[: layers.value]] + [outside.value]
        show(picture, lambda: draw_connections(orders[order.value], layers.value, seed.value, rules))

    for control in (order, layers, seed, *inside, outside):
        control.observe(update, names="value")
    update()
    return widgets.VBox([order, layers, seed, beside([*inside, outside]), picture])
