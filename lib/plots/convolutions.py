"""Stacks of convolutions over time: which samples reach one output, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from lib.plots.style import COLOURS, GREY

Offsets = Sequence[int]


def taps(kernel_size: int, dilation: int = 1, ahead: int = 0) -> tuple[int, ...]:
    """Where the taps of a kernel lie, counted from now: `(-2, 0)` for two taps with dilation 2.

    ahead : by how many samples the kernel reaches into the future: 0 for a causal convolution.
    """
    return tuple(dilation * (k - kernel_size + 1) + ahead for k in range(kernel_size))


def reached(layers: Sequence[Offsets], length: int, output: int) -> list[set[int]]:
    """What leads to one output: for each row, from the samples (first) up to the output (last), the positions that do.

    layers : the taps of each layer, from the lowest up. length : number of samples. Taps before the first sample or
    after the last fall on padding and reach nothing.
    """
    rows = [{output}]
    for offsets in reversed(layers):
        rows.append({t + o for t in rows[-1] for o in offsets if 0 <= t + o < length})
    return rows[::-1]


def convolution_tree(
    layers: Sequence[Offsets],
    length: int = 16,
    output: int | None = None,
    *,
    names: Sequence[str] | None = None,
    itself: bool = False,
    ax: Axes | None = None,
    title: str = "",
) -> Axes:
    """Draw a stack of convolutions over time, and in colour what reaches one of its outputs.

    layers : the taps of each layer (`taps`), from the lowest up. output : the position looked at; the last if absent.
    names : one for each row, from the samples up. itself : output t may see sample t, because it is about the next one.
    Samples that the output must not see are vermilion.
    """
    ax = ax or plt.gca()
    output = length - 1 if output is None else output
    rows = reached(layers, length, output)
    faint: list[tuple[tuple[int, int], tuple[int, int]]] = []
    bold: list[tuple[tuple[int, int], tuple[int, int]]] = []
    for y, offsets in enumerate(layers):
        for t in range(length):
            for source in (t + o for o in offsets):
                if 0 <= source < length:
                    line = ((source, y), (t, y + 1))
                    (bold if t in rows[y + 1] else faint).append(line)
    ax.add_collection(LineCollection(faint, colors="#dcdcdc", linewidths=0.8, zorder=1))
    ax.add_collection(LineCollection(bold, colors=GREY, linewidths=1.7, zorder=2))
    last = output if itself else output - 1
    for y, some in enumerate(rows):
        for t in range(length):
            allowed = y > 0 or t <= last
            shade = (COLOURS["blue"] if allowed else COLOURS["vermilion"]) if t in some else "white"
            edge = shade if t in some else "#bdbdbd"
            ax.plot(t, y, "o", markersize=8, color=shade, markeredgecolor=edge, zorder=3)
    if names is not None:
        ax.set_yticks(range(len(rows)), names)
    else:
        ax.set_yticks([])
    ax.set_xticks([t for t in range(length) if t % max(1, length // 16) == 0])
    ax.set(xlim=(-0.6, length - 0.4), ylim=(-0.4, len(rows) - 0.6), title=title)
    ax.grid(False)
    ax.tick_params(length=0)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    return ax
