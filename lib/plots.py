"""One plot style for all lessons, and the drawings that more than one lesson uses.

Colours are Okabe and Ito's (2008), told apart by people with any of the common colour-vision deficiencies and
in grey print. Axes carry labels with units; text is legible at the 800 or so pixels that GitHub gives a figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, ListedColormap
from matplotlib.patches import Rectangle

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


def panels(n: int, width: float = 2.9, height: float = 2.7, **options: Any) -> tuple[Any, list[Axes]]:
    """A row of n square-ish panels: `(figure, list of n axes)`. `options` go to `plt.subplots`."""
    figure, axes = plt.subplots(1, n, figsize=(width * n, height), squeeze=False, **options)
    return figure, list(axes[0])


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


def dependence_matrix(
    depends: np.ndarray,
    *,
    ax: Axes | None = None,
    labels: Sequence[str] | None = None,
    order: Sequence[int] | None = None,
    sees_itself: bool = False,
    title: str = "",
) -> Axes:
    """Draw what `lib.causality.dependence` found: blue where allowed, vermilion and crossed where it leaks.

    Grey marks the forbidden region. Large matrices have no crosses. Arguments as for `lib.causality.leaks`.
    """
    from lib.causality import leaks

    depends = np.asarray(depends, dtype=bool)
    n = len(depends)
    ax = ax or plt.gca()
    forbidden = np.zeros((n, n), dtype=bool)
    for t, s in leaks(np.ones((n, n), dtype=bool), order, sees_itself=sees_itself):
        forbidden[t, s] = True
    # 0 unused and allowed, 1 unused and forbidden, 2 used and allowed, 3 a leak.
    kind = np.where(depends, np.where(forbidden, 3, 2), np.where(forbidden, 1, 0))
    shades = ListedColormap(["#ffffff", "#e9e9e9", COLOURS["blue"], COLOURS["vermilion"]])
    ax.imshow(kind, cmap=shades, vmin=0, vmax=3)
    for t, s in np.argwhere(kind == 3) if n <= 16 else ():
        ax.text(s, t, "×", ha="center", va="center", color="white", fontweight="bold")
    names = [str(i) for i in range(n)] if labels is None else list(labels)
    if n <= 16:
        ax.set_xticks(range(n), names)
        ax.set_yticks(range(n), names)
        ax.set_xticks(np.arange(-0.5, n), minor=True)
        ax.set_yticks(np.arange(-0.5, n), minor=True)
        ax.grid(which="minor", color="#bdbdbd", linewidth=0.6)
    ax.grid(False, which="major")
    ax.tick_params(which="both", length=0)
    ax.set(title=title, xlabel="input position", ylabel="output position")
    return ax


def dependency_graph(
    parents: Sequence[Sequence[int]],
    *,
    labels: Sequence[str] | None = None,
    positions: Sequence[tuple[float, float]] | None = None,
    shaded: Sequence[int] = (),
    ax: Axes | None = None,
    title: str = "",
) -> Axes:
    """Draw which variable is conditioned on which: an arrow from each parent to its child.

    parents : `parents[i]` lists the parents of node i. Nodes stand in a row from left to right unless
        `positions` gives `(x, y)` for each; arrows between neighbours are straight, longer ones bend.
    labels : one per node. shaded : nodes drawn grey (observed, or given).
    """
    n = len(parents)
    ax = ax or plt.gca()
    labels = [f"$x_{{{i + 1}}}$" for i in range(n)] if labels is None else list(labels)
    in_a_row = positions is None
    places = [(float(i), 0.0) for i in range(n)] if positions is None else list(positions)
    for child, of in enumerate(parents):
        for parent in of:
            gap = child - parent
            bend = 0.0 if not in_a_row or abs(gap) == 1 else (-0.42 if gap > 0 else 0.42)
            ax.annotate(
                "", xy=places[child], xytext=places[parent],
                arrowprops={
                    "arrowstyle": "-|>", "color": GREY, "linewidth": 1.3, "shrinkA": 13, "shrinkB": 13,
                    "connectionstyle": f"arc3,rad={bend}",
                },
            )  # fmt: skip
    for i, (x, y) in enumerate(places):
        face = "#dddddd" if i in shaded else "white"
        ax.plot(x, y, "o", markersize=25, color=COLOURS["blue"], markerfacecolor=face, markeredgewidth=1.6)
        ax.text(x, y, labels[i], ha="center", va="center", fontsize=11)
    xs, ys = zip(*places, strict=True)
    span = max((abs(c - p) for c, of in enumerate(parents) for p in of), default=1) if in_a_row else 1
    ax.set_xlim(min(xs) - 0.5, max(xs) + 0.5)
    ax.set_ylim(min(ys) - 0.4, max(ys) + (0.3 + 0.18 * span if span > 1 else 0.4))
    ax.axis("off")
    ax.set_title(title)
    return ax


def nested_intervals(
    sequence: str,
    distributions: Sequence[dict[str, float]],
    *,
    ax: Axes | None = None,
    title: str = "",
    label: str = "",
) -> Axes:
    """Draw a sequence's probability as an interval that narrows: each symbol keeps a share of what was left.

    sequence : the symbols, length T. distributions : `distributions[t]` maps each symbol to
    p(symbol | sequence[:t]). label : written at the last interval; its width if absent.
    """
    ax = ax or plt.gca()
    shades = dict(zip(distributions[0], CYCLE, strict=False))
    low, width = 0.0, 1.0
    for t, (symbol, distribution) in enumerate(zip(sequence, distributions, strict=True)):
        left, kept = low, (low, width)
        for value, p in distribution.items():
            chosen = value == symbol
            ax.barh(
                -t, p * width, left=left, height=0.62, color=shades[value], alpha=0.9 if chosen else 0.28,
                edgecolor="white", linewidth=1.2,
            )  # fmt: skip
            if p * width > 0.03:
                ax.text(
                    left + p * width / 2, -t, f"{value}  {p:.2f}" if p * width > 0.095 else value,
                    ha="center", va="center", fontsize=9.5, color="white" if chosen else "black",
                    fontweight="bold" if chosen else "normal",
                )  # fmt: skip
            if chosen:
                kept = (left, p * width)
            left += p * width
        low, width = kept
        for edge in (low, low + width):
            ax.plot([edge, edge], [-t - 0.31, -t - 0.69], color=GREY, linewidth=0.8, linestyle=":")
    last = -len(sequence) + 0.1
    arrow = {"arrowstyle": "<|-|>", "color": "black", "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", xy=(low, last), xytext=(low + width, last), arrowprops=arrow)
    ax.text(low + width / 2, last - 0.12, label or f"width {width:.4g}", ha="center", va="top")
    steps = range(len(sequence))
    ax.set_yticks([-t for t in steps], [f"after “{sequence[:t]}”" if t else "at first" for t in steps])
    ax.set(xlim=(0, 1), ylim=(last - 0.5, 0.5), xlabel="probability, accumulated", title=title)
    ax.grid(False)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def unrolled(
    inputs: Sequence[str],
    outputs: Sequence[str],
    *,
    ax: Axes | None = None,
    own: bool = False,
    title: str = "",
) -> Axes:
    """Draw a next-token model unrolled over time: inputs below, the model, and what comes out above.

    inputs, outputs : one label per position. `outputs` are targets in training and samples in generation.
    own : draw the arrows that carry each output back as the next input (generation). Without, the inputs are
        simply there (teacher forcing).
    """
    n = len(inputs)
    ax = ax or plt.gca()
    fed, made = COLOURS["blue"], COLOURS["vermilion"] if own else COLOURS["green"]
    for t, (below, above) in enumerate(zip(inputs, outputs, strict=True)):
        for y, text, colour in ((0, below, made if own and t else fed), (2, above, made)):
            box = {"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": colour, "linewidth": 1.6}
            ax.text(t, y, text, ha="center", va="center", family="monospace", fontsize=12, bbox=box)
        ax.add_patch(Rectangle((t - 0.3, 0.8), 0.6, 0.4, facecolor="#e9e9e9", edgecolor=GREY))
        ax.text(t, 1, "model", ha="center", va="center", color=GREY, fontsize=9)
        for low, high in ((0.3, 0.78), (1.22, 1.68)):
            ax.annotate("", (t, high), (t, low), arrowprops={"arrowstyle": "-|>", "color": GREY})
        if t + 1 < n:
            ax.annotate("", (t + 0.68, 1), (t + 0.32, 1), arrowprops={"arrowstyle": "-|>", "color": GREY})
            if own:
                back = {"arrowstyle": "-|>", "color": made, "linewidth": 1.4}
                ax.annotate("", (t + 0.84, 0.2), (t + 0.16, 1.8), arrowprops=back)
    ax.set(xlim=(-0.6, n - 0.4), ylim=(-0.45, 2.45), title=title)
    ax.axis("off")
    return ax


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
