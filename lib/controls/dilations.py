"""A stack of dilated convolutions: choose its layers, and see which samples reach an output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt

from lib.controls.picture import beside, frame, show
from lib.plots.convolutions import convolution_tree, reached, taps

_PATTERNS = {
    "1, 1, 1, ...": lambda layer: 1,
    "1, 2, 4, ...": lambda layer: 2**layer,
    "1, 3, 9, ...": lambda layer: 3**layer,
    "1, 2, 1, 2, ...": lambda layer: 2 ** (layer % 2),
}


def draw_dilations(
    kernel_size: int = 2,
    dilations: Sequence[int] = (1, 2, 4, 8),
    *,
    symmetric: bool = False,
    shift: bool = True,
    output: int = 24,
    length: int = 32,
    rate: int = 8000,
) -> Any:
    """Draw a stack and what reaches one of its outputs. Returns the figure.

    kernel_size, dilations : of the convolutions, from the lowest up. symmetric : pad both sides and not only the left.
    shift : move the samples one step to the right first, so that output t is about sample t. output : the position
    looked at. length : number of samples. rate : samples per second.
    """
    # As PyTorch pads when asked to keep the length: half on each side, and an odd one on the right.
    layers = [taps(kernel_size, d, ((kernel_size - 1) * d + 1) // 2 if symmetric else 0) for d in dilations]
    layers = [(-1,), *layers] if shift else layers
    names = ["samples", *(["shifted"] if shift else []), *(f"dilation {d}" for d in dilations)]
    seen = reached(layers, length, output)[0]
    leaking = sorted(s for s in seen if s >= output)
    field = 1 + (kernel_size - 1) * sum(dilations)
    title = f"receptive field {field} samples, {1000 * field / rate:g} ms; "
    title += f"{len(leaking)} leak{'s' * (len(leaking) != 1)}"
    figure, ax = plt.subplots(figsize=(7.4, 0.9 + 0.42 * len(layers)))
    convolution_tree(layers, length, output, names=names, ax=ax, title=title)
    ax.set_xlabel(f"time; output {output} is about sample {output}")
    return figure


def dilations() -> widgets.Widget:
    """Choose kernel size, layers, dilations, padding and shift, and see which samples reach an output."""
    wide = {"description_width": "90px"}
    kernel = widgets.IntSlider(value=2, min=1, max=4, description="kernel size:", style=wide)
    depth = widgets.IntSlider(value=4, min=1, max=5, description="layers:", style=wide)
    output = widgets.IntSlider(value=24, min=0, max=31, description="output:", style=wide)
    pattern = widgets.ToggleButtons(
        options=list(_PATTERNS), value="1, 2, 4, ...", description="dilations:", style={"button_width": "110px"}
    )
    padding = widgets.ToggleButtons(options=["left", "both sides"], description="padding:")
    shift = widgets.Checkbox(value=True, description="shift the samples by one first")
    picture = frame()

    def update(_: Any = None) -> None:
        steps = [_PATTERNS[pattern.value](layer) for layer in range(depth.value)]
        symmetric = padding.value != "left"
        show(
            picture,
            lambda: draw_dilations(
                kernel.value, steps, symmetric=symmetric, shift=shift.value, output=output.value
            ),
        )  # fmt: skip

    for control in (kernel, depth, output, pattern, padding, shift):
        control.observe(update, names="value")
    update()
    rows = [beside([kernel, depth]), pattern, beside([padding, shift]), output, picture]
    return widgets.VBox(rows)
