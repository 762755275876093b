"""Pairs of keys and values in a memory: attention keeps them all, linear attention adds them up. How many can it tell apart?"""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from lib import plots
from lib.controls.picture import beside, frame, show

VALUE_SIZE, LENGTH = 32, 12.0
WAYS = ("linear attention", "attention")
KEYS = ("far apart", "at random")
NUMBERS = (1, 2, 4, 8, 16, 32, 64)


def looked_up(
    way: str, n_pairs: int, key_size: int, keys: str = KEYS[0], n: int = 1, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Store n_pairs random pairs, then ask for each by its own key: who is given how much weight, and which value comes back.

    way : "linear attention" (features elu(u) + 1 of the keys) or "attention" (softmax of their products).
    keys : "at random", or "far apart", as training might place them: each near one of key_size corners, which are dealt out in
    turn, so that the first key_size keys share none. n : so many memories at once.

    Returns
    -------
    weights `(n, n_pairs, n_pairs)`, rows ask and sum to 1; right : bool `(n, n_pairs)`, whether what came back is nearest to the
    value that was stored with that key. Values are `VALUE_SIZE` numbers of 1 and -1.

    Raises
    ------
    ValueError : another way, or other keys.
    """
    if way not in WAYS or keys not in KEYS:
        raise ValueError(
            f"looked_up: expected one of {', '.join(WAYS)} and of {', '.join(KEYS)}, found {way!r}, {keys!r}"
        )
    generator = torch.Generator().manual_seed(seed)
    k = torch.randn(n, n_pairs, key_size, generator=generator)
    if keys == "far apart":
        k = k / 8 + 2 * torch.eye(key_size)[torch.arange(n_pairs) % key_size] - 1
    k = LENGTH * k / k.norm(dim=-1, keepdim=True)
    values = torch.randn(n, n_pairs, VALUE_SIZE, generator=generator).sign()
    if way == "attention":
        weights = (k @ k.mT).softmax(-1)
    else:
        features = F.elu(k) + 1
        weights = features @ features.mT
        weights = weights / weights.sum(-1, keepdim=True)
    return weights, (weights @ values @ values.mT).argmax(-1) == torch.arange(n_pairs)


def draw_memory(n_pairs: int = 12, key_size: int = 8, keys: str = KEYS[0]) -> Any:
    """Draw what linear attention gives back of n_pairs pairs, and how recall falls with their number. Returns the figure.

    n_pairs : stored. key_size : d; the state has d x `VALUE_SIZE` + d numbers. keys : as in `looked_up`.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.4), width_ratios=(1, 1.3))
    weights, found = looked_up(WAYS[0], n_pairs, key_size, keys)
    left.imshow(weights[0], cmap=plots.AMOUNTS, vmin=0)
    lost = torch.arange(n_pairs)[~found[0]]
    left.plot(lost, lost, "x", color=plots.COLOURS["vermilion"], markersize=5)
    left.set(xlabel="pair that is stored", ylabel="key that asks", title=f"{int(found.sum())} of {n_pairs} come back")
    left.grid(False)
    for axis in (left.xaxis, left.yaxis):
        axis.set_major_locator(MaxNLocator(6, integer=True))
    for way, colour in zip(WAYS, (plots.COLOURS["vermilion"], plots.COLOURS["blue"]), strict=True):
        shares = [looked_up(way, number, key_size, keys, n=16, seed=1)[1].float().mean() for number in NUMBERS]
        right.plot(NUMBERS, shares, "o-", color=colour, label=way)
    right.axvline(n_pairs, color=plots.GREY, linestyle=":")
    right.set_xscale("log", base=2)
    right.set_xticks(NUMBERS, NUMBERS)
    right.set(ylim=(0, 1.05), xlabel="pairs", ylabel="share that comes back")
    right.set_title(f"a state of {key_size * (VALUE_SIZE + 1)} numbers")
    right.legend()
    return figure


def memory() -> widgets.Widget:
    """Choose how many pairs are stored, and the keys; see what a state of fixed size gives back."""
    wide = {"description_width": "90px"}
    n_pairs = widgets.IntSlider(value=12, min=1, max=64, description="pairs:", style=wide)
    key_size = widgets.SelectionSlider(options=NUMBERS[1:], value=8, description="size of a key:", style=wide)
    keys = widgets.ToggleButtons(options=KEYS, description="keys:")
    picture = frame()

    def update(_: Any = None) -> None:
        show(picture, lambda: draw_memory(n_pairs.value, key_size.value, keys.value))

    for control in (n_pairs, key_size, keys):
        control.observe(update, names="value")
    update()
    return widgets.VBox([beside([n_pairs, key_size]), keys, picture])
