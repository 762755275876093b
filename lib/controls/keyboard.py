"""A keyboard that shows where it thinks you are going: the next letter of a name, given those typed so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_hex

from lib import plots
from lib.controls.picture import beside, frame, show

END = "."  # what follows the last letter, as in lesson 02
LETTERS = "abcdefghijklmnopqrstuvwxyz" + END
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def next_letters(names: Sequence[tuple[str, float]], prefix: str = "") -> np.ndarray:
    """p(next letter | prefix), by counting.

    Parameters
    ----------
    names : list of `(name, weight)`, as `lib.data.load_names` gives it.
    prefix : the letters so far, lower case.

    Returns
    -------
    array `(27,)` in the order of `LETTERS` (a to z, then the end of the name); zeros if no name begins so.
    """
    counts = np.zeros(len(LETTERS))
    for name, weight in names:
        if name.startswith(prefix):
            counts[LETTERS.index((name + END)[len(prefix)])] += weight
    total = counts.sum()
    return counts / total if total > 0 else counts


def _bits(p: np.ndarray) -> float:
    return float(sum(-q * math.log2(q) for q in p if q > 0)) if p.any() else math.nan


def draw_keyboard(names: Sequence[tuple[str, float]], prefix: str = "") -> Any:
    """Draw what the letters typed so far say about the next one. Returns the figure.

    Above: p(next letter | prefix). Below left: the entropy of the next letter before and after each letter
    typed, in bits. Below right: the most frequent names that are still possible.
    """
    prefix = prefix.lower()
    p = next_letters(names, prefix)
    left = [(name, weight) for name, weight in names if name.startswith(prefix)]
    total = sum(weight for _, weight in names)
    share = sum(weight for _, weight in left) / total
    bits = _bits(p)

    figure, axes = plt.subplot_mosaic(
        [["next", "next"], ["entropy", "names"]],
        figsize=(7.2, 4.3),
        width_ratios=(3, 2),
        height_ratios=(3, 2),
    )
    ax = axes["next"]
    ax.bar(range(len(LETTERS)), p, color=[plots.COLOURS["blue"]] * 26 + [plots.COLOURS["vermilion"]])
    ax.set_xticks(range(len(LETTERS)), [*LETTERS[:-1], "   end"])
    ax.grid(False, axis="x")
    ax.set(ylim=(0, 1.05 * max(p.max(), 0.25)), xlim=(-0.7, 26.9), ylabel="probability")
    told = f"“{prefix}”" if prefix else "nothing"
    amount = f"{bits:.2f} bits ({bits * math.log(2):.2f} nats)" if left else "no name begins so"
    ax.set_title(f"The next letter after {told}: {amount}")

    ax = axes["entropy"]
    steps = [_bits(next_letters(names, prefix[:t])) for t in range(len(prefix) + 1)]
    ax.plot(range(len(steps)), steps, "o-", color=plots.COLOURS["blue"])
    longest = max(10, len(prefix))
    ax.set_xticks(range(longest + 1), ["–", *prefix.ljust(longest)])
    ax.set(ylim=(0, 4.8), xlim=(-0.5, longest + 0.5), xlabel="letters typed", ylabel="entropy (bits)")

    ax = axes["names"]
    ax.axis("off")
    people = f"{100 * share:.3g} % of people" if left else "no one"
    lines = [f"{len(left)} name{'s' * (len(left) != 1)}, {people}"]
    lines += [f"{name}  {100 * weight / total / share:.0f} %" for name, weight in left[:5]]
    ax.text(0, 1, lines[0], va="top", fontweight="bold", transform=ax.transAxes)
    ax.text(0, 0.82, "\n".join(lines[1:]), va="top", linespacing=1.35, transform=ax.transAxes)
    return figure


def keyboard(names: Sequence[tuple[str, float]], prefix: str = "") -> widgets.Widget:
    """A keyboard that shows where it thinks you are going.

    Type in the box or press the keys. The darker a key, the more probable the letter; a key that no name
    continues with is off. `names` as for `next_letters`.
    """
    box = widgets.Text(value=prefix, description="Typed:", continuous_update=True)
    picture = frame()

    def key(letter: str, label: str | None = None) -> widgets.Button:
        button = widgets.Button(description=label or letter, layout=widgets.Layout(width="44px", margin="1px"))
        button.on_click(lambda _: setattr(box, "value", box.value + letter))
        return button

    keys = {letter: key(letter) for letter in LETTERS[:-1]}
    delete = widgets.Button(description="⌫", tooltip="delete the last letter", layout=widgets.Layout(width="60px"))
    delete.on_click(lambda _: setattr(box, "value", box.value[:-1]))
    clear = widgets.Button(description="clear", layout=widgets.Layout(width="70px"))
    clear.on_click(lambda _: setattr(box, "value", ""))

    def update(_: Any = None) -> None:
        typed = "".join(c for c in box.value.lower() if c in LETTERS[:-1])
        if typed != box.value:
            box.value = typed  # calls update again
            return
        p = next_letters(names, typed)
        for letter, button in keys.items():
            amount = p[LETTERS.index(letter)]
            button.disabled = not amount > 0
            button.style.button_color = to_hex(plots.AMOUNTS(math.sqrt(amount))) if amount > 0 else "#eeeeee"
            button.style.text_color = "white" if amount > 0.3 else "black"
        show(picture, lambda: draw_keyboard(names, typed))

    box.observe(update, names="value")
    update()
    rows = [widgets.HBox([keys[letter] for letter in row]) for row in _ROWS]
    return widgets.VBox([beside([box, delete, clear]), *rows, picture])
