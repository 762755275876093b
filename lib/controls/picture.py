"""How a control lays out its figure and what moves it."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt


def frame() -> widgets.Image:
    """The place of a control's figure: as wide as it is drawn, or as the page if that is narrower."""
    return widgets.Image(format="png", layout={"align_self": "flex-start", "max_width": "100%"})


def beside(children: Sequence[widgets.Widget]) -> widgets.HBox:
    """Side by side, and below one another where the page is too narrow."""
    return widgets.HBox(children, layout={"flex_flow": "row wrap"})


def show(place: widgets.Image, draw: Callable[[], Any]) -> None:
    """Put the figure that `draw` makes into its place in a control, and nowhere else."""
    content = io.BytesIO()
    with plt.ioff():
        figure = draw()
        figure.savefig(content, format="png")
        plt.close(figure)
    place.value = content.getvalue()
