"""What a figure shows, in words: the alternative text for people who hear a page instead of seeing it.

It is made from the figure itself (titles, axes, legends, where lines begin and end), so every figure of the course has one. It goes where
nbformat and nbconvert look for it, into the output's metadata.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.container import BarContainer
from matplotlib.figure import Figure

_MOST = 6  # lines whose beginning and end a text tells


def describe(figure: Figure) -> str:
    """The figure in words: what its titles, axes, lines and legends say."""
    panels = [ax for ax in figure.axes if ax.get_label() != "<colorbar>" and (ax.has_data() or ax.texts)]
    told = [_panel(ax) for ax in panels]
    title = _plain(figure.get_suptitle())
    if len(panels) > 1:
        if len(set(told)) == 1:
            told = [f"{len(panels)} panels, each: {told[0]}"]
        else:
            told = [f"{len(panels)} panels", *(f"{n}) {text}" for n, text in enumerate(told, 1))]
    return ". ".join(text.rstrip(".") for text in (title, *told) if text) + "."


def send_with_figures() -> None:
    """Let a notebook keep each figure's text beside its picture. Does nothing outside a notebook."""
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return
    import matplotlib_inline.backend_inline  # noqa: F401  (sets up its own formatter, once, which ours replaces)
    from IPython.core.pylabtools import print_figure

    def png(figure: Figure) -> Any:
        drawn = print_figure(figure, base64=True)
        return None if drawn is None else (drawn, {"alt": describe(figure)})

    shell.display_formatter.formatters["image/png"].for_type(Figure, png)


def _panel(ax: Axes) -> str:
    title = next((t for t in (_plain(ax.get_title(loc)) for loc in ("left", "center", "right")) if t), "")
    labels = (("across", _plain(ax.get_xlabel())), ("up", _plain(ax.get_ylabel())))
    parts = [
        title,
        ", ".join(_kinds(ax)),
        *(f"{way}: {label}" for way, label in labels if label),
        _lines(ax),
        _legend(ax),
    ]
    return "; ".join(part for part in parts if part) or "a drawing"


def _kinds(ax: Axes) -> list[str]:
    found = []
    if ax.images:
        rows, columns = np.asarray(ax.images[0].get_array()).shape[:2]
        found.append(f"shades in {rows} rows and {columns} columns")
    if any(isinstance(c, BarContainer) for c in ax.containers):
        found.append("bars")
    elif ax.patches and not ax.images:
        found.append("a drawing")
    if any(isinstance(c, PathCollection) for c in ax.collections):
        found.append("points")
    if any(np.size(line.get_xdata()) > 1 for line in ax.lines) and not ax.images:
        found.append("lines")
    words = [text for text in (_plain(t.get_text()) for t in ax.texts) if text]
    if words and not found:
        found.append("text: " + ", ".join(words[:12]))
    return found


def _lines(ax: Axes) -> str:
    """Where each line with a name begins and ends."""
    told = []
    for line in ax.lines:
        label = str(line.get_label())
        y = np.asarray(line.get_ydata(orig=False), dtype=float)
        if label.startswith("_") or len(y) < 2 or not np.isfinite(y[[0, -1]]).all():
            continue
        told.append(f"{_plain(label)} from {_number(y[0])} to {_number(y[-1])}")
    return ", ".join(told) if len(told) <= _MOST else ""


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _legend(ax: Axes) -> str:
    legend = ax.get_legend()
    if legend is None or _lines(ax):
        return ""
    return "legend: " + ", ".join(_plain(text.get_text()) for text in legend.get_texts())


def _plain(text: str) -> str:
    """Without line ends and the marks of mathtext."""
    return re.sub(r"\s+", " ", re.sub(r"\$|\\(mathrm|text|mid|,|;)|[{}]", "", str(text))).strip()
