"""Attention: who looks at whom, and what it is beside recurrence and convolution."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from lib.plots.style import AMOUNTS, COLOURS, GREY

Node = tuple[int, int]
Edge = tuple[Node, Node]

WAYS = ("recurrence", "convolution", "attention")


def edges(way: str, length: int) -> list[Edge]:
    """The arrows of a network over `length` tokens, from node to node; a node is (position, row), and tokens are row 0.

    way : "recurrence", "convolution" (two taps, dilations 1, 2, 4, ...) or "attention". The outputs are the highest row.

    Raises
    ------
    ValueError : another way.
    """
    if way == "recurrence":
        found = [((t, 0), (t, 1)) for t in range(length)] + [((t, 1), (t, 2)) for t in range(length)]
        return found + [((t, 1), (t + 1, 1)) for t in range(length - 1)]
    if way == "convolution":
        n_layers = max(1, (length - 1).bit_length())
        steps = [(layer, back) for layer in range(n_layers) for back in (0, 2**layer)]
        return [((t - back, layer), (t, layer + 1)) for layer, back in steps for t in range(back, length)]
    if way == "attention":
        return [((s, 0), (t, 1)) for t in range(length) for s in range(t + 1)]
    raise ValueError(f"sharing: expected one of {', '.join(WAYS)}, found {way!r}")


def shortest_path(found: Sequence[Edge], start: Node, goal: Node) -> list[Node]:
    """The nodes of a shortest way along arrows, both ends included; empty if there is none."""
    came: dict[Node, Node] = {start: start}
    front = [start]
    while front and goal not in came:
        reached = [(to, source) for source, to in found if source in front and to not in came]
        came |= {to: source for to, source in reached if to not in came}
        front = [to for to, _ in reached]
    if goal not in came:
        return []
    path = [goal]
    while path[-1] != start:
        path.append(came[path[-1]])
    return path[::-1]


def sharing(way: str, length: int = 8, *, ax: Axes | None = None) -> Axes:
    """Draw one of three ways to share a network over positions, and the path from the first token to the last output.

    way : "recurrence", "convolution" or "attention". The title tells how many steps that path has.
    """
    ax = ax or plt.gca()
    found = edges(way, length)
    rows = max(to[1] for _, to in found)
    last = (length - 1, rows)
    heard, front = {last}, {last}
    while front:
        front = {source for source, to in found if to in front} - heard
        heard |= front
    path = shortest_path(found, (0, 0), last)
    bold = set(itertools.pairwise(path))
    for source, to in found:
        shade = COLOURS["vermilion"] if (source, to) in bold else GREY if to in heard else "#dcdcdc"
        arrow = {"arrowstyle": "-", "color": shade, "linewidth": 2.2 if (source, to) in bold else 0.9}
        ax.annotate("", to, source, arrowprops=arrow, zorder=2 if to in heard else 1)
    for t in range(length):
        for row in range(rows + 1):
            shade = COLOURS["blue"] if (t, row) in heard else "white"
            edge = shade if (t, row) in heard else "#bdbdbd"
            ax.plot(t, row, "o", markersize=7, color=shade, markeredgecolor=edge, zorder=3)
    ax.set(xlim=(-0.6, length - 0.4), ylim=(-0.35, rows + 0.35), xticks=[])
    names = {0: "tokens", 1: "state" if way == "recurrence" else "", rows: "outputs"}
    ax.set_yticks(list(names), list(names.values()))
    ax.set_title(way, loc="left")
    ax.set_xlabel(f"path of {len(path) - 1} step{'s' * (len(path) > 2)}")
    ax.grid(False)
    ax.tick_params(length=0)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    return ax


def attention_map(weights: Any, symbols: Sequence[str], *, ax: Axes | None = None, title: str = "") -> Axes:
    """Draw who looks at whom: weights `(T, T)`, rows are the positions that look, and sum to 1. symbols : what is read, T of them."""
    ax = ax or plt.gca()
    values = np.asarray(weights)
    ax.imshow(values, cmap=AMOUNTS, vmin=0, vmax=1)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks(range(len(symbols)), list(symbols))
    ax.set(xlabel="is looked at", ylabel="looks", title=title)
    ax.grid(False)
    ax.tick_params(length=0)
    return ax
