"""Tables of probabilities, drawn."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from lib.plots.style import AMOUNTS


def table(
    values: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    ax: Axes | None = None,
    title: str = "",
    xlabel: str = "",
    ylabel: str = "",
    digits: int = 2,
    vmax: float | None = None,
) -> Axes:
    """Draw a small table of numbers as a heat map with the numbers written in.

    values : array `(rows, columns)`. Numbers are written with `digits` decimals; NaN is left blank.
    """
    values = np.asarray(values, dtype=float)
    ax = ax or plt.gca()
    vmax = vmax or float(np.nanmax(values)) or 1.0
    ax.imshow(values, cmap=AMOUNTS, vmin=0, vmax=vmax, aspect="auto")
    ax.set_xticks(range(len(columns)), columns)
    ax.set_yticks(range(len(rows)), rows)
    ax.grid(False)
    ax.tick_params(length=0)
    for i, j in np.ndindex(values.shape):
        if np.isfinite(values[i, j]):
            shade = "white" if values[i, j] > 0.55 * vmax else "black"
            ax.text(j, i, f"{values[i, j]:.{digits}f}", ha="center", va="center", color=shade, fontsize=10)
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    return ax
