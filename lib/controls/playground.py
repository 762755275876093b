"""A decoding playground: a prompt, the filters between logits and token, and the text that streams in."""

from __future__ import annotations

import html
import itertools
import math
from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt
import torch

from lib import plots
from lib.controls.picture import beside, frame, show
from lib.sampling import Decoding, stream
from lib.text import Alphabet

_FILTERS = {"top-k": plots.COLOURS["orange"], "top-p": plots.COLOURS["vermilion"], "min-p": plots.COLOURS["purple"]}
_SHOWN = {"\n": "⏎", " ": "␣"}
_MOST = 27  # bars


def read(model: Any, alphabet: Alphabet, text: str) -> torch.Tensor:
    """The tokens that a model reads before it goes on with a text: int64 `(T,)`, T >= 1.

    A model of whole sequences reads its `start` first, and so does any model that is given nothing else.

    Raises
    ------
    ValueError : a symbol that is not in the alphabet.
    """
    start = [model.start] if model.end is not None or not text else []
    return torch.cat([torch.tensor(start, dtype=torch.long), alphabet.encode(text)])


def draw_playground(model: Any, alphabet: Alphabet, text: str, decoding: Decoding | None = None) -> Any:
    """Draw the next token's distribution, the model's own and the one that is drawn from. Returns the figure.

    model : as `lib.sampling.stream` takes it, over the tokens of `alphabet`. text : what stands there so far. decoding : the
    model's own distribution if absent.

    For each of the likeliest tokens: on the left the model's probability, in a filter's colour if that filter removed it; on
    the right what the rest has after temperature and filters. The legend counts what each filter removed, of all tokens, and
    how much the model gave to it.
    """
    decoding = decoding or Decoding()
    tokens = read(model, alphabet, text)
    with torch.no_grad():
        own = model.next_logits(tokens[None, -model.context :])[0, -1]
    names, steps = zip(*decoding.steps(own, tokens), strict=True)
    before, after = (logits.double().softmax(-1) for logits in (own, steps[-1]))
    likeliest = before.sort(descending=True, stable=True).indices[:_MOST]
    place = {int(token): i for i, token in enumerate(likeliest)}

    figure, ax = plt.subplots(figsize=(7.4, 3.1))
    ax.bar(torch.arange(len(place)) - 0.2, before[likeliest], 0.4, color="#bdbdbd", label="the model")
    ax.bar(torch.arange(len(place)) + 0.2, after[likeliest], 0.4, color=plots.COLOURS["blue"], label="drawn from")
    for name, (last, now) in zip(names[1:], itertools.pairwise(steps), strict=True):
        gone = ((now == -math.inf) & (last > -math.inf)).nonzero()[:, 0].tolist()
        if name in _FILTERS:
            shown = [token for token in gone if token in place]
            label = f"{name} removes {len(gone)}" + (f" ({before[gone].sum():.1%})" if gone else "")
            places = [place[token] for token in shown]
            ax.bar([x - 0.2 for x in places], before[shown], 0.4, color=_FILTERS[name])
            ax.bar([0], [0], color=_FILTERS[name], label=label)  # the legend's, also where nothing is removed
            ax.plot(places, [-0.04] * len(places), "x", color=_FILTERS[name], transform=ax.get_xaxis_transform(),
                    clip_on=False, markersize=5, markeredgewidth=1.5)  # fmt: skip
    labels = [_SHOWN.get(symbol, symbol) for symbol in (alphabet.symbols[token] for token in place)]
    ax.set_xticks(range(len(place)), labels)
    ax.tick_params(axis="x", length=0, pad=13)
    ax.grid(False, axis="x")
    ax.set(xlim=(-0.7, len(place) - 0.3), ylabel="probability", ylim=(0, 1.08 * max(before.max(), after.max())))
    ax.legend(loc="upper right")
    entropies = [torch.special.entr(p).sum().item() for p in (before, after)]
    left = int((after > 0).sum())
    told = f"What comes next: {left} of {len(own)} tokens, entropy {entropies[0]:.2f} → {entropies[1]:.2f} nats"
    ax.set_title(told, loc="left")
    return figure


def playground(model: Any, alphabet: Alphabet, prompt: str = "", n: int = 200) -> widgets.Widget:
    """Type a prompt, move the filters, and let the model go on, one token or n at a time.

    model, alphabet : as for `draw_playground`. prompt : to begin with.

    The bars are about the token that comes next. One seed gives one text, as long as nothing else is moved; a new prompt or
    seed begins anew, and the other controls are for what comes next.
    """
    wide = {"description_width": "90px"}
    box = widgets.Textarea(
        value=prompt, description="prompt:", rows=2, style=wide, layout={"width": "640px", "max_width": "100%"}
    )
    t = widgets.FloatSlider(value=1, min=0.1, max=3, step=0.05, description="temperature:", style=wide)
    k = widgets.IntSlider(
        value=len(alphabet.symbols), min=1, max=len(alphabet.symbols), description="top-k:", style=wide
    )
    p = widgets.FloatSlider(value=1, min=0.05, max=1, step=0.01, description="top-p:", style=wide)
    least = widgets.FloatSlider(value=0, min=0, max=1, step=0.01, description="min-p:", style=wide)
    seed = widgets.BoundedIntText(value=0, min=0, max=10**6, description="seed:", style=wide, layout={"width": "180px"})
    one = widgets.Button(description="one token", tooltip="draw the next token")
    more = widgets.Button(description=f"{n} tokens", button_style="primary", tooltip="draw on and on")
    again = widgets.Button(description="begin anew", tooltip="back to the prompt")
    page = widgets.HTML(layout={"width": "730px", "max_width": "100%"})
    picture = frame()
    state: dict[str, Any] = {}

    def decoding() -> Decoding:
        every = len(alphabet.symbols)
        return Decoding(1.0, t.value, k.value if k.value < every else None, p.value, least.value or None)

    def write(note: str = "") -> None:
        """The text so far; or what is wrong."""
        given, drawn = html.escape(box.value), html.escape(state["text"])
        end = f"<span style='color:{plots.GREY}'> {html.escape(note)}</span>" if note else ""
        page.value = (
            "<pre class='playground-text' style='white-space:pre-wrap; line-height:1.35; margin:4px 0; padding:0 4px'>"
            f"{given}<b style='color:{plots.COLOURS['blue']}'>{drawn}</b>{end}</pre>"
        )

    def ended() -> bool:
        return bool(state["text"]) and model.end is not None and state["text"][-1] == alphabet.symbols[model.end]

    def update(_: Any = None) -> None:
        for button in (one, more):
            button.disabled = ended()
        try:
            show(picture, lambda: draw_playground(model, alphabet, box.value + state["text"], decoding()))
        except ValueError as error:  # a symbol that the model does not know
            one.disabled = more.disabled = True
            write(f"— {error}")

    def draw(count: int) -> None:
        tokens = read(model, alphabet, box.value + state["text"])
        for token in stream(model, tokens, count, decoding(), state["generator"]):
            state["text"] += alphabet.symbols[token]
            write()
        update()

    def restart(_: Any = None) -> None:
        state.update(text="", generator=torch.Generator().manual_seed(seed.value))
        write()
        update()

    for control in (t, k, p, least):
        control.observe(update, names="value")
    for control in (box, seed):
        control.observe(restart, names="value")
    one.on_click(lambda _: draw(1))
    more.on_click(lambda _: draw(n))
    again.on_click(restart)
    restart()
    sliders = beside([widgets.VBox([t, k]), widgets.VBox([p, least])])
    return widgets.VBox([box, sliders, beside([seed, one, more, again]), picture, page])
