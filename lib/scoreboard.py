"""The scoreboard: one number per model, on the same digits and in the same unit, so that each lesson beats the last.

The unit is nats per image: the average of -log p(x) over our own static draw of the 10 000 test digits. Our numbers are measured
by `python -m benchmarks.likelihood`, which writes `data/scoreboard.csv`; nobody types them. The papers' are theirs, on
Larochelle's draw of the same digits, and most were trained on a single draw too; ours see a new draw at each step, and cannot
learn it by heart.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from lib.data import DATA
from lib.plots import COLOURS, GREY

SCORES = DATA / "scoreboard.csv"


class Row(NamedTuple):
    """One model: the lesson it belongs to, what it is, our NLL and a paper's (nats per image; None if it has none)."""

    lesson: str
    name: str
    what: str
    nats: float
    paper: float | None
    source: str


def rows(lesson: str = "99", path: Path | str | None = None) -> list[Row]:
    """The models of all lessons up to this one ("03", say), worst first."""
    with open(path or SCORES, encoding="utf-8", newline="") as file:
        found = [
            Row(
                r["lesson"],
                r["name"],
                r["what"],
                float(r["nats"]),
                float(r["paper"]) if r["paper"] else None,
                r["source"],
            )
            for r in csv.DictReader(file)
        ]
    return sorted((row for row in found if row.lesson <= lesson), key=lambda row: -row.nats)


def draw(lesson: str, yours: Mapping[str, float] | None = None, ax: Axes | None = None) -> Axes:
    """Draw the scoreboard as it stands in a lesson, from 74 nats on. Diamonds are the numbers of the papers.

    Parameters
    ----------
    lesson : two digits; models of later lessons are left out.
    yours : your own results, nats per image, by the label they should have.
    """
    entries = [(row.what, row.nats, row.paper, False) for row in rows(lesson)]
    entries += [(label, nats, None, True) for label, nats in (yours or {}).items()]
    entries.sort(key=lambda entry: -entry[1])
    if ax is None:
        _, ax = plt.subplots(figsize=(7.2, 0.9 + 0.36 * len(entries)))
    left, right = 74.0, 106.0
    for y, (_label, nats, paper, own) in enumerate(entries):
        ax.barh(y, nats - left, left=left, height=0.66, color=COLOURS["vermilion"] if own else COLOURS["blue"])
        beyond = " (the bar goes on to the right)" if nats > right else ""
        ax.text(left + 0.4, y, f"{nats:.1f}{beyond}", va="center", fontsize=10, color="white", fontweight="bold")
        if paper is not None:
            ax.plot(
                paper,
                y,
                "D",
                color="white",
                markeredgecolor=GREY,
                markersize=6,
            )
            ax.text(max(nats, paper) + 0.7, y, f"{paper:.2f}", va="center", fontsize=9, color=GREY)
    ax.set_yticks(range(len(entries)), [entry[0] for entry in entries])
    for tick, entry in zip(ax.get_yticklabels(), entries, strict=True):
        tick.set_color(COLOURS["vermilion"] if entry[3] else "black")
    ax.invert_yaxis()
    # No legend: wherever it lies, its diamond looks like one more result.
    told = "\n◇ published, on Larochelle's static draw" if any(entry[2] is not None for entry in entries) else ""
    ax.set(xlim=(left, right), xlabel=f"nats per image on the test digits (fewer is better){told}")
    ax.set_title(f"The scoreboard after lesson {int(lesson)}")
    ax.grid(False, axis="y")
    ax.tick_params(axis="y", length=0)
    return ax
