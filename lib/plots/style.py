"""The one plot style of all lessons: colours, fonts, panels side by side.

Colours are Okabe and Ito's (2008), told apart by people with any of the common colour-vision deficiencies and
in grey print. Axes carry labels with units; text is legible at the 800 or so pixels that GitHub gives a figure.
"""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from lib.plots.alt import send_with_figures

COLOURS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "black": "#000000",
}
CYCLE = [COLOURS[c] for c in ("blue", "vermilion", "green", "purple", "orange", "sky", "black")]
GREY = "#6b6b6b"
# Probabilities and other amounts from nothing (white) to much (the course's blue).
AMOUNTS = LinearSegmentedColormap.from_list("amounts", ["#ffffff", "#9ecae1", "#0072B2", "#00304d"])


def use_style() -> None:
    """Set matplotlib up for a lesson. Every lesson calls it once, in its first code cell."""
    mpl.rcParams.update(
        {
            "figure.figsize": (7.2, 3.4),
            "figure.dpi": 110,
            "savefig.dpi": 110,
            "figure.constrained_layout.use": True,
            "font.size": 11,
            "axes.titlesize": 12,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.labelsize": 11,
            "axes.prop_cycle": cycler(color=CYCLE),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "axes.grid": True,
            "grid.color": "#e4e4e4",
            "grid.linewidth": 0.8,
            "legend.frameon": False,
            "lines.linewidth": 2,
            "image.cmap": "gray_r",
            "image.interpolation": "nearest",
        }
    )
    send_with_figures()


def panels(n: int, width: float = 2.9, height: float = 2.7, **options: Any) -> tuple[Any, list[Axes]]:
    """A row of n square-ish panels: `(figure, list of n axes)`. `options` go to `plt.subplots`."""
    figure, axes = plt.subplots(1, n, figsize=(width * n, height), squeeze=False, **options)
    return figure, list(axes[0])
