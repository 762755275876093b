"""A digit given in part: what a NADE expects of the other pixels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import torch

from lib import plots
from lib.controls.picture import beside, frame, show


def draw_completion(
    model: Any,
    x: torch.Tensor,
    observed: int,
    *,
    digit: int = 0,
    n: int = 24,
    seed: int = 0,
    reach: float | None = None,
) -> Any:
    """Draw what a NADE expects of the pixels that it has not been given. Returns the figure.

    model : `lib.models.nade.NADE` over square images. x : `(N, D)` binary images, of which number `digit` is drawn.
    observed : how many pixels, the first of the model's order, are given. n : completions drawn; three are shown.
    seed : of the completions. reach : where the axis of nats ends; chosen for the image if absent.

    Above: the image; what is given of it; the probability of every other pixel given that, averaged over the n
    completions; three of them. Below: the NLL of the image itself, gathered pixel by pixel in the model's order.
    """
    side = math.isqrt(model.n_pixels)
    image = x[digit]
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        drawn = model.complete(image.expand(n, -1), observed, generator)
        logits = model.logits(torch.cat([image[None], drawn]))
        costs = torch.nn.functional.binary_cross_entropy_with_logits(logits[0], image, reduction="none")[model.order]
        unknown = torch.zeros(model.n_pixels, dtype=torch.bool)
        unknown[model.order[observed:]] = True
        # Each completion's own conditionals are less noisy than its pixels, and have the same mean.
        expected = torch.where(unknown, torch.sigmoid(logits[1:]).mean(0), image)
    nats = np.concatenate([[0.0], costs.double().cumsum(0).numpy()])

    figure = plt.figure(figsize=(7.4, 3.5), layout="none")
    pictures = {
        "the image": image, "given": torch.where(unknown, torch.full_like(image, math.nan), image),
        "p(lit | given)": expected, "drawn": drawn[0], " ": drawn[1], "  ": drawn[2],
    }  # fmt: skip
    shades = plt.get_cmap("gray_r").with_extremes(bad="#cfe3f1")
    for i, (title, pixels) in enumerate(pictures.items()):
        ax = figure.add_axes((0.012 + 0.165 * i, 0.595, 0.152, 0.325))
        ax.imshow(pixels.numpy().reshape(side, side), cmap=shades, vmin=0, vmax=1)
        ax.set_xticks([])
        ax.set_yticks([])
        ax.grid(False)
        for spine in ax.spines.values():
            spine.set(visible=True, color="#bdbdbd")
        ax.set_title(title, fontsize=11, loc="left")

    ax = figure.add_axes((0.09, 0.145, 0.88, 0.31))
    pixel = np.arange(model.n_pixels + 1)
    for part, colour in ((slice(0, observed + 1), plots.GREY), (slice(observed, None), plots.COLOURS["blue"])):
        ax.fill_between(pixel[part], nats[part], color=colour, alpha=0.35, linewidth=0)
        ax.plot(pixel[part], nats[part], color=colour)
    ax.axvline(observed, color="black", linewidth=1, linestyle=":")
    ax.set(
        xlim=(0, model.n_pixels),
        ylim=(0, reach or 1.12 * nats[-1]),
        xlabel="pixels, in the model's order",
        ylabel="nats",
    )
    given, rest = nats[observed], nats[-1] - nats[observed]
    told = f"NLL {nats[-1]:.1f} nats = {given:.1f} for the {observed} given + {rest:.1f} for the other {len(nats) - 1 - observed}"
    ax.set_title(told, fontsize=11, fontweight="normal", loc="left")
    return figure


def completion(model: Any, x: torch.Tensor, labels: Sequence[str], observed: int = 0) -> widgets.Widget:
    """Choose an image, slide how many of its pixels are given, and see what the model expects of the others.

    model, x : as for `draw_completion`. labels : a name for each of the N images.
    """
    side = math.isqrt(model.n_pixels)
    which = widgets.ToggleButtons(
        options=[(label, i) for i, label in enumerate(labels)], description="image:", style={"button_width": "34px"}
    )
    slider = widgets.IntSlider(
        value=observed, min=0, max=model.n_pixels, step=max(side // 2, 1), description="given:", continuous_update=True,
        layout=widgets.Layout(width="560px", max_width="100%"),
    )  # fmt: skip
    again = widgets.Button(description="draw others", tooltip="other completions of the same pixels")
    picture = frame()
    seed = itertools.count(1)
    state = {"seed": 0}

    def update(_: Any = None) -> None:
        show(picture, lambda: draw_completion(model, x, slider.value, digit=which.value, seed=state["seed"]))

    def other(_: Any) -> None:
        state["seed"] = next(seed)
        update()

    which.observe(update, names="value")
    slider.observe(update, names="value")
    again.on_click(other)
    update()
    return widgets.VBox([which, beside([slider, again]), picture])
