"""What the middle pixel of a stack of masked convolutions sees: choose kernels, layers, kinds, one stack or two."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import Tensor

from lib import plots
from lib.controls.picture import frame, show

SIDE = 21


def draw_reach(
    height: int = 3, width: int = 3, n_layers: int = 5, first: str = "A", later: str = "B", stacks: int = 1
) -> Any:
    """Draw which pixels the middle output of a network depends on, and how strongly. Returns the figure.

    height, width : of every kernel, odd. n_layers : 1 or more. first, later : the kind of the first mask and of those after
        it, "A" or "B". stacks : 1, or 2 (vertical and horizontal), for which kind A means strict and kind B not.

    The network is linear and its weights are equal, so no dependence hides. The middle output is differentiated with respect to
    each pixel of an image of 21 x 21.
    """
    gradient = _gradient(height, width, n_layers, first, later, stacks)
    sees = gradient > 0
    place = torch.arange(SIDE * SIDE).view(SIDE, SIDE)
    before = place < place[SIDE // 2, SIDE // 2]
    n_seen, n_leaks = int((sees & before).sum()), int((sees & ~before).sum())
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.6))
    leaking = "" if not n_leaks else f", {n_leaks} leak" + "s" * (n_leaks != 1)
    plots.seen(sees, ax=left, title=f"sees {n_seen} of {int(before.sum())} before it{leaking}")
    # Deep in the stack few paths lead to the rim: a root makes them visible.
    strength = (gradient / gradient.max().clamp(min=1e-300)) ** 0.25
    right.imshow(strength, cmap=plots.AMOUNTS, vmin=0, vmax=1.15)
    right.set(xticks=(), yticks=(), title="how strongly (4th root)")
    right.grid(False)
    return figure


def _gradient(height: int, width: int, n_layers: int, first: str, later: str, stacks: int) -> Tensor:
    """d(middle output) / d(pixel), `(21, 21)`."""
    x = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.float64, requires_grad=True)
    v = h = x
    for layer in range(n_layers):
        open_here = (first if layer == 0 else later) == "B"
        kernel = torch.zeros(height, width, dtype=torch.float64)
        kernel[height // 2, : width // 2 + open_here] = 1
        if stacks == 1:
            kernel[: height // 2] = 1
            h = _conv(h, kernel)
        else:
            rows = torch.zeros_like(kernel)
            rows[: height // 2 + open_here] = 1
            v = _conv(v, rows)
            h = _conv(h, kernel) + v
    h[0, 0, SIDE // 2, SIDE // 2].backward()
    assert x.grad is not None
    return x.grad[0, 0]


def _conv(x: Tensor, kernel: Tensor) -> Tensor:
    rows, columns = kernel.shape
    return F.conv2d(x, (kernel / kernel.sum().clamp(min=1))[None, None], padding=(rows // 2, columns // 2))


def reach_explorer() -> widgets.Widget:
    """Choose kernels, layers, kinds, one stack or two, and see what the middle pixel depends on."""
    wide = {"description_width": "110px"}
    sizes = [1, 3, 5, 7]
    height = widgets.ToggleButtons(
        options=sizes, value=3, description="kernel height:", style=wide | {"button_width": "48px"}
    )
    width = widgets.ToggleButtons(
        options=sizes, value=3, description="kernel width:", style=wide | {"button_width": "48px"}
    )
    n_layers = widgets.IntSlider(value=5, min=1, max=15, description="layers:", style=wide)
    first = widgets.ToggleButtons(options=["A", "B"], description="first layer:", style=wide | {"button_width": "48px"})
    later = widgets.ToggleButtons(
        options=["A", "B"], value="B", description="later layers:", style=wide | {"button_width": "48px"}
    )
    stacks = widgets.ToggleButtons(
        options=[("one stack", 1), ("two stacks", 2)], description="network:", style=wide | {"button_width": "90px"}
    )
    picture = frame()

    def update(_: Any = None) -> None:
        chosen = (height.value, width.value, n_layers.value, first.value, later.value, stacks.value)
        show(picture, lambda: draw_reach(*chosen))

    controls = (height, width, n_layers, first, later, stacks)
    for control in controls:
        control.observe(update, names="value")
    update()
    return widgets.VBox([*controls, picture])
