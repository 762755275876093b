"""The average NLL of a model as entropy floor and KL gap."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np

from lib import plots
from lib.controls.picture import frame, show


def draw_divergence(data: Sequence[float], model: Sequence[float], symbols: Sequence[str] = "ABC") -> Any:
    """Draw the average NLL of `model` on `data` as entropy floor + KL gap, in nats. Returns the figure.

    data, model : distributions over the same `symbols`, each sums to 1.

    Left: the two side by side. Right, above: the floor, which belongs to the data, and the gap, which is all that
    training can close; below: what each symbol pays, p (-ln q), adding up to the same total.
    """
    p, q = np.asarray(data, dtype=float), np.asarray(model, dtype=float)
    seen = p > 0
    floor = float(-(p[seen] * np.log(p[seen])).sum()) + 0.0
    with np.errstate(divide="ignore"):
        nll = float(-(p[seen] * np.log(q[seen])).sum()) + 0.0
    gap = nll - floor

    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.7), width_ratios=(2, 3))
    places = np.arange(len(p))
    left.bar(places - 0.2, p, 0.38, color=plots.GREY, label="data p")
    left.bar(places + 0.2, q, 0.38, color=plots.COLOURS["blue"], label="model q")
    left.set_xticks(places, list(symbols))
    left.grid(False, axis="x")
    left.set(ylim=(0, 1.25), yticks=(0, 0.5, 1), ylabel="probability", title="Data and model")
    left.legend(loc="upper center", ncols=2, handlelength=1, columnspacing=1, borderaxespad=0.1)

    reach = 3.0
    shown = min(nll, reach)
    right.barh([1], [floor], 0.34, color=plots.GREY)
    right.barh([1], [max(shown - floor, 0.0)], 0.34, left=[floor], color=plots.COLOURS["vermilion"])
    start = 0.0
    for i, shade in zip(np.flatnonzero(seen), itertools.cycle(("#9ecae1", "#c6dbef", "#6baed6")), strict=False):
        share = min(float(-p[i] * np.log(q[i])) if q[i] > 0 else math.inf, reach - start)
        right.barh([0], [share], 0.34, left=[start], color=shade)
        if share > 0.09:
            right.text(start + share / 2, 0, list(symbols)[i], ha="center", va="center")
        start += share
    right.text(0, 1.3, f"entropy of p  {floor:.2f}", color=plots.GREY, va="bottom")
    far = "∞" if not math.isfinite(gap) else f"{max(gap, 0.0):.2f}"
    right.text(reach, 1.3, f"KL(p, q)  {far}", color=plots.COLOURS["vermilion"], va="bottom", ha="right")
    right.plot([floor, floor], [-0.3, 1.2], ":", color="black", linewidth=1)
    total = "∞" if not math.isfinite(nll) else f"{nll:.2f}"
    right.set_yticks([1, 0], ["floor + gap", "by symbol"])
    right.grid(False, axis="y")
    right.set(xlim=(0, reach), ylim=(-0.4, 1.75), xlabel="nats per symbol", title=f"Average NLL {total} nats")
    return figure


def divergence(symbols: Sequence[str] = "ABC") -> widgets.Widget:
    """Choose the data, move the model, and watch the average NLL split into entropy floor and KL gap.

    The sliders are weights; the model is their share of the sum.
    """
    choices = {
        "skewed": (0.6, 0.3, 0.1),
        "uniform": (1 / 3, 1 / 3, 1 / 3),
        "no C": (0.5, 0.5, 0.0),
        "always A": (1.0, 0.0, 0.0),
    }
    data = widgets.ToggleButtons(options=list(choices), description="data:", style={"button_width": "88px"})
    sliders = [
        widgets.FloatSlider(value=1, min=0, max=1, step=0.01, description=f"weight of {s}", continuous_update=True)
        for s in symbols
    ]
    match = widgets.Button(description="model = data", tooltip="put the model where the gap is zero")
    picture = frame()

    def update(_: Any = None) -> None:
        weights = np.array([s.value for s in sliders])
        # All three at zero says nothing; read it as all equal.
        model = weights / weights.sum() if weights.sum() > 0 else np.full(len(weights), 1 / len(weights))
        show(picture, lambda: draw_divergence(choices[data.value], model.tolist(), symbols))

    def put(_: Any) -> None:
        for slider, p in zip(sliders, choices[data.value], strict=True):
            slider.value = p

    for control in (data, *sliders):
        control.observe(update, names="value")
    match.on_click(put)
    update()
    return widgets.VBox([data, *sliders, match, picture])
