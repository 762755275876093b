"""Sequences, step by step: how each symbol narrows an interval, and a model unrolled over time."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from lib.plots.style import COLOURS, CYCLE, GREY


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
