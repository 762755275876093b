"""How a control shows a figure."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt


def show(picture: widgets.Image, draw: Callable[[], Any]) -> None:
    """Put the figure that `draw` makes into a picture of a control, and nowhere else."""
    content = io.BytesIO()
    with plt.ioff():
        figure = draw()
        figure.savefig(content, format="png")
        plt.close(figure)
    picture.value = content.getvalue()
