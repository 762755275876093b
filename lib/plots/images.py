"""Sheets of small pictures."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes


def digits(
    images: Any, *, ax: Axes | None = None, columns: int | None = None, side: int | None = None, title: str = ""
) -> Axes:
    """Draw a sheet of small pictures, ink on paper.

    images : `(N, S * S)` or `(N, S, S)`, array or tensor, 0 is paper and 1 is ink. columns : pictures per row; all
        in one row if absent. side : S, for flat images that are not square-sized in an obvious way.
    """
    images = np.asarray(images, dtype=float)
    if images.ndim == 2:
        side = side or round(images.shape[1] ** 0.5)
        images = images.reshape(len(images), side, -1)
    n, height, width = images.shape
    columns = columns or n
    rows = -(-n // columns)
    sheet = np.full((rows * (height + 1) + 1, columns * (width + 1) + 1), 0.25)
    for i, image in enumerate(images):
        top, left = (i // columns) * (height + 1) + 1, (i % columns) * (width + 1) + 1
        sheet[top : top + height, left : left + width] = image
    ax = ax or plt.gca()
    ax.imshow(sheet, cmap="gray_r", vmin=0, vmax=1)
    ax.set_title(title)
    ax.axis("off")
    return ax
