"""Answers that test the checks of the final exam, made from the right ones of whoever the exam is drawn for."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from autograder.answers import Answers
from autograder.checks import exam as checks
from lib.exam import SLOTS, question

answers = Answers("10_exam")
student_name = "Ada Lovelace"


def _right(key: Any, form: str) -> Iterator[tuple[str, Any]]:
    yield "typed", key
    if form == "letters":
        yield from [
            ("small letters", key.lower()),
            ("a list", list(key)),
            ("an array", np.array(list(key))),
            ("with commas", ", ".join(key)),
        ]
    elif form in ("number", "count"):
        yield from [("an array of one", np.array([key])), ("a tensor", torch.tensor(float(key), dtype=torch.float64))]
        yield "a fraction", Fraction(key).limit_denominator(10**9)
    else:
        yield from [("a tuple", tuple(key)), ("an array of floats", np.array(key, dtype=float))]
        yield "a set" if form == "set" else "a tensor", set(key) if form == "set" else torch.tensor(key)


def _wrong(key: Any, form: str, within: float) -> Iterator[tuple[str, Any]]:
    """What is wrong for certain: the first is a right form, and wrong by little."""
    if form == "letters":
        turned = {"A": "B", "B": "C", "C": "D", "D": "A"}
        yield "the last letter wrong", key[:2] + turned[key[2]]
        yield "the first letter wrong", turned[key[0]] + key[1:]
        yield "all wrong", "".join(turned[letter] for letter in key)
        yield from [("two letters", key[:2]), ("four letters", key + "A"), ("no letters", [1, 2, 3]), ("E", "EEE")]
        return
    if form == "number":
        nearly = 2 * within if key < 0.5 else -2 * within  # a probability stays one
        yield from [("wrong by a little", key + nearly), ("on the other side", key - 0.75 * nearly)]
        yield "in percent", 100 * key + 1
        yield from [("infinite", float("inf")), ("a truth value", True)]
    elif form == "count":
        yield from [
            ("negative", -key - 1),
            ("one too many", key + 1),
            ("one too few", key - 1),
            ("twice", 2 * key + 1),
            ("not whole", key + 0.5),
        ]
    elif form == "set":
        yield "one more or less", sorted(set(key) ^ {0})
        yield from [("one that there is not", [*key, 97]), ("halves", [0.5, *key]), ("a table", [[1, 2], [3, 4]])]
        yield from [("truth values", [i in key for i in range(7)]), ("a number alone", 0)]
        yield "the others", sorted(set(range(7)) - set(key))
    else:
        yield "one pair too many", [*key[:-1], key[-1] + 1]
        yield from [
            ("six", key[:-1]),
            ("eight", [*key, 0]),
            ("halves", [k + 0.5 for k in key]),
            ("all leak", [99] * len(key)),
        ]
        yield "the other way round: sound for leaking", [int(k == 0) for k in key]
    yield from [
        ("text", str(key)),
        ("words", "no idea"),
        ("not a number", float("nan")),
        ("twice in a list", [[key], [key]]),
    ]


for _slot in range(1, SLOTS):
    _name, _form = f"answer_{_slot:02}", question(student_name, _slot).form
    for _story, _value in _right(checks.key(student_name, _slot), _form.kind):
        answers.right(_name, _story, **{_name: _value})
    for _story, _value in _wrong(checks.key(student_name, _slot), _form.kind, _form.within):
        answers.wrong(_name, _story, **{_name: _value})

    def _mistaken(name: str, slot: int = _slot) -> Any:
        form = question(name, slot).form
        return next(_wrong(checks.key(name, slot), form.kind, form.within))[1]

    def _personal(name: str, slot: int = _slot) -> Any:
        return checks.key(name, slot)

    answers.personal[_name], answers.mistaken[_name] = _personal, _mistaken


# A function that reads the numbers of its question, as whoever writes it has read them.


@answers.right("answer_12", "two loops")
def _(T):
    from lib.exam import question

    asked = question(student_name, 12)
    n = asked.numbers
    rows = []
    for t in range(T):
        row = []
        for s in range(T):
            if asked.kind == "sinks":
                sees = s <= t and (t - n["window"] < s or s < n["sinks"])
            elif asked.kind == "taps":
                sees = False
                for late in range(n["kernel"]):
                    for soon in range(n["first"]):
                        sees = sees or s == t - late * n["dilation"] - soon
            elif asked.kind == "blocks":
                first = t - t % n["block"]
                sees = first - n["back"] * n["block"] <= s < first
            elif asked.kind == "order":
                chosen_t, chosen_s = t % n["stride"] == n["rest"], s % n["stride"] == n["rest"]
                if chosen_t or chosen_s:
                    sees = chosen_s and (not chosen_t or s < t)
                else:
                    sees = s > t if n["falling"] else s < t
            elif t < n["prefix"]:
                sees = s < n["prefix"]
            else:
                sees = s < n["prefix"] or t - n["window"] < s <= t
            row.append(sees)
        rows.append(row)
    return rows


@answers.right("answer_12", "a tensor, filled row by row")
def _(T):
    from lib.exam import question

    asked = question(student_name, 12)
    n = asked.numbers
    mask = torch.zeros(T, T, dtype=torch.bool)
    order = sorted(range(T), key=lambda i: (i % n.get("stride", 1) != n.get("rest"), i))
    if asked.kind == "order" and n["falling"]:
        late = [i for i in order if i % n["stride"] != n["rest"]]
        order = order[: T - len(late)] + late[::-1]
    for t in range(T):
        if asked.kind == "sinks":
            mask[t, max(0, t - n["window"] + 1) : t + 1] = True
            mask[t, : min(n["sinks"], t + 1)] = True
        elif asked.kind == "taps":
            for late in range(n["kernel"]):
                end = t - late * n["dilation"]
                if end >= 0:
                    mask[t, max(0, end - n["first"] + 1) : end + 1] = True
        elif asked.kind == "blocks":
            first = t // n["block"] * n["block"]
            mask[t, max(0, first - n["back"] * n["block"]) : first] = True
        elif asked.kind == "order":
            mask[t, order[: order.index(t)]] = True
        else:
            mask[t, : n["prefix"]] = True
            if t >= n["prefix"]:
                mask[t, max(0, t - n["window"] + 1) : t + 1] = True
    return mask


@answers.right("answer_12", "for a longer text and then cut")
def _(T):
    from lib.exam import question

    asked = question(student_name, 12)
    n = asked.numbers
    long = T + 100
    t, s = np.mgrid[:long, :long]
    if asked.kind == "sinks":
        mask = (t >= s) * ((s > t - n["window"]) | (s < n["sinks"]))
    elif asked.kind == "taps":
        first = sum(np.eye(long, k=-i) for i in range(n["first"]))
        mask = sum(np.eye(long, k=-i * n["dilation"]) for i in range(n["kernel"])) @ first > 0
    elif asked.kind == "blocks":
        mask = (s // n["block"] < t // n["block"]) & (s // n["block"] + n["back"] >= t // n["block"])
    elif asked.kind == "order":
        turn = np.where(np.arange(long) % n["stride"] == n["rest"], 0, 10**6)
        turn = turn + np.where((turn > 0) & n["falling"], -np.arange(long), np.arange(long))
        mask = turn[:, None] > turn[None]
    else:
        mask = (s < n["prefix"]) | ((t >= n["prefix"]) & (s <= t) & (s > t - n["window"]))
    return mask.astype(bool)[:T, :T]


@answers.wrong("answer_12", "everything")
def _(T):
    return np.ones((T, T), dtype=bool)


@answers.wrong("answer_12", "the causal mask")
def _(T):
    return np.tri(T, dtype=bool)


@answers.wrong("answer_12", "the strict causal mask")
def _(T):
    return np.tri(T, k=-1, dtype=bool)


@answers.wrong("answer_12", "nothing")
def _(T):
    return torch.zeros(T, T, dtype=torch.bool)


@answers.wrong("answer_12", "only itself")
def _(T):
    return np.eye(T, dtype=bool)


@answers.wrong("answer_12", "one position too many")
def _(T):
    return np.tri(T + 1, dtype=bool)


@answers.wrong("answer_12", "pairs")
def _(T):
    return [(t, s) for t in range(T) for s in range(t)]


@answers.wrong("answer_12", "a row for the last output")
def _(T):
    return [True] * T


answers.wrong("answer_12", "no function", answer_12=[[True]])
