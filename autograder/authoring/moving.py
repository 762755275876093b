"""Controls on the reader's site, with no kernel behind: what a control draws at many of its settings is drawn beforehand.

`docs/site/static/course.js` puts sliders and buttons beside the picture and exchanges it. The keyboard of lesson 01 is small enough
to be counted in the reader's browser instead.
"""

from __future__ import annotations

import ast
import html
import io
import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
from nbformat import NotebookNode
from PIL import Image

from lib import plots

_HOW_TO = re.compile(r" \(run the cell above in Jupyter to get the \w+\)")


class Setting(NamedTuple):
    """What a reader can set: one of several values, shown as text, and the one to begin with."""

    label: str
    values: dict[str, Any]
    start: str


class Moving(NamedTuple):
    """A picture for every combination of settings: `draw` takes one value of each and returns a figure."""

    settings: list[Setting]
    draw: Callable[..., Any]
    told: str = ""


def numbers(label: str, values: list[Any], start: Any) -> Setting:
    return Setting(label, {str(value): value for value in values}, str(start))


def divergence() -> Moving:
    from lib.controls.divergence import draw_divergence

    data = {"skewed": (0.6, 0.3, 0.1), "no C": (0.5, 0.5, 0.0), "always A": (1.0, 0.0, 0.0)}

    def draw(chosen: tuple[float, ...], a: float, c: float) -> Any:
        total = a + 0.3 + c
        return draw_divergence(chosen, [a / total, 0.3 / total, c / total])

    weights = [0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1]
    settings = [
        Setting("data", data, "skewed"),
        numbers("weight of A", weights, 0.3),
        numbers("weight of C", [0, 0.1, 0.3], 0.3),
    ]
    return Moving(settings, draw, "The weight of B is 0.3; the model is each weight's share of the sum.")


def completion() -> Moving:
    from lib.controls.completion import draw_completion
    from lib.data import load_binary_mnist
    from lib.weights import load

    model, images = load("nade"), load_binary_mnist("test")[[1, 4, 30]]
    settings = [Setting("digit", {"2": 0, "4": 1, "3": 2}, "4"), numbers("rows given", list(range(0, 29, 2)), 10)]
    return Moving(settings, lambda digit, rows: draw_completion(model, images, 28 * rows, digit=digit))


def connections() -> Moving:
    from lib.controls.connections import draw_connections

    orders = {"1, 2, 3, 4": (0, 1, 2, 3), "3, 1, 4, 2": (2, 0, 3, 1)}

    def draw(order: tuple[int, ...], layers: int, seed: int, outside: str) -> Any:
        return draw_connections(order, layers, seed, [">="] * layers + [outside])

    settings = [
        Setting("order", orders, "1, 2, 3, 4"), numbers("hidden layers", [0, 1, 2, 3], 2), numbers("seed", [0, 1, 2, 3], 0),
        numbers("output", [">", ">="], ">"),
    ]  # fmt: skip
    return Moving(settings, draw)


def reach_explorer() -> Moving:
    from lib.controls.reach import draw_reach

    def draw(width: int, layers: int, first: str, stacks: int) -> Any:
        return draw_reach(3, width, layers, first, stacks=stacks)

    settings = [
        Setting("kernel", {"3 × 3": 3, "3 × 7": 7}, "3 × 3"), numbers("layers", list(range(1, 13)), 5),
        numbers("first layer", ["A", "B"], "A"), Setting("network", {"one stack": 1, "two stacks": 2}, "one stack"),
    ]  # fmt: skip
    return Moving(settings, draw)


def dilations() -> Moving:
    from lib.controls.dilations import draw_dilations

    patterns: dict[str, Callable[[int], int]] = {
        "1, 2, 4, …": lambda i: 2**i,
        "1, 3, 9, …": lambda i: 3**i,
        "1, 1, 1, …": lambda i: 1,
    }

    def draw(kernel: int, layers: int, pattern: Callable[[int], int], symmetric: bool) -> Any:
        return draw_dilations(kernel, [pattern(layer) for layer in range(layers)], symmetric=symmetric)

    settings = [
        numbers("kernel size", [2, 3], 2), numbers("layers", [1, 2, 3, 4, 5], 4), Setting("dilations", patterns, "1, 2, 4, …"),
        Setting("padding", {"left": False, "both sides": True}, "left"),
    ]  # fmt: skip
    return Moving(settings, draw)


def attention() -> Moving:
    from lib.controls.attention import draw_attention
    from lib.weights import load

    model: Any = load("names_gpt")
    n_layers, n_heads = model.settings["n_layers"], model.settings["n_heads"]
    settings = [
        numbers("name", ["marianna", "annab", "qqq"], "marianna"), numbers("layer", list(range(n_layers)), 0),
        numbers("head", list(range(n_heads)), 0),
    ]  # fmt: skip
    told = "The model is names_gpt, the larger one that ships with the course."
    return Moving(settings, lambda name, layer, head: draw_attention(model, name, layer=layer, head=head), told)


def playground() -> Moving:
    from lib.controls.playground import draw_playground
    from lib.sampling import Decoding
    from lib.text import SHAKESPEARE
    from lib.weights import load

    model = load("shakespeare_gpt")

    def draw(temperature: float, k: int | None, p: float, least: float | None) -> Any:
        decoding = Decoding(temperature=temperature, top_k=k, top_p=p, min_p=least)
        return draw_playground(model, SHAKESPEARE, "JULIET:\nO Romeo, ", decoding)

    settings = [
        numbers("temperature", [0.2, 0.5, 0.8, 1, 1.3, 1.7, 2.2, 3], 1),
        Setting("top-k", {"off": None, "12": 12, "3": 3}, "off"), Setting("top-p", {"off": 1.0, "0.9": 0.9, "0.5": 0.5}, "off"),
        Setting("min-p", {"off": None, "0.05": 0.05}, "off"),
    ]  # fmt: skip
    return Moving(settings, draw, "The text so far is “JULIET: O Romeo, ”.")


def memory() -> Moving:
    from lib.controls.memory import KEYS, draw_memory

    settings = [
        numbers("pairs", [1, 2, 4, 6, 8, 12, 16, 24, 32, 64], 12), numbers("size of a key", [4, 8, 16, 32], 8),
        numbers("keys", list(KEYS), KEYS[0]),
    ]  # fmt: skip
    return Moving(settings, draw_memory)


def posterior_by_row() -> None:
    """Needs a function that the reader writes."""


# By the name of the function that a lesson's cell calls.
MOVING: dict[str, Callable[[], Moving | None]] = {
    made.__name__: made
    for made in (divergence, completion, connections, reach_explorer, dilations, playground, memory, posterior_by_row)
} | {"attention_control": attention}  # fmt: skip


def put_into(notebook: NotebookNode, folder: Path, address: str) -> None:
    """Give the notebook's controls their pictures, written below `folder`, which readers find at `address`.

    The picture that stands before a control, for those who have none, goes, and so does the word on how to get one.
    """
    kept: list[NotebookNode] = []
    for cell in notebook.cells:
        name = control(cell)
        moving = MOVING[name]() if name in MOVING else None
        if moving is not None:
            cell.outputs = [_html(figure(moving, folder, address))]
            if kept and re.search(r"^draw_\w+\(", kept[-1].source, re.MULTILINE):
                kept.pop()
        elif name == "keyboard":
            cell.outputs = [_html(keyboard())]
        elif kept and control(kept[-1]):
            cell.source = _HOW_TO.sub("", cell.source, count=1)
        kept.append(cell)
    notebook.cells = kept


def control(cell: NotebookNode) -> str | None:
    """The function that a cell calls last, if it is a control's."""
    if cell.cell_type != "code":
        return None
    for statement in ast.parse(cell.source).body[-1:]:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            called = statement.value.func
            if isinstance(called, ast.Name) and called.id in {"keyboard", *MOVING}:
                return called.id
    return None


def figure(moving: Moving, folder: Path, address: str) -> str:
    """Draw every picture, and return the HTML that shows the first of them."""
    folder.mkdir(parents=True, exist_ok=True)
    told, start, size = [], 0, (0, 0)
    names = [list(setting.values) for setting in moving.settings]
    beginning = tuple(setting.start for setting in moving.settings)
    plots.use_style()
    with plt.ioff(), mpl.rc_context({"backend": "agg"}):
        for n, chosen in enumerate(itertools.product(*names)):
            drawn = moving.draw(*(s.values[name] for s, name in zip(moving.settings, chosen, strict=True)))
            told.append(plots.describe(drawn))
            picture = _picture(drawn)
            plt.close(drawn)
            picture.save(folder / f"{n}.webp", lossless=True, method=4)
            if chosen == beginning:
                start, size = n, picture.size
    settings = [
        {"label": s.label, "values": list(s.values), "start": list(s.values).index(s.start)} for s in moving.settings
    ]
    data = html.escape(json.dumps({"settings": settings, "pictures": address, "told": told}, ensure_ascii=False))
    caption = f"{moving.told} The notebook has more to set.".strip()
    return (
        f'<figure class="moving" data-moving="{data}"><img src="{address}/{start}.webp" width="{size[0]}" height="{size[1]}" '
        f'alt="{html.escape(told[start])}"><figcaption>{html.escape(caption)}</figcaption></figure>'
    )


def _picture(drawn: Any) -> Image.Image:
    """The figure in 256 colours, as large as a notebook shows it."""
    content = io.BytesIO()
    drawn.savefig(content, format="png", bbox_inches="tight")
    with Image.open(content) as picture:
        return (
            picture.convert("RGB")
            .quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
            .convert("RGB")
        )


def keyboard() -> str:
    """The keyboard of lesson 01, with the names it counts."""
    from lib.data import load_names

    names = json.dumps([[name, weight] for name, weight in load_names()], separators=(",", ":"))
    return f'<div class="keyboard"><script type="application/json">{names}</script></div>'


def _html(text: str) -> NotebookNode:
    return nbformat.v4.new_output("display_data", data={"text/html": text})
