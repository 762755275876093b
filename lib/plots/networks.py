"""Networks with their connections: kept, cut, or leaking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from lib.plots.style import COLOURS, GREY


def masked_network(
    degrees: Sequence[Any],
    masks: Sequence[Any] | None = None,
    *,
    leaking: Sequence[Any] | None = None,
    labels: Sequence[str] | None = None,
    ax: Axes | None = None,
    title: str = "",
) -> Axes:
    """Draw a masked network from left to right, each unit with its degree inside.

    degrees : one vector per layer: the inputs', those of each hidden layer, the outputs'.
    masks : one array `(to, from)` per pair of neighbouring layers: what is kept is drawn. Everything is, if absent.
    leaking : arrays like the masks; connections marked there are drawn in vermilion.
    labels : names of the inputs; $x_1$, $x_2$, ... if absent.
    """
    ax = ax or plt.gca()
    sizes = [len(layer) for layer in degrees]
    tallest = max(sizes)
    places = [[(1.0 * layer, (n - 1) / 2 - i) for i in range(n)] for layer, n in enumerate(sizes)]
    for layer in range(len(sizes) - 1):
        kept = np.ones((sizes[layer + 1], sizes[layer])) if masks is None else np.asarray(masks[layer])
        bad = np.zeros(kept.shape) if leaking is None else np.asarray(leaking[layer])
        for to, source in np.argwhere(kept > 0):
            (x0, y0), (x1, y1) = places[layer][source], places[layer + 1][to]
            if bad[to, source] > 0:
                ax.plot([x0, x1], [y0, y1], color=COLOURS["vermilion"], linewidth=1.6, zorder=2)
            else:
                ax.plot([x0, x1], [y0, y1], color="#b9b9b9" if masks is None else GREY, linewidth=0.9, zorder=1)
    names = [f"$x_{{{i + 1}}}$" for i in range(sizes[0])] if labels is None else list(labels)
    for layer, column in enumerate(places):
        shade = COLOURS["blue"] if 0 < layer < len(sizes) - 1 else "black"
        for unit, (x, y) in enumerate(column):
            ax.plot(x, y, "o", markersize=17, color=shade, markerfacecolor="white", markeredgewidth=1.5, zorder=3)
            ax.text(x, y, str(int(degrees[layer][unit])), ha="center", va="center_baseline", fontsize=10, zorder=4)
            if layer == 0:
                ax.annotate(names[unit], (x, y), (-12, 0), textcoords="offset points", ha="right", va="center")
            if layer == len(sizes) - 1:
                ax.annotate(f"{names[unit]} ?", (x, y), (12, 0), textcoords="offset points", ha="left", va="center")
    ax.set(xlim=(-0.5, len(sizes) - 0.4), ylim=(-tallest / 2 - 0.1, tallest / 2 + 0.1), title=title)
    ax.axis("off")
    return ax
