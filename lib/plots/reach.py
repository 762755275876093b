"""What one pixel of an image sees of the others."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Rectangle

from lib.plots.style import COLOURS


def seen(
    depends: Any,
    *,
    ax: Axes | None = None,
    pixel: tuple[int, int] | None = None,
    backwards: bool = False,
    title: str = "",
) -> Axes:
    """Draw what a pixel sees: blue what it sees and may, vermilion and crossed what it sees and must not.

    depends : booleans `(height, width)`, array or tensor: does the pixel's output depend on the input there?
    pixel : its row and column; the middle one, `(height // 2, width // 2)`, if absent. It is framed in black.
    backwards : the order of generation is raster order from the last pixel to the first.

    Pale orange: pixels before it that it does not see, though they lie in the frame that its other ones span: a blind spot.
    Grey: pixels that come later.
    """
    depends = np.asarray(depends, dtype=bool)
    height, width = depends.shape
    row, column = pixel or (height // 2, width // 2)
    ax = ax or plt.gca()
    place = np.arange(height * width).reshape(height, width)
    before = place > place[row, column] if backwards else place < place[row, column]
    rows, columns = np.nonzero(depends & before)
    spanned = np.zeros_like(depends)
    if len(rows):
        side = int(np.abs(columns - column).max())
        top, bottom = min(rows.min(), row), max(rows.max(), row)
        spanned[top : bottom + 1, max(column - side, 0) : column + side + 1] = True
    # 0 earlier and out of reach, 1 later, 2 seen, 3 a leak, 4 blind.
    kind = np.where(depends, np.where(before, 2, 3), np.where(before, np.where(spanned, 4, 0), 1))
    shades = ListedColormap(["#ffffff", "#e9e9e9", COLOURS["blue"], COLOURS["vermilion"], "#fbd7a1"])
    ax.imshow(kind, cmap=shades, vmin=0, vmax=4)
    for r, c in np.argwhere(kind == 3) if height * width <= 400 else ():
        ax.text(c, r, "×", ha="center", va="center", color="white", fontweight="bold")
    ax.set_xticks(np.arange(-0.5, width), minor=True)
    ax.set_yticks(np.arange(-0.5, height), minor=True)
    ax.grid(which="minor", color="#cfcfcf", linewidth=0.5)
    ax.grid(False, which="major")
    ax.set(xticks=(), yticks=(), title=title)
    ax.tick_params(which="both", length=0)
    ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="black", linewidth=2, zorder=3))
    return ax
