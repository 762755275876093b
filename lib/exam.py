"""The final exam: twelve questions over the nine lessons, drawn for each student by name.

`EDITION` is the one setting that draws a new set. Every question is one of a pool, with numbers of its own. What is asked
stands here and what is right does not: the grader works the answers out for itself, from the same draw. (Some draws reckon too,
and draw again where a wrong method would come out right.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lib.byhand import personal_numbers

# A new word here is a new exam for everybody: change it each year, then `autograder build 10`.
EDITION = "2026"
SLOTS = 12

Array = np.ndarray


@dataclass(frozen=True)
class Form:
    """What an answer looks like: `says` for people, the rest for `read`."""

    says: str
    kind: str
    size: int = 1
    within: float = 0.0
    most: float = np.inf


def _number(within: float) -> Form:
    return Form(f"a number, within {within:g}", "number", within=within)


def _probability(within: float) -> Form:
    return Form(f"a probability from 0 to 1, within {within:g}", "number", within=within, most=1.0)


_COUNT = Form("a whole number", "count")
_SET = Form("a list of whole numbers, such as [0, 2], or [] for none", "set")
_FUNCTION = Form("a function of T that returns a bool array (T, T)", "function")


@dataclass(frozen=True)
class Question:
    """One question of one student. `numbers` holds what its text shows, by name; `models` what it asks to probe."""

    slot: int
    kind: str
    text: str
    form: Form
    numbers: dict[str, Any] = field(default_factory=dict)
    models: dict[str, Model] = field(default_factory=dict, repr=False)
    edition: str = EDITION

    def _repr_markdown_(self) -> str:
        return f"**{self.slot} of {SLOTS}** (edition {self.edition})\n\n{self.text}\n\n*Your answer: {self.form.says}.*"

    def read(self, answer: Any) -> Any:
        """The answer as plain data: a float, an int, a frozenset or tuple of ints, a tuple of letters, or the function.

        Raises NotImplementedError while there is none, AssertionError with one sentence if it has another form.
        """
        name = f"answer_{self.slot:02}"
        if answer is None or answer is ...:
            raise NotImplementedError(f"{name}: type your answer in the cell above")
        told = f"{name} should be {self.form.says}; found {repr(answer)[:60]}"
        if self.form.kind == "function":
            assert callable(answer), told
            for T in (1, 5):
                shape, dtype = _mask(answer(T))
                found = f"answer_12({T}) should be a bool array of shape ({T}, {T})"
                assert shape == (T, T), f"{found}; found {f'shape {shape}' if shape else 'no array'}"
                assert dtype == np.bool_, f"{found}; found dtype {dtype}"
            return answer
        if self.form.kind == "letters":
            answer = answer.ravel().tolist() if isinstance(answer, Array) else answer
            text = "".join(map(str, answer)) if isinstance(answer, (list, tuple)) else str(answer)
            letters = tuple(c for c in text.upper() if c not in " ,;.-")
            assert len(letters) == self.form.size and set(letters) <= set("ABCD"), told
            return letters
        assert not isinstance(answer, (str, bytes)), f"{name} should be {self.form.says}: leave out the quotes"
        values = _floats(answer)
        assert values is not None and not np.isnan(values).any(), told
        assert np.isfinite(values).all(), told
        if self.form.kind == "number":
            assert values.size == 1 and (self.form.most == np.inf or 0 <= values.min() <= self.form.most), told
            return float(values.reshape(()))
        assert (values == np.round(values)).all() and (values >= 0).all(), told
        whole = [int(v) for v in values.reshape(-1)]
        if self.form.kind == "count":
            assert len(whole) == 1, told
            return whole[0]
        assert values.ndim == 1, told
        if self.form.kind == "set":
            return frozenset(whole)
        assert len(whole) == self.form.size, told
        return tuple(whole)


def _floats(answer: Any) -> Array | None:
    """Numbers in any container as an array; None if that is not what it holds."""
    if isinstance(answer, (set, frozenset, range)):
        answer = list(answer)
    try:
        found = np.asarray(answer.detach() if hasattr(answer, "detach") else answer)
        if found.dtype.kind == "O" and not any(isinstance(v, (str, bytes)) for v in found.flat):
            found = found.astype(float)
        return found.astype(float) if found.dtype.kind in "iuf" else None
    except (TypeError, ValueError, RuntimeError):
        return None


def _mask(result: Any) -> tuple[tuple[int, ...], Any]:
    """Shape and dtype of what a function returned; no shape for what is no array."""
    try:
        found = np.asarray(result)
        return found.shape, found.dtype
    except (TypeError, ValueError, RuntimeError):
        return (), None


def question(student_name: str | None, slot: int, edition: str | None = None) -> Question:
    """One student's question, 1 to 12. Case, spacing and the encoding of accents in the name do not matter.

    Raises NotImplementedError if no name is typed yet; ValueError for a name that is blank or no text, and another slot.
    """
    if slot not in range(1, SLOTS + 1):
        raise ValueError(f"the exam has questions 1 to {SLOTS}, found {slot!r}")
    edition = EDITION if edition is None else edition
    seed = personal_numbers(student_name, f"exam {edition}/{slot}", 0, 2**31 - 1, 4)
    rng = np.random.default_rng(seed)
    pool = _POOLS[slot - 1]
    drawn = pool[rng.integers(len(pool))](_Draw(rng))
    kind, text, form, numbers, models = (*drawn, {})[:5]
    return Question(slot, kind, text, form, numbers, models, edition)


class _Draw:
    """Numbers for a question."""

    def __init__(self, rng: np.random.Generator):
        self.rng = rng

    def whole(self, low: int, high: int) -> int:
        """From low to high, both included."""
        return int(self.rng.integers(low, high, endpoint=True))

    def wholes(self, low: int, high: int, n: int) -> list[int]:
        return [self.whole(low, high) for _ in range(n)]

    def one_of(self, *values: Any) -> Any:
        return values[self.rng.integers(len(values))]

    def shuffled(self, values: Sequence[Any]) -> list[Any]:
        return [values[i] for i in self.rng.permutation(len(values))]

    def weights(self, *shape: int) -> Array:
        """Weights that a probe can't overlook: none is near 0, and none so large that a unit saturates."""
        return np.asarray(self.rng.uniform(0.3, 0.8, size=shape) * self.rng.choice([-1, 1], size=shape))

    def percents(self, n: int, least: int = 4) -> list[int]:
        """n whole percents that sum to 100, none below `least`."""
        cuts = np.sort(self.rng.choice(100 - n * (least - 1) - 1, size=n - 1, replace=False) + 1)
        parts = np.diff(np.concatenate([[0], cuts, [100 - n * (least - 1)]]))
        return [int(part) + least - 1 for part in parts]


def _table(head: Sequence[Any], *rows: Sequence[Any]) -> str:
    lines = [head, [":--", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


_Drawn = tuple[Any, ...]


def _apart(form: Form, right: Any, *others: Any) -> bool:
    """Whether no other way to reckon comes so near that it would count: numbers are drawn again until that holds."""
    return all(abs(right - other) > 3 * form.within for other in others)


# -- 1: the chain rule


def _reverse(draw: _Draw) -> _Drawn:
    first, rows = draw.percents(3, 10), [draw.percents(3, 5) for _ in range(3)]
    start, end = draw.whole(0, 2), draw.whole(0, 2)
    text = (
        "A sequence of three symbols is drawn from left to right. Each symbol depends on the one just before it, and on nothing else.\n\n"
        + _table(
            ["", "X", "Y", "Z"],
            ["the first symbol", *(f"{p} %" for p in first)],
            *([f"after {s}", *(f"{p} %" for p in row)] for s, row in zip("XYZ", rows, strict=True)),
        )
        + f"\n\nThe third symbol is {'XYZ'[end]}, and nobody has told you the second. How probable is it that the first was {'XYZ'[start]}?"
    )
    return "reverse", text, _probability(0.002), {"first": first, "rows": rows, "start": start, "end": end}


def _joint(draw: _Draw) -> _Drawn:
    cells = draw.percents(8, 3)
    of, given, value, known = *draw.shuffled("ABC")[:2], draw.whole(0, 1), draw.whole(0, 1)
    rows = [[f"A = {i // 4}, B = {i // 2 % 2}, C = {i % 2}", f"{p} %"] for i, p in enumerate(cells)]
    text = (
        "This is the joint distribution of three binary variables.\n\n"
        + _table(["outcome", "probability"], *rows)
        + f"\n\nWhat is p({of} = {value} | {given} = {known})?"
    )
    return (
        "joint",
        text,
        _probability(0.002),
        {"cells": cells, "of": of, "given": given, "value": value, "known": known},
    )


def _parameters(draw: _Draw) -> _Drawn:
    sizes = draw.wholes(2, 7, 5)
    parents = {k: sorted(draw.shuffled(range(k))[: draw.whole(0, min(k, 2))]) for k in range(1, 5)}
    parents[4] = parents[4] or [draw.whole(0, 3)]
    factors = ["p(A)"] + [
        f"p({'ABCDE'[k]}{' | ' if above else ''}{', '.join('ABCDE'[s] for s in above)})" for k, above in parents.items()
    ]
    named = ", ".join(f"{v}: {n}" for v, n in zip("ABCDE", sizes, strict=True))
    text = (
        f"Five variables can take this many values each: {named}. A model of them is the product\n\n"
        f"{' '.join(factors)}\n\nin which each factor is a full table. How many **free** parameters do the five tables have together?"
    )
    return "parameters", text, _COUNT, {"sizes": sizes, "parents": parents}


# -- 2: NLL


def _corpus(draw: _Draw) -> _Drawn:
    lengths, form = [draw.whole(2, 3), draw.whole(5, 6)], _number(0.01)
    while True:
        sentences = [[draw.whole(3, 95) / 100 for _ in range(n)] for n in lengths]
        costs = [-np.log(p) for p in sentences]
        of_each = [cost.mean() for cost in costs]
        if _apart(form, np.exp(np.concatenate(costs).mean()), np.exp(np.mean(of_each)), np.mean(np.exp(of_each))):
            break
    shown = "\n".join(f"- sentence {i + 1}: {', '.join(f'{p:.2f}' for p in s)}" for i, s in enumerate(sentences))
    text = (
        "A model reads two sentences, and this is the probability that it gave to each token that came:\n\n"
        f"{shown}\n\nWhat is its **perplexity per token** on the two together?"
    )
    return "corpus", text, form, {"sentences": sentences}


def _bits(draw: _Draw) -> _Drawn:
    side, images, nats = 8 * draw.whole(2, 12), draw.whole(2, 9), draw.whole(1200, 2600)
    total = nats * side * side * 3 * images // 1000
    text = (
        f"{images} colour images of {side} × {side} pixels, each pixel three values from 0 to 255, have a negative log-likelihood of "
        f"{total} nats together. How many **bits per dimension** is that?"
    )
    return "bits", text, _number(0.005), {"side": side, "images": images, "total": total}


def _floor(draw: _Draw) -> _Drawn:
    form = _number(0.003)
    while True:
        p, q = draw.percents(4, 5), draw.percents(4, 5)
        ratios, differences = np.log(np.divide(p, q)), np.subtract(p, q) / 100
        if _apart(form, np.dot(p, ratios) / 100, -np.dot(q, ratios) / 100, 0, np.abs(differences).sum() / 2):
            break
    text = (
        "Symbols are drawn independently from p, for ever. A model has learnt q instead, whatever came before.\n\n"
        + _table(["", *"KLMN"], ["p", *(f"{x} %" for x in p)], ["q", *(f"{x} %" for x in q)])
        + "\n\nBy how many **nats per symbol** does its expected NLL lie above the lowest that any model can reach?"
    )
    return "floor", text, form, {"p": p, "q": q}


# -- 3: NADE


def _cost(draw: _Draw) -> _Drawn:
    pixels, hidden = draw.whole(40, 900), draw.whole(30, 600)
    text = (
        f"A NADE has D = {pixels} pixels and H = {hidden} hidden units. For the D conditionals of one image, count how often an entry of W or V "
        "is multiplied by a pixel or by a hidden value, as in lesson 3 (a pixel that is 0 counts, additions and sigmoids don't; the running sum "
        "adds the last pixel too, which nobody reads any more). "
        "**How many multiplications does the running sum save**, against computing each hidden layer from scratch out of the pixels before?"
    )
    return "cost", text, _COUNT, {"pixels": pixels, "hidden": hidden}


def _nade(draw: _Draw) -> _Drawn:
    form = _probability(0.003)
    while True:
        W, V = [[draw.whole(-3, 3) for _ in range(4)] for _ in range(2)], [v or 3 for v in draw.wholes(-4, 4, 2)]
        c, b, x = draw.wholes(-2, 2, 2), draw.one_of(-2, -1, 1, 2), [*draw.shuffled([1, draw.whole(0, 1)]), 1, 1]
        # Without the last pixel before it, with itself, without c, without b.
        ways = (([0, 0, 0, 1], 1), ([0, 0, 1, 1], 1), ([0, 0, 0, 0], 1), ([0, 0, 0, 1], 0))
        sums = [np.dot(W, x) - np.dot(W, skipped) + share * np.array(c) for skipped, share in ways]
        found = [_sigmoid(b + np.dot(V, _sigmoid(hidden))) for hidden in sums]
        if _apart(form, *found, _sigmoid(np.dot(V, _sigmoid(sums[0])))):
            break
    rows = [[f"hidden unit {i + 1}", *W[i], c[i], V[i]] for i in range(2)]
    text = (
        "A NADE of four binary pixels has two hidden units, with sigmoids:\n\n"
        + _table(["", "W, pixel 1", "pixel 2", "pixel 3", "pixel 4", "c", "V of pixel 4"], *rows)
        + f"\n\nand the bias of pixel 4 is b = {b}. The image is x = {tuple(x)}, in this order. What is **p(pixel 4 = 1 | the pixels before it)**?"
    )
    return "nade", text, form, {"W": W, "V": V, "c": c, "b": b, "x": x}


def _fvsbn(draw: _Draw) -> _Drawn:
    form = _number(0.005)
    while True:
        W, b = [[draw.one_of(-3, -2, -1, 1, 2, 3) for _ in range(3)] for _ in range(3)], draw.wholes(-2, 2, 3)
        x = draw.one_of([1, 0, 1], [1, 1, 0], [1, 1, 1], [0, 1, 1], [0, 1, 0], [1, 0, 0])
        ways = (np.tril(W, -1), np.tril(np.transpose(W), -1), np.array(W), np.tril(W))
        if _apart(form, *(np.log1p(np.exp((1 - 2 * np.array(x)) * (b + way @ x))).sum() for way in ways)):
            break
    rows = [[f"output {d + 1}", *W[d], b[d]] for d in range(3)]
    text = (
        "Somebody wrote a fully visible sigmoid belief net for three binary pixels into one matrix. Row d holds what the pixels say about "
        "pixel d; of the entries, only those that the chain rule allows (in the order 1, 2, 3) are used.\n\n"
        + _table(["", "pixel 1", "pixel 2", "pixel 3", "bias"], *rows)
        + f"\n\nWhat is **−ln p(x)**, in nats, of x = {tuple(x)}?"
    )
    return "fvsbn", text, form, {"W": W, "b": b, "x": x}


# -- 4: MADE


def _sees(draw: _Draw) -> _Drawn:
    degrees = draw.shuffled(range(1, 8))
    output = draw.one_of(*[i for i in range(7) if degrees[i] >= 4])
    # Neither the order alone nor the degrees of one layer tell it: between low and middle the first has no unit, from
    # middle to the output the second has none.
    low, middle, high = sorted(draw.shuffled(range(1, degrees[output]))[:3])
    first, second = [*range(1, low + 1), *range(middle + 1, 7)], [*range(1, middle + 1), *range(degrees[output], 7)]
    hidden = [sorted([low, high, *(draw.one_of(*first) for _ in range(2))])]
    hidden += [sorted([middle, *(draw.one_of(*second) for _ in range(3))])]
    text = (
        "A MADE has seven inputs, numbered 0 to 6, and two hidden layers of four units:\n\n"
        + _table(["input", *range(7)], ["degree (place in the order)", *degrees])
        + f"\n\nThe first hidden layer has the degrees {hidden[0]}, the second {hidden[1]}. Masks follow the rule of lesson 4. "
        f"**On which inputs can output {output} depend?** (Outputs are numbered like inputs; not all that the order allows need be connected.)"
    )
    return "sees", text, _SET, {"degrees": degrees, "hidden": hidden, "output": output}


def _paths(draw: _Draw) -> _Drawn:
    hidden = [draw.wholes(1, 4, 3), draw.wholes(1, 4, 3)]
    text = (
        "A MADE has five inputs of degrees 1, 2, 3, 4, 5 and two hidden layers of three units, with the degrees "
        f"{hidden[0]} and {hidden[1]}; outputs have the inputs' degrees, and masks follow the rule of lesson 4. A **path** goes from an input over "
        "one unit of each hidden layer to an output, along connections that the masks leave. "
        "How many paths are there, from any input to any output?"
    )
    return "paths", text, _COUNT, {"hidden": hidden}


def _ensemble(draw: _Draw) -> _Drawn:
    best = draw.whole(780, 960)
    logs = draw.shuffled([-(best + extra) / 10 for extra in (0, *draw.wholes(1, 40, 3))])
    text = (
        "One network gives a digit these log-probabilities under four orders, in nats:\n\n"
        f"{', '.join(f'{x:.1f}' for x in logs)}\n\nWhat is the **negative log-likelihood** of the digit under the model that picks one of the four "
        "orders, all equally probable, and then draws in it?"
    )
    return "ensemble", text, _number(0.02), {"logs": logs}


# -- 5: PixelCNN


def _row_above(draw: _Draw) -> _Drawn:
    first, others, layers = draw.whole(2, 6), draw.whole(1, 3), draw.whole(3, 10)
    up = draw.whole(2, layers)  # low enough for the blind spot to be there
    text = (
        f"A stack of masked convolutions: one layer of kind A with kernels of {2 * first + 1} × {2 * first + 1}, then {layers} layers of kind B with "
        f"kernels of {2 * others + 1} × {2 * others + 1}, in an image so large that no border is in the way. "
        f"**How many pixels of the row that lies {up} rows above its own** does the conditional of a pixel see?"
    )
    return "row above", text, _COUNT, {"first": first, "others": others, "layers": layers, "up": up}


def _posterior(draw: _Draw) -> _Drawn:
    form, best = _probability(0.003), draw.whole(400, 700)
    while True:
        prior, asked = draw.percents(3, 15), draw.whole(0, 2)
        logs = draw.shuffled([-(best + extra) / 10 for extra in (0, *draw.wholes(2, 25, 2))])
        ways = [np.exp(np.add(logs, best / 10)) * weight for weight in (prior, 1, np.square(prior))]
        if _apart(form, *(way[asked] / way.sum() for way in ways), prior[asked] / 100):
            break
    text = (
        "A class-conditional PixelCNN has read the upper half of a digit that is a 3, a 5 or an 8. Its log-probability of those pixels is "
        "given in nats, for each class.\n\n"
        + _table(
            ["", 3, 5, 8],
            ["share among all 3s, 5s and 8s", *(f"{p} %" for p in prior)],
            ["log-probability", *(f"{x:.1f}" for x in logs)],
        )
        + f"\n\nHow probable is it that the digit is {(3, 5, 8)[asked]}?"
    )
    return "posterior", text, form, {"prior": prior, "logs": logs, "asked": asked}


def _logistic(draw: _Draw) -> _Drawn:
    n = draw.whole(4, 12)
    value, mean, scale = (
        draw.one_of(0, n - 1),  # at an end
        draw.whole(-40, 40) / 100,
        draw.whole(40, 99) / 100,
    )
    text = (
        f"A pixel has {n} values, 0 to {n - 1}, which lie evenly from −1 (value 0) to 1 (value {n - 1}). A discretised logistic distribution as in "
        f"lesson 5 has mean {mean:.2f} and scale {scale:.2f} on that interval. **How probable is the value {value}?**"
    )
    return "logistic", text, _probability(0.002), {"n": n, "value": value, "mean": mean, "scale": scale}


# -- 6: WaveNet


def _hears(draw: _Draw) -> _Drawn:
    kernel, layers, blocks, front = draw.whole(2, 4), draw.whole(5, 10), draw.whole(1, 5), draw.whole(2, 40)
    rate = draw.one_of(8000, 11025, 16000, 22050, 24000, 44100)
    text = (
        f"Sound at {rate} samples per second goes through a causal convolution with a kernel of {front} and then through "
        f"{f'{blocks} equal blocks' if blocks > 1 else 'a block'} of {layers} causal convolutions, with kernels of {kernel} and dilations 1, 2, 4, ..., {2 ** (layers - 1)}. "
        "**How many milliseconds** (samples over rate, the one of now included) does one output hear?"
    )
    numbers = {"kernel": kernel, "layers": layers, "blocks": blocks, "front": front, "rate": rate}
    return "hears", text, _number(0.01), numbers


def _mu_law(draw: _Draw) -> _Drawn:
    while True:
        n, x = draw.whole(20, 400), -draw.whole(5, 900) / 1000
        height = (1 - np.log1p(-(n - 1) * x) / np.log(n)) / 2
        over = height * (n - 1) % 1
        if 0.55 < over < 0.97 - height:  # to round, to cut off, and to cut off n steps instead of n - 1, differ
            break
    text = (
        f"A sample of {x:.3f} is written in mu-law with {n} levels, codes 0 to {n - 1}, as in lesson 6 (mu is one less than the number of levels). "
        "**Which code does it get?**"
    )
    return "mu-law", text, _COUNT, {"n": n, "x": x}


def _queues(draw: _Draw) -> _Drawn:
    kernel, layers, blocks, channels = draw.whole(2, 5), draw.whole(4, 10), draw.whole(1, 4), 4 * draw.whole(4, 40)
    text = (
        f"A WaveNet of {f'{blocks} blocks' if blocks > 1 else 'one block'} of {layers} layers (in each block, dilations 1, 2, 4, ..., {2 ** (layers - 1)}), with kernels of {kernel} and {channels} channels into each "
        "layer, generates with queues. Each layer keeps exactly those of its past inputs that later steps still read. "
        "**How many numbers do all queues hold** between two steps?"
    )
    numbers = {"kernel": kernel, "layers": layers, "blocks": blocks, "channels": channels}
    return "queues", text, _COUNT, numbers


# -- 7: the transformer


def _cache(draw: _Draw) -> _Drawn:
    layers, groups, head, itemsize = (
        draw.whole(8, 96),
        draw.one_of(1, 2, 4, 8, 16),
        draw.one_of(32, 64, 80, 96, 128),
        draw.one_of(1, 2, 4),
    )
    heads, texts, memory = groups * draw.one_of(2, 4, 8), draw.whole(2, 40), draw.whole(3, 60)
    text = (
        f"A language model has {layers} layers of {heads} heads of size {head}; {f'the heads of a layer share {groups} sets' if groups > 1 else 'all heads of a layer share one set'} "
        f"of keys and values, and a number takes {itemsize} byte{'s' if itemsize > 1 else ''}. Beside the weights, {memory} GiB of memory "
        f"(2³⁰ bytes each) are left for the caches of {texts} texts. **How many tokens** can each of them have at most, if all have equally many?"
    )
    numbers = {"layers": layers, "groups": groups, "head": head, "itemsize": itemsize, "texts": texts, "memory": memory}
    return "cache", text, _COUNT, numbers | {"heads": heads}


def _rope(draw: _Draw) -> _Drawn:
    q, k = ([draw.one_of(-3, -2, -1, 1, 2, 3) for _ in range(2)] for _ in range(2))
    back, degrees = draw.whole(1, 9), 5 * draw.whole(1, 11)
    at = draw.whole(20, 900)
    text = (
        f"A head of size 2 turns queries and keys by {degrees}° per position, counter-clockwise (RoPE). At position {at} stands a token with the query "
        f"{tuple(q)}, at position {at - back} one with the key {tuple(k)}, both as they are before they are turned. **What is the score q · k** "
        "that attention sees (not scaled)?"
    )
    return "rope", text, _number(0.01), {"q": q, "k": k, "at": at, "key_at": at - back, "degrees": degrees}


def _attention(draw: _Draw) -> _Drawn:
    size, t = draw.one_of(4, 9, 16), draw.whole(1, 3)
    form = _number(0.02)
    while True:
        products, values = [draw.whole(-6, 9) for _ in range(5)], draw.shuffled([draw.whole(-9, 9) for _ in range(5)])
        # Scaled and masked; not scaled, scaled by the size; without a mask, with one too strict.
        ways = [(size**0.5, t + 1), (1, t + 1), (size, t + 1), (size**0.5, 5), (size**0.5, t)]
        found = [np.dot(_softmax(np.divide(products[:n], by)), values[:n]) for by, n in ways]
        if _apart(form, *found, values[int(np.argmax(products[: t + 1]))]):
            break
    text = (
        f"A causal head of size {size} reads five tokens, at positions 0 to 4. These are the products q · k of the query at **position {t}** "
        "with all five keys, not scaled yet, and of each token's value the first entry:\n\n"
        + _table(["position", *range(5)], ["q · k", *products], ["value", *values])
        + f"\n\nWhat is the first entry of the head's output at position {t}?"
    )
    return "attention", text, form, {"size": size, "t": t, "products": products, "values": values}


# -- 8: sampling


def _nucleus(draw: _Draw) -> _Drawn:
    while True:
        percents, p = draw.percents(7, 4), draw.whole(45, 96) / 100
        squares = np.sort(np.square(percents))[::-1]
        # How many remain: with squares, as they are, with roots.
        sizes = [int((np.cumsum(w) < p * w.sum()).sum()) for w in (squares, squares**0.5, squares**0.25)]
        # Nobody should have to compute to the last digit.
        clear = len(set(percents)) == 7 and abs(np.cumsum(squares) / squares.sum() - p).min() > 0.004
        if clear and sizes[0] not in (*sizes[1:], 3):
            break
    text = (
        "A model gives seven tokens these probabilities:\n\n"
        + _table(["token", *range(7)], ["probability", *(f"{x} %" for x in percents)])
        + f"\n\nThey go through temperature ½ and then through top-p with p = {p:g}. **Which tokens can still be drawn?**"
    )
    return "nucleus", text, _SET, {"percents": percents, "p": p}


def _speculative(draw: _Draw) -> _Drawn:
    drafted, shared = draw.whole(2, 7), 0.0
    while not (shared ** (drafted + 1) > 0.03 and shared < 0.94):  # the last draft counts, and so does a rejection
        p, q = draw.percents(4, 4), draw.percents(4, 4)
        shared = np.minimum(p, q).sum() / 100
    text = (
        f"A small model drafts {drafted} tokens, the large one checks them in a single pass: the accepted ones stay up to the first rejection, which is replaced; "
        "if all are accepted, one more is drawn from the large model. Say that at every place the large model gives four tokens the "
        "probabilities p and the small one q:\n\n"
        + _table(["token", *range(4)], ["p", *(f"{x} %" for x in p)], ["q", *(f"{x} %" for x in q)])
        + "\n\n**How many tokens does one pass of the large model yield on average**, the replacement or the extra one included?"
    )
    return "speculative", text, _number(0.01), {"p": p, "q": q, "drafted": drafted}


def _constrained(draw: _Draw) -> _Drawn:
    first, rows = draw.percents(3, 15), [draw.percents(3, 8) for _ in range(3)]
    allowed = draw.shuffled([[draw.whole(0, 2)], draw.shuffled(range(3))[:2], draw.shuffled(range(3))[:2]])
    allowed = [sorted(row) for row in allowed]
    row = draw.whole(0, 2)
    asked = "ABC"[row] + "XYZ"[draw.one_of(*allowed[row])]
    valid = [f"{'ABC'[i]}{'XYZ'[j]}" for i in range(3) for j in allowed[i]]
    text = (
        "A model writes two symbols, the first from A, B, C, the second from X, Y, Z:\n\n"
        + _table(
            ["", "first", "then X", "then Y", "then Z"],
            *([s, f"{first[i]} %", *(f"{x} %" for x in rows[i])] for i, s in enumerate("ABC")),
        )
        + f"\n\nOnly {', '.join(valid)} are valid. At each step, a constrained decoder removes what cannot become valid and renormalises. "
        f"**How many times as probable** is {asked} in its output as under the model itself, given that the output is valid? (A ratio.)"
    )
    return "constrained", text, _number(0.01), {"first": first, "rows": rows, "allowed": allowed, "asked": asked}


# -- 9: drawbacks


def _state(draw: _Draw) -> _Drawn:
    while True:
        key, value = draw.whole(16, 160), draw.whole(16, 160)
        if key * value % (key + value) >= value:  # the sum of the features tips the scales
            break
    heads, layers = draw.whole(4, 32), draw.whole(4, 64)
    text = (
        f"Two models have {layers} layers of {heads} heads; keys and queries have {key} entries and values {value}. One keeps all keys and values "
        "in a cache. The other uses linear attention and keeps, for each head, the sum of the products of features and values and the sum of the features (as "
        "many features as a key has entries). All numbers take equally many bytes. **From how many tokens on is the cache the larger of the two?** "
        "(The smallest number of tokens at which it is.)"
    )
    return "state", text, _COUNT, {"key": key, "value": value, "heads": heads, "layers": layers}


def _window(draw: _Draw) -> _Drawn:
    n, window, layers = draw.whole(300, 5000), draw.whole(16, 200), draw.whole(2, 24)
    text = (
        f"A transformer of {layers} layers reads {n} tokens. Each token attends to a window of {window} tokens, itself included. **How many pairs** of a query and "
        f"a key does **one head of one layer** save, against full causal attention?"
    )
    return "window", text, _COUNT, {"n": n, "window": window, "layers": layers}


def _scheduled(draw: _Draw) -> _Drawn:
    share = draw.one_of(draw.whole(15, 35), draw.whole(65, 85))
    cells = [25] * 4
    while abs(cells[0] * cells[3] - cells[1] * cells[2]) < 400:  # the two tokens have to do with each other
        cells = draw.percents(4, 8)
    first, second = draw.whole(0, 1), draw.whole(0, 1)
    text = (
        "Pairs of two binary tokens come from this joint distribution:\n\n"
        + _table(
            ["", "second = 0", "second = 1"],
            ["first = 0", f"{cells[0]} %", f"{cells[1]} %"],
            ["first = 1", f"{cells[2]} %", f"{cells[3]} %"],
        )
        + f"\n\nA model has learnt the first token exactly. Its second conditional is trained by scheduled sampling: in {share} % of the cases it "
        "reads a first token that the model itself drew, else that of the data; the target is always the data's second token. With infinite data, "
        f"**what does it learn for q(second = {second} | it reads first = {first})**?"
    )
    return "scheduled", text, _probability(0.003), {"cells": cells, "share": share, "first": first, "second": second}


def _masked(draw: _Draw) -> _Drawn:
    pixels = draw.whole(6, 12)
    known = draw.shuffled(range(1, pixels - 1))[:3]
    sums = [(draw.whole(20, 60) * (pixels - t) + draw.whole(0, 30)) / 100 for t in known]
    rows = [[t, f"{s:.2f}"] for t, s in zip(known, sums, strict=True)]
    text = (
        f"An any-order model of {pixels} pixels is shown one image three times, each time with some pixels known, drawn at random, and predicts "
        "each unknown one from the known ones:\n\n"
        + _table(["known pixels", "−ln p, summed over all unknown pixels"], *rows)
        + "\n\nEach row gives an estimate of the image's NLL (in the mean over all orders), which is right on average if the number of known pixels is drawn "
        f"uniformly from 0 to {pixels - 1}. **What is the mean of the three estimates**, in nats?"
    )
    return "masked", text, _number(0.02), {"pixels": pixels, "known": known, "sums": sums}


# -- 10: choices

# Four options each, exactly one of them right. Which one is known where answers are judged.
CHOICES: dict[str, tuple[str, tuple[str, str, str, str]]] = {
    "order": (
        "One joint distribution is factorised in two orders, both with full tables. What can differ?",
        (
            "The probability of some outcomes, by a little",
            "How hard the conditionals are for a small network",
            "The total number of free parameters, in all of the tables",
            "Whether ancestral sampling is exact",
        ),
    ),
    "too good": (
        "A model's mean NLL on its training set is below the entropy rate of the process that made the data. Which explanation is impossible?",
        (
            "It has memorised a small training set",
            "A target finds its way into the input",
            "Its order of generation is better than the one in which the data were made",
            "Padding tokens, which cost nothing, are counted in the mean",
        ),
    ),
    "one pass": (
        "Why can a causal network train on all positions of a sequence in one pass, but not sample them in one?",
        (
            "The loss averages over all positions, and a sample does not",
            "Sampling must normalise over whole sequences, training need not",
            "Sampling needs float64, training does not",
            "Sampling has no inputs before it has made them",
        ),
    ),
    "density": (
        "A model of real-valued data, with Gaussian conditionals, has a negative mean NLL on unseen data. What does that show?",
        (
            "Nothing wrong: a density may exceed 1",
            "A bug, since no probability exceeds 1",
            "A leak of the target into the input",
            "Overfitting to the training data",
        ),
    ),
    "masks": (
        "A MADE has degrees as in lesson 4. Which change lets an output see its own input?",
        (
            "The comparison of the output layer, between two hidden layers",
            "The same degree for all units of a hidden layer",
            "The comparison of the hidden layers, at the output layer",
            "Hidden degrees drawn anew for each batch",
        ),
    ),
    "logarithms": (
        "Why is the log-probability of a long text summed, and not the logarithm of a product taken?",
        ("The product can't be differentiated", "The product underflows to 0", "The sum is the smaller of the two", "The sum has no rounding errors"),
    ),
    "blind spot": (
        "What cures the blind spot of a PixelCNN?",
        (
            "Kernels larger than 3 × 3, in every layer",
            "Many more layers of kind B",
            "Kind B instead of A in the first layer",
            "A second stack, which sees the rows above in full and feeds the first",
        ),
    ),
    "colours": (
        "A model of colour images predicts R, G and B of a pixel independently, given all pixels before. What is true?",
        (
            "Its probabilities do not sum to 1",
            "A probe would show a leak among the channels",
            "It is a proper distribution, which can draw colours that never occur",
            "With enough training it equals the model with R, then G, then B",
        ),
    ),
    "logistic": (
        "What does a discretised logistic know from the start that a softmax over 256 classes has to learn?",
        (
            "That neighbouring values have similar probabilities",
            "That the 256 probabilities sum to 1",
            "That a pixel depends on the pixels before",
            "That no value lies above 255",
        ),
    ),
    "paths": (
        "A causal stack has kernels of 2 and dilations 1, 2, 4, 8. Along how many paths does the input 11 steps back reach the output?",
        ("None, since 11 is no power of two", "One", "Three", "Eleven"),
    ),
    "finite mask": (
        "An attention mask adds −10 000 to forbidden scores, where −∞ is meant; all is computed in float32. When does it leak?",
        (
            "Always, by a very small amount that training makes larger",
            "Only where the sequences are much longer than in training",
            "Never, since exp(−10 000) is exactly 0 in float32",
            "When allowed scores lie some 10 000 below forbidden ones",
        ),
    ),
    "shifted": (
        "All positions of a text are shifted by 100, and queries and keys are turned by RoPE. What becomes of the attention scores?",
        (
            "They stay",
            "They fall, the more the further two tokens are apart",
            "They stay only if 100 is a multiple of the period",
            "They change sign for some pairs",
        ),
    ),
    "old keys": (
        "Why may a KV cache keep the keys of old tokens as they are while the text grows?",
        (
            "They change so little that nobody notices",
            "No token's representation depends on later tokens",
            "The new token's query makes good for what has changed",
            "Softmax is invariant to a common shift",
        ),
    ),
    "top-k": (
        "Top-k is applied at every step, with k = 2. What is true of whole sequences of length T?",
        (
            "The most probable sequence can always still be drawn",
            "The 2ᵀ most probable sequences remain, and no others do",
            "Those that remain keep the ratios of their probabilities",
            "The most probable sequence may have become impossible",
        ),
    ),
    "tempered": (
        "Each conditional of a language model is squared and normalised. Of texts of a fixed length, is that the joint distribution, squared and normalised?",
        (
            "Yes: the joint is the product of the conditionals",
            "Yes, as long as no probability is 0",
            "No: the normalisers depend on the past",
            "No: the product is not normalised any more",
        ),
    ),
    "not shown": (
        "A model's mean NLL on training text and on unseen text, both under teacher forcing, is all that is known beside the vocabulary and the length of the texts. What can't be told from it?",
        (
            "Whether the model fits its training text better than the unseen text",
            "What its own mistakes do to what it writes next",
            "Whether it beats a uniform distribution over the tokens",
            "To how many bytes it could compress the unseen text",
        ),
    ),
    "any order": (
        "One network learns all orders of the pixels, another of the same size only one, both from so many data that neither overfits. "
        "What held-out NLL is to be expected of the first in the second one's order?",
        (
            "The same, since every order gives the same joint",
            "A lower one, since it averages over many models",
            "A higher one, since it has more to learn",
            "None: it can only be bounded",
        ),
    ),
    "cached step": (
        "A transformer with full attention writes with a KV cache. How does the number of query–key products for the next token grow with the number t of tokens so far?",
        ("Not at all: the cache holds them", "Like ln t", "Like t²", "Like t"),
    ),
    "exact": (
        "Which of these gives ln p(x) exactly?",
        (
            "A flow of Gaussian conditionals",
            "A VAE, through its ELBO",
            "A GAN, through its discriminator",
            "A diffusion model, through its weighted denoising loss",
        ),
    ),
    "word": (
        "Which statement does “autoregressive” make about a model?",
        (
            "It is a transformer, or a recurrent network",
            "Each conditional depends only on what comes earlier in some order",
            "It is trained on its own outputs",
            "Its data have an order in time",
        ),
    ),
    "patches": (
        "Binary digits are modelled as 2 × 2 patches, each one token of a 16-way softmax. Against pixel by pixel, this is",
        (
            "exact, with the same number of passes",
            "an approximation: pixels of a patch become independent",
            "exact, with only a quarter of the passes",
            "no distribution over images: patches can't be normalised",
        ),
    ),
    "greedy": (
        "For whole sequences, what is greedy decoding sure to find?",
        (
            "The most probable sequence, if the model is well calibrated",
            "A sequence at least as probable as what beam search finds",
            "The most probable sequence of those with the best first token",
            "None of the other three",
        ),
    ),
}  # fmt: skip


_TURNS = ("First", "Second", "Third")


def _choices(draw: _Draw) -> _Drawn:
    names = draw.shuffled(list(CHOICES))[:3]
    orders = [draw.shuffled(range(4)) for _ in names]
    blocks = []
    for i, (name, order) in enumerate(zip(names, orders, strict=True)):
        asked, options = CHOICES[name]
        lines = "\n".join(f"- **{letter}**: {options[k]}" for letter, k in zip("ABCD", order, strict=True))
        blocks.append(f"*{_TURNS[i]}.* {asked}\n\n{lines}")
    form = Form("three letters in a row, such as 'DAB'", "letters", size=3)
    text = "Three choices; each has exactly one right option.\n\n" + "\n\n".join(blocks)
    options_shown = [[CHOICES[name][1][k] for k in order] for name, order in zip(names, orders, strict=True)]
    return "choices", text, form, {"names": names, "options": options_shown}


# -- 11: the drill

# What a model of the drill does, told by its letter; its parts are below.
_TOLD = {
    "A": "NADE. `x`: six binary pixels. Output t: the logit of pixel t.",
    "B": "MADE. `x`: six binary pixels, generated in its own `order`. Output t: the logit of pixel t.",
    "C": "PixelCNN. `x`: a grey image of 3 × 4 pixels, in raster order. Output t: the mean of pixel t.",
    "D": "WaveNet. `x`: eight samples of sound. Output t: the mean of sample t + 1.",
    "E": "Causal attention. `x`: six tokens of nine kinds. Output t: the logits of token t + 1.",
    "F": "Causal attention that reads its eight tokens (of nine kinds) in pieces, into a cache. Output t: the logits of token t + 1.",
    "G": "Linear attention. `x`: six tokens of nine kinds. Output t: the logits of token t + 1.",
}
_KINDS = 9


class Model:
    """Something to probe: call it with an array shaped like `x`. `n_values` is for whole numbers, `order` a permutation or None."""

    def __init__(self, letter: str, run: Callable[[Array], Array], x: Array, order: list[int] | None = None):
        self.letter, self._run, self.x, self.order = letter, run, x, order
        self.n_values = _KINDS if x.dtype.kind == "i" else None

    def __call__(self, x: Array) -> Array:
        return self._run(np.array(x))

    def __repr__(self) -> str:
        return f"<model {self.letter}: {_TOLD[self.letter]}>"


def _sigmoid(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


def _softmax(scores: Array, axis: int = -1) -> Array:
    weights = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return np.asarray(weights / weights.sum(axis=axis, keepdims=True))


def _run_nade(draw: _Draw, bug: str, place: int) -> Model:
    W, V, c = draw.weights(5, 6), draw.weights(6, 5), draw.weights(5)

    def run(x: Array) -> Array:
        x, sums, out = x.astype(float), c.copy(), np.zeros(6)
        if bug == "stale":
            sums += W[:, place] * x[place]
        for d in range(6):
            early = bug == "inclusive" or (bug == "once" and d == place)
            if early:
                sums += W[:, d] * x[d]
            out[d] = V[d] @ _sigmoid(c + W[:, :d] @ x[:d] if bug == "scratch" else sums)
            if not early:
                sums += W[:, d] * x[d]
        return out

    return Model("A", run, draw.rng.random(6) < 0.5)


def _run_made(draw: _Draw, bug: str, place: int) -> Model:
    order = draw.shuffled(range(6))
    while order == sorted(order):
        order = draw.shuffled(range(6))
    inputs = np.argsort(order) + 1
    hidden = [np.array(draw.shuffled([1, 2, 3, 4, 5] * 2)) for _ in range(2)]
    inner, outer = (np.greater, np.greater_equal) if bug == "moved" else (np.greater_equal, np.greater)
    outer = np.greater_equal if bug == "equal" else outer
    masks = [
        inner.outer(hidden[0], inputs),
        np.greater_equal.outer(hidden[1], hidden[0]),
        outer.outer(inputs, hidden[1]),
    ]
    weights = [draw.weights(*mask.shape) * mask for mask in masks]
    direct = draw.weights(6, 6) * {
        "skip": np.tri(6, k=-1),
        "ordered skip": np.greater.outer(inputs, inputs),
        "one skip": np.arange(36).reshape(6, 6) == order[place - 1] * 6 + order[place],
    }.get(bug, 0)

    def run(x: Array) -> Array:
        x = x.astype(float)
        return np.asarray(weights[2] @ np.tanh(weights[1] @ np.tanh(weights[0] @ x)) + direct @ x)

    return Model("B", run, draw.rng.random(6) < 0.5, order)


def _run_pixelcnn(draw: _Draw, bug: str, place: int) -> Model:
    above = np.array([[1, 1, 1], [1, 0, 0], [0, 0, 0]])
    first, second = above.copy(), above.copy()
    second[1, 1] = 0 if bug == "A twice" else 1
    if bug == "B first":
        first[1, 1] = 1
    if bug == "below":
        second[2, place % 3] = 1
    if bug == "transposed":
        first, second = first.T, second.T
    if bug == "right":
        first[1, 1:] = [0, 1]
    kernels = draw.weights(2, 3, 3) * [first, second]

    def convolve(x: Array, kernel: Array) -> Array:
        padded = np.pad(x, 1)
        return np.asarray([[(padded[i : i + 3, j : j + 3] * kernel).sum() for j in range(4)] for i in range(3)])

    return Model("C", lambda x: convolve(np.tanh(convolve(x, kernels[0])), kernels[1]), draw.rng.normal(size=(3, 4)))


def _run_wavenet(draw: _Draw, bug: str, place: int) -> Model:
    weights = draw.weights(3, 2)

    def layer(x: Array, i: int) -> Array:
        dilation, here = 2**i, place % 3 == i
        before = dilation // 2 if bug == "symmetric" and i else 0 if bug == "right" and here else dilation
        padded = np.concatenate([np.zeros(before), x, np.zeros(dilation - before)])
        return np.asarray(weights[i, 0] * padded[: len(x)] + weights[i, 1] * padded[dilation : dilation + len(x)])

    def run(x: Array) -> Array:
        if bug == "centred":
            x = x - x.mean()
        if bug == "shifted twice":
            x = np.concatenate([[0.0], x[:-1]])
        for i in range(3):
            x = np.tanh(layer(x, i)) if i < 2 else layer(x, i)
        return x

    return Model("D", run, draw.rng.normal(size=8))


def _run_attention(draw: _Draw, bug: str, place: int) -> Model:
    n = 6
    table, q, k, v = draw.rng.normal(size=(_KINDS, 4)), *draw.weights(3, 4, 4)
    allowed = np.tri(n, k=1 if bug == "one ahead" else 0, dtype=bool)
    if bug == "open row":
        allowed[place] = True

    def run(x: Array) -> Array:
        embedded = table[x]
        scores = embedded @ q @ (embedded @ k).T / 2
        if bug in ("after", "after, renormalised"):
            weights = _softmax(scores) * allowed
            weights /= weights.sum(axis=1, keepdims=True) if bug == "after, renormalised" else 1
        else:
            weights = _softmax(np.where(allowed, scores, -np.inf), axis=0 if bug == "columns" else 1)
        return np.asarray(weights @ embedded @ v)

    return Model("E", run, draw.rng.integers(_KINDS, size=n))


def _run_pieces(draw: _Draw, bug: str, place: int) -> Model:
    n, piece = 8, 2 + place % 3
    table, positions = draw.rng.normal(size=(_KINDS, 4)), draw.rng.normal(size=(n, 4))
    q, k, v = draw.weights(3, 4, 4)

    def run(x: Array) -> Array:
        cache, rows = np.zeros((0, 4)), []
        for start in range(0, n, piece):
            stop = min(start + piece, n)
            at = np.arange(stop - start) if bug == "restart" else np.arange(start, stop)
            new = table[x[start:stop]] + positions[at]
            cache = np.concatenate([cache, new])
            seen = cache
            if bug == "one too many" and stop < n:
                seen = np.concatenate([cache, table[x[stop : stop + 1]] + positions[stop]])
            allowed = np.tri(stop - start, len(seen), k=0 if bug == "top left" else start, dtype=bool)
            if bug == "open piece":
                allowed[:] = True
            if bug == "one too many" and stop < n:
                allowed[:, -1] = True
            rows.append(_softmax(np.where(allowed, new @ q @ (seen @ k).T / 4, -np.inf)) @ seen @ v)
        return np.concatenate(rows)

    return Model("F", run, draw.rng.integers(_KINDS, size=n))


def _run_linear(draw: _Draw, bug: str, place: int) -> Model:
    n, heads = 6, 2
    table, weights = draw.rng.normal(size=(_KINDS, 4)), draw.weights(3, heads, 4, 3)
    allowed = np.ones((n, n)) if bug == "open" else np.tri(n)
    if bug == "ahead from":
        allowed += np.eye(n, k=1) * (np.arange(n) >= place)[:, None]

    def run(x: Array) -> Array:
        q, k, v = (table[x] @ w for w in weights)
        q, k = (np.where(u > 0, u + 1, np.exp(np.minimum(u, 0))) for u in (q, k))
        if bug == "softmax over time":
            k = _softmax(np.log(k), axis=1)
        products = q @ k.swapaxes(1, 2)
        below = (products * (np.ones((n, n)) if bug == "whole text" else allowed)).sum(axis=2, keepdims=True)
        if bug == "over heads":
            below = below.sum(axis=0, keepdims=True)
        return np.asarray(((products * allowed) @ v / below).transpose(1, 0, 2).reshape(n, -1))

    return Model("G", run, draw.rng.integers(_KINDS, size=n))


# Of each architecture, how to make it and what may be the matter with it: some of it looks bad and is sound.
_DRILL: tuple[tuple[Callable[[_Draw, str, int], Model], tuple[str, ...]], ...] = (
    (_run_nade, ("", "scratch", "inclusive", "once", "stale")),
    (_run_made, ("", "moved", "equal", "skip", "ordered skip", "one skip")),
    (_run_pixelcnn, ("", "A twice", "B first", "below", "transposed", "right")),
    (_run_wavenet, ("", "shifted twice", "symmetric", "right", "centred")),
    (_run_attention, ("", "after, renormalised", "one ahead", "after", "columns", "open row")),
    (_run_pieces, ("", "top left", "restart", "open piece", "one too many")),
    (_run_linear, ("", "over heads", "whole text", "open", "ahead from", "softmax over time")),
)


def _drill(draw: _Draw) -> _Drawn:
    models = [make(draw, draw.one_of(*bugs), draw.whole(1, 4)) for make, bugs in _DRILL]
    lines = "\n".join(f"- **{letter}**: {told}" for letter, told in _TOLD.items())
    code = f"`models = question(student_name, 11).models` and probe `models['A']` to `models['G']`: each is a function of an array like its `x`, for the probe of all lessons, `lib.causality`; those of tokens need `n_values={_KINDS}`"
    order = ", ".join(map(str, models[1].order or []))
    text = (
        f"Seven models claim to be autoregressive, and not all of them are. Take {code}.\n\n{lines}\n\n(B generates its pixels in the order {order}: `models['B'].order`.) "
        "Output t **leaks** if it moves with an input which is not generated before what it predicts. For each model, A to G, "
        "**how many pairs (output, input) leak?** 0 for a sound one; in C, pixels count singly."
    )
    form = Form("seven whole numbers, such as [0, 3, 0, 0, 12, 0, 1]", "counts", size=len(models))
    return "drill", text, form, {"order": models[1].order}, {model.letter: model for model in models}


# -- 12: a function


_TO_WRITE = (
    "Write `answer_12(T)`, which returns a **bool** array (T, T), numpy or torch (zeros and ones don't count): entry [t, s] is True where output t may depend on input s, and positions "
    "count from 0. T is at least 1, and may be so small that not all of what is described comes up.\n\n"
)


def _sinks(draw: _Draw) -> _Drawn:
    window, sinks = draw.whole(2, 16), draw.whole(1, 9)
    text = f"Output t reads the last {window} inputs, input t itself included, and besides always the first {sinks}; never one later than t."
    return "sinks", _TO_WRITE + text, _FUNCTION, {"window": window, "sinks": sinks}


def _taps(draw: _Draw) -> _Drawn:
    kernel, dilation, first = draw.whole(2, 6), draw.whole(2, 9), draw.whole(2, 5)
    text = (
        f"Output t is what a stack of two causal convolutions makes of the inputs up to t: the first has a kernel of {first} and dilation 1, "
        f"the second a kernel of {kernel} and dilation {dilation}. (All weights differ from 0. Where two paths lead from an input to an output, they need not cancel: it may depend on it.)"
    )
    return "taps", _TO_WRITE + text, _FUNCTION, {"kernel": kernel, "dilation": dilation, "first": first}


def _blocks(draw: _Draw) -> _Drawn:
    block, back = draw.whole(2, 12), draw.whole(1, 6)
    text = (
        f"Output t predicts input t, in blocks of {block} (0 to {block - 1}, and so on). Within a block all inputs are independent, "
        f"given the {f'{back} blocks' if back > 1 else 'block'} just before, read in full; nothing else is read."
    )
    return "blocks", _TO_WRITE + text, _FUNCTION, {"block": block, "back": back}


def _order(draw: _Draw) -> _Drawn:
    stride = draw.whole(2, 9)
    rest = draw.whole(0, stride - 1)
    falling = draw.one_of(True, False)
    text = (
        f"Output t predicts input t, from all inputs generated before it, in this order: first the positions that leave the remainder {rest} when "
        f"divided by {stride}, then all others; the first in rising order, the others in {'falling' if falling else 'rising'} order."
    )
    return "order", _TO_WRITE + text, _FUNCTION, {"stride": stride, "rest": rest, "falling": falling}


def _prefix(draw: _Draw) -> _Drawn:
    prefix, window = draw.whole(2, 20), draw.whole(2, 12)
    text = (
        f"The first {prefix} positions are a prompt: they all read the whole prompt, in both directions, and nothing else. Every later output t reads the whole prompt and "
        f"the last {window} inputs, input t itself included."
    )
    return "prefix", _TO_WRITE + text, _FUNCTION, {"prefix": prefix, "window": window}


_POOLS: tuple[tuple[Callable[[_Draw], _Drawn], ...], ...] = (
    (_reverse, _joint, _parameters),
    (_corpus, _bits, _floor),
    (_cost, _nade, _fvsbn),
    (_sees, _paths, _ensemble),
    (_row_above, _posterior, _logistic),
    (_hears, _mu_law, _queues),
    (_cache, _rope, _attention),
    (_nucleus, _speculative, _constrained),
    (_state, _window, _scheduled, _masked),
    (_choices,),
    (_drill,),
    (_sinks, _taps, _blocks, _order, _prefix),
)
