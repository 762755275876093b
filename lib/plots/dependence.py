"""Who depends on whom: as a matrix of outputs against inputs, as a graph of variables."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap

from lib.plots.style import COLOURS, GREY


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
