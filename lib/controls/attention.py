"""Attention over a name's letters: type, choose a layer and a head, and see who looks at whom, and what may come next."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt
import torch
from torch import Tensor

from lib import plots
from lib.controls.picture import beside, frame, show
from lib.models.gpt import GPT, rotate
from lib.text import NAMES


@torch.no_grad()
def attention_weights(model: GPT, tokens: Tensor) -> Tensor:
    """How much each position looks at each, in all layers and heads: int64 `(T,)` tokens read to `(n_layers, n_heads, T, T)`.

    Rows look and sum to 1. What the network computes, it does not keep: its queries and keys are taken on the way.

    Raises
    ------
    ValueError : more tokens than the model's context, or others than it knows.
    """
    taken: list[Tensor] = []
    layers = [module for name, module in model.named_modules() if name.endswith("qkv")]
    hooks = [module.register_forward_hook(lambda _, __, out: taken.append(out[0])) for module in layers]
    try:
        model.next_logits(tokens[None])
    finally:
        for hook in hooks:
            hook.remove()
    length, n_heads = len(tokens), model.settings["n_heads"]
    later = ~torch.ones(length, length, dtype=torch.bool).tril()
    found = []
    for qkv in taken:
        heads = qkv.view(length, -1, model.head_size).transpose(0, 1)[
            : n_heads + model.n_groups
        ]  # (H + G, T, head_size)
        if model.turns is not None:
            heads = rotate(heads, *(turn[:length] for turn in model.turns))
        q, k = heads[:n_heads], heads[n_heads:].repeat_interleave(n_heads // model.n_groups, dim=0)
        scores = q @ k.transpose(1, 2) / model.head_size**0.5
        found.append(torch.softmax(scores.masked_fill(later, -torch.inf), dim=-1))
    return torch.stack(found)


@torch.no_grad()
def draw_attention(model: GPT, name: str = "marianna", *, layer: int = 0, head: int = 0) -> Any:
    """Draw who looks at whom while a name is read, and what may come after it. Returns the figure.

    model : of names, read from its `start` on. name : letters a to z; others are left out, and so is what does not fit.
    layer, head : from 0. Row "a" of the map is where the network stands when it has read that "a".
    """
    letters = "".join(letter for letter in name.lower() if letter in NAMES.symbols[1:])[: model.context - 1]
    read = torch.cat([torch.tensor([model.start]), NAMES.encode(letters)])
    weights = attention_weights(model, read)[layer, head]
    p = torch.softmax(model.next_logits(read[None])[0, -1], dim=0)
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.6), width_ratios=(1.1, 1))
    plots.attention_map(weights, [NAMES.symbols[model.start], *letters], ax=left, title=f"layer {layer}, head {head}")
    best = p.topk(10).indices.tolist()
    right.barh(range(10), p[best], color=plots.COLOURS["blue"])
    right.set_yticks(range(10), ["end" if token == model.end else NAMES.symbols[token] for token in best])
    right.set(xlim=(0, 1), ylim=(9.6, -0.6), title=f"after “{letters}”", xlabel="probability")
    right.grid(False, axis="y")
    return figure


def attention(model: GPT) -> widgets.Widget:
    """Type a name, choose a layer and a head, and see where each letter looks."""
    n_layers, n_heads = model.settings["n_layers"], model.settings["n_heads"]
    name = widgets.Text(value="marianna", description="name:", continuous_update=True)
    layer = widgets.ToggleButtons(options=list(range(n_layers)), description="layer:", style={"button_width": "40px"})
    head = widgets.ToggleButtons(options=list(range(n_heads)), description="head:", style={"button_width": "40px"})
    picture = frame()

    def update(_: Any = None) -> None:
        show(picture, lambda: draw_attention(model, name.value, layer=layer.value, head=head.value))

    for control in (name, layer, head):
        control.observe(update, names="value")
    update()
    return widgets.VBox([name, beside([layer, head]), picture])
