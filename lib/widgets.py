"""The controls of the "Play" sections, and the drawings they move.

Each control comes with a function that draws the same picture once, so that the page also works where
nothing can be moved (on GitHub, say): `draw_keyboard` for `keyboard`.
"""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import to_hex

from lib import plots

END = "⏎"  # what follows the last letter
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


def _show(picture: widgets.Image, draw: Callable[[], Any]) -> None:
    """Put the figure that `draw` makes into a picture of a control, and nowhere else."""
    content = io.BytesIO()
    with plt.ioff():
        figure = draw()
        figure.savefig(content, format="png")
        plt.close(figure)
    picture.value = content.getvalue()


def keyboard(names: Sequence[tuple[str, float]], prefix: str = "") -> widgets.Widget:
    """A keyboard that shows where it thinks you are going.

    Type in the box or press the keys. The darker a key, the more probable the letter; a key that no name
    continues with is off. `names` as for `next_letters`.
    """
    box = widgets.Text(value=prefix, description="Typed:", continuous_update=True)
    picture = widgets.Image(format="png")

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
        _show(picture, lambda: draw_keyboard(names, typed))

    box.observe(update, names="value")
    update()
    rows = [widgets.HBox([keys[letter] for letter in row]) for row in _ROWS]
    return widgets.VBox([widgets.HBox([box, delete, clear]), *rows, picture])


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
    picture = widgets.Image(format="png")

    def update(_: Any = None) -> None:
        weights = np.array([s.value for s in sliders])
        # All three at zero says nothing; read it as all equal.
        model = weights / weights.sum() if weights.sum() > 0 else np.full(len(weights), 1 / len(weights))
        _show(picture, lambda: draw_divergence(choices[data.value], model.tolist(), symbols))

    def put(_: Any) -> None:
        for slider, p in zip(sliders, choices[data.value], strict=True):
            slider.value = p

    for control in (data, *sliders):
        control.observe(update, names="value")
    match.on_click(put)
    update()
    return widgets.VBox([data, *sliders, match, picture])


_RULES = {">=": np.greater_equal, ">": np.greater}


def draw_masks(
    order: Sequence[int] = (0, 1, 2, 3),
    n_layers: int = 2,
    seed: int = 0,
    rules: Sequence[str] = (">=", ">=", ">"),
    n_hidden: int = 5,
) -> Any:
    """Draw a small masked autoencoder and what its outputs then depend on. Returns the figure.

    order : the order of generation, a permutation of the inputs' numbers from 0. n_layers : of hidden units, 0 or more.
    seed : of the hidden degrees, each drawn from 1 to D - 1.
    rules : one for each mask, the last for the outputs: `">="` or `">"`, how the degree of the unit that a connection
        leads to has to compare with that of the unit it comes from.

    On the left the connections that are kept; those on a path from an input to an output that must not know it are
    vermilion. On the right the dependence matrix.
    """
    from lib.models.made import paths  # here: lessons without models import this module too

    n = len(order)
    rng = np.random.default_rng(seed)
    inputs = np.argsort(order) + 1
    degrees = [inputs, *(rng.integers(1, n, size=n_hidden) for _ in range(n_layers)), inputs]
    masks = [
        torch.from_numpy(_RULES[rule](to[:, None], source[None, :]))
        for rule, source, to in zip(rules, degrees[:-1], degrees[1:], strict=True)
    ]
    itself = torch.eye(n)
    # What reaches each layer from the inputs, and what each layer leads to: paths through the masks below and above it.
    below = [paths([itself, *masks[:layer]]) for layer in range(len(degrees))]
    above = [paths([*masks[layer:], itself]) for layer in range(len(degrees))]
    forbidden = inputs[None, :] >= inputs[:, None]
    barred = torch.from_numpy(forbidden)
    leaking = [
        mask & paths([below[layer].T, barred, above[layer + 1].T]) for layer, mask in enumerate(masks)
    ]  # fmt: skip
    depends = below[-1].numpy()

    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.2), width_ratios=(5, 3))
    kept, total = sum(int(m.sum()) for m in masks), sum(m.numel() for m in masks)
    plots.masked_network(degrees, masks, leaking=leaking, ax=left, title=f"{kept} of {total} connections kept")
    n_leaks, n_lost = int((depends & forbidden).sum()), int((~depends & ~forbidden).sum())
    labels = [f"$x_{{{i + 1}}}$" for i in range(n)]
    title = f"{n_leaks} leak{'s' * (n_leaks != 1)}, {n_lost} lost"
    plots.dependence_matrix(depends, ax=right, order=order, labels=labels, title=title)
    return figure


def masks() -> widgets.Widget:
    """Choose the order, the hidden layers and the rule of every mask, and see which paths that leaves."""
    orders = {"1, 2, 3, 4": (0, 1, 2, 3), "4, 3, 2, 1": (3, 2, 1, 0), "3, 1, 4, 2": (2, 0, 3, 1)}
    most = 3
    order = widgets.ToggleButtons(options=list(orders), description="order:", style={"button_width": "90px"})
    wide = {"description_width": "110px"}
    layers = widgets.IntSlider(value=2, min=0, max=most, description="hidden layers:", style=wide)
    seed = widgets.IntSlider(value=0, min=0, max=30, description="seed:", style=wide)
    inside = [
        widgets.ToggleButtons(options=[">=", ">"], description=f"hidden {i + 1}:", style={"button_width": "50px"})
        for i in range(most)
    ]
    outside = widgets.ToggleButtons(options=[">", ">="], description="output:", style={"button_width": "50px"})
    picture = widgets.Image(format="png")

    def update(_: Any = None) -> None:
        for i, control in enumerate(inside):
            control.layout.display = "" if i < layers.value else "none"
        rules = [control.value for control in inside[: layers.value]] + [outside.value]
        _show(picture, lambda: draw_masks(orders[order.value], layers.value, seed.value, rules))

    for control in (order, layers, seed, *inside, outside):
        control.observe(update, names="value")
    update()
    return widgets.VBox([order, layers, seed, widgets.HBox([*inside, outside]), picture])


def draw_completion(
    model: Any,
    x: torch.Tensor,
    observed: int,
    *,
    digit: int = 0,
    n: int = 24,
    seed: int = 0,
    reach: float | None = None,
) -> Any:
    """Draw what a NADE expects of the pixels that it has not been given. Returns the figure.

    model : `lib.models.nade.NADE` over square images. x : `(N, D)` binary images, of which number `digit` is drawn.
    observed : how many pixels, the first of the model's order, are given. n : completions drawn; three are shown.
    seed : of the completions. reach : where the axis of nats ends; chosen for the image if absent.

    Above: the image; what is given of it; the probability of every other pixel given that, averaged over the n
    completions; three of them. Below: the NLL of the image itself, gathered pixel by pixel in the model's order.
    """
    side = math.isqrt(model.n_pixels)
    image = x[digit]
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        drawn = model.complete(image.expand(n, -1), observed, generator)
        logits = model.logits(torch.cat([image[None], drawn]))
        costs = torch.nn.functional.binary_cross_entropy_with_logits(logits[0], image, reduction="none")[model.order]
        unknown = torch.zeros(model.n_pixels, dtype=torch.bool)
        unknown[model.order[observed:]] = True
        # Each completion's own conditionals are less noisy than its pixels, and have the same mean.
        expected = torch.where(unknown, torch.sigmoid(logits[1:]).mean(0), image)
    nats = np.concatenate([[0.0], costs.double().cumsum(0).numpy()])

    figure = plt.figure(figsize=(7.4, 3.5), layout="none")
    pictures = {
        "the image": image, "given": torch.where(unknown, torch.full_like(image, math.nan), image),
        "p(lit | given)": expected, "drawn": drawn[0], " ": drawn[1], "  ": drawn[2],
    }  # fmt: skip
    shades = plt.get_cmap("gray_r").with_extremes(bad="#cfe3f1")
    for i, (title, pixels) in enumerate(pictures.items()):
        ax = figure.add_axes((0.012 + 0.165 * i, 0.595, 0.152, 0.325))
        ax.imshow(pixels.numpy().reshape(side, side), cmap=shades, vmin=0, vmax=1)
        ax.set_xticks([])
        ax.set_yticks([])
        ax.grid(False)
        for spine in ax.spines.values():
            spine.set(visible=True, color="#bdbdbd")
        ax.set_title(title, fontsize=11, loc="left")

    ax = figure.add_axes((0.09, 0.145, 0.88, 0.31))
    pixel = np.arange(model.n_pixels + 1)
    for part, colour in ((slice(0, observed + 1), plots.GREY), (slice(observed, None), plots.COLOURS["blue"])):
        ax.fill_between(pixel[part], nats[part], color=colour, alpha=0.35, linewidth=0)
        ax.plot(pixel[part], nats[part], color=colour)
    ax.axvline(observed, color="black", linewidth=1, linestyle=":")
    ax.set(
        xlim=(0, model.n_pixels),
        ylim=(0, reach or 1.12 * nats[-1]),
        xlabel="pixels, in the model's order",
        ylabel="nats",
    )
    given, rest = nats[observed], nats[-1] - nats[observed]
    told = f"NLL {nats[-1]:.1f} nats = {given:.1f} for the {observed} given + {rest:.1f} for the other {len(nats) - 1 - observed}"
    ax.set_title(told, fontsize=11, fontweight="normal", loc="left")
    return figure


def completion(model: Any, x: torch.Tensor, labels: Sequence[str], observed: int = 0) -> widgets.Widget:
    """Choose an image, slide how many of its pixels are given, and see what the model expects of the others.

    model, x : as for `draw_completion`. labels : a name for each of the N images.
    """
    side = math.isqrt(model.n_pixels)
    which = widgets.ToggleButtons(
        options=[(label, i) for i, label in enumerate(labels)], description="image:", style={"button_width": "34px"}
    )
    slider = widgets.IntSlider(
        value=observed, min=0, max=model.n_pixels, step=max(side // 2, 1), description="given:", continuous_update=True,
        layout=widgets.Layout(width="560px"),
    )  # fmt: skip
    again = widgets.Button(description="draw others", tooltip="other completions of the same pixels")
    picture = widgets.Image(format="png")
    seed = itertools.count(1)
    state = {"seed": 0}

    def update(_: Any = None) -> None:
        _show(picture, lambda: draw_completion(model, x, slider.value, digit=which.value, seed=state["seed"]))

    def other(_: Any) -> None:
        state["seed"] = next(seed)
        update()

    which.observe(update, names="value")
    slider.observe(update, names="value")
    again.on_click(other)
    update()
    return widgets.VBox([which, widgets.HBox([slider, again]), picture])
