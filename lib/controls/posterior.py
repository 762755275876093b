"""What an image is, as it is read: the posterior over classes after each row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np

from lib import plots
from lib.controls.picture import beside, frame, show


def draw_posterior(images: Any, posterior: Any, row: int, *, image: int = 0) -> Any:
    """Draw an image read so far, and what it may be. Returns the figure.

    images : `(N, D)` square pictures, 0 is paper and 1 is ink. posterior : `(N, R + 1, K)`: the distribution over K classes after
        0, 1, ... R rows, equally high, from the top. row : how many of them are read. image : which of the N.

    Left: what is read; the rest is blue. Middle: the posterior now. Right: all of it, row after row, with a line where we are.
    """
    posterior = np.asarray(posterior, dtype=float)
    n_rows, n_classes = posterior.shape[1] - 1, posterior.shape[2]
    picture = np.array(images, dtype=float)[image]
    side = round(len(picture) ** 0.5)
    picture = picture.reshape(side, side)
    picture[side * row // n_rows :] = np.nan
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(7.4, 2.5), width_ratios=(2, 2.4, 3))
    left.imshow(picture, cmap=plt.get_cmap("gray_r").with_extremes(bad="#cfe3f1"), vmin=0, vmax=1)
    left.set(xticks=(), yticks=(), title=f"{row} of {n_rows} rows read")
    middle.barh(range(n_classes), posterior[image, row], color=plots.COLOURS["blue"])
    middle.set(xlim=(0, 1), yticks=range(n_classes), ylim=(n_classes - 0.4, -0.6), title="p(class | read)")
    right.imshow(posterior[image].T, cmap=plots.AMOUNTS, vmin=0, vmax=1, aspect="auto")
    right.axvline(row, color=plots.COLOURS["vermilion"], linewidth=1.5)
    right.set(yticks=range(n_classes), xlabel="rows read", title="row after row")
    for ax in (left, middle, right):
        ax.grid(False)
        ax.tick_params(axis="y", labelsize=9)
    return figure


def posterior_by_row(images: Any, posterior: Any, labels: Sequence[str]) -> widgets.Widget:
    """Choose an image and read it row by row; or let it run. Arguments as for `draw_posterior`; a name for each image."""
    n_rows = np.asarray(posterior).shape[1] - 1
    which = widgets.ToggleButtons(
        options=[(label, i) for i, label in enumerate(labels)], description="image:", style={"button_width": "48px"}
    )
    row = widgets.IntSlider(
        value=0, min=0, max=n_rows, description="rows read:", layout=widgets.Layout(width="420px", max_width="100%")
    )
    play = widgets.Play(value=0, min=0, max=n_rows, interval=600)
    widgets.jslink((play, "value"), (row, "value"))
    picture = frame()

    def update(_: Any = None) -> None:
        show(picture, lambda: draw_posterior(images, posterior, row.value, image=which.value))

    which.observe(update, names="value")
    row.observe(update, names="value")
    update()
    return widgets.VBox([which, beside([play, row]), picture])
