"""`python -m benchmarks.attention`: what ways to mix positions take in time and memory, against full attention in the same run.

Writes `data/attention_cost.csv`, which lesson 9 draws. One thread, one sequence, four heads of 32 numbers, 128 channels of a recurrence; the
functions of `lib.models.mixers` alone, no layer around them, no gradient.

- A pass over n positions: median processor time, and by how much a fresh process grows while it runs (queries, keys and values are
  there before), beside what a formula says it has to hold.
- A step: one position more after n, from a state that has read them, and how large that state is. A step of full attention reads the cache
  where it lies; growing the cache is not counted.

"full" is the two products and the softmax of the formula; "fused" is the same by torch's own kernel, which never holds all scores.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table
from torch import Tensor

from benchmarks.memory import growth
from benchmarks.timing import medians
from lib.data import DATA
from lib.models.gpt import plain_attention
from lib.models.mixers import attention, linear_attention, scan

HEADS, SIZE = 4, 32
CHANNELS = HEADS * SIZE
WINDOW = CHUNK = 64
LENGTHS = (256, 512, 1024, 2048, 4096)
COLUMNS = ("mixer", "n", "ms", "mib", "formula_mib", "step_ms", "state_kib")


def numbers(*shape: int) -> Tensor:
    """Some, always the same."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def recurrence(gate: Tensor, value: Tensor, state: Tensor | None = None) -> Tensor:
    """h_t = a_t h_{t-1} + (1 - a_t) v_t. `(1, T, C)` each."""
    decay = gate.sigmoid()
    return scan(decay, (1 - decay) * value, state)


PASSES: dict[str, Callable[..., Any]] = {
    "full": lambda q, k, v: plain_attention(q, k, v, causal=True),
    "fused": attention,
    f"window {WINDOW}": lambda q, k, v: attention(q, k, v, WINDOW),
    "linear": lambda q, k, v: linear_attention(q, k, v, CHUNK),
    "recurrence": recurrence,
}


def inputs(mixer: str, n: int) -> list[Tensor]:
    """What a pass over n positions is given."""
    return list(numbers(2, 1, n, CHANNELS) if mixer == "recurrence" else numbers(3, 1, HEADS, n, SIZE))


def step(mixer: str, n: int) -> tuple[Callable[[], object], int]:
    """One position after n, and the bytes of the state that it starts from."""
    before, now = inputs(mixer, n), inputs(mixer, 1)
    state: tuple[Tensor, ...]
    if mixer == "recurrence":
        h = recurrence(*before)[:, -1]
        return lambda: recurrence(*now, h), h.nbytes
    if mixer == "linear":
        state = linear_attention(*before)[1]
        return lambda: linear_attention(*now, state=state), sum(part.numel() * 4 for part in state)
    if mixer.startswith("window"):
        state = attention(*before, WINDOW)[1]
        return lambda: attention(*now, WINDOW, state), sum(part.numel() * 4 for part in state)
    q, (_, k, v) = now[0], before
    read = plain_step if mixer == "full" else F.scaled_dot_product_attention
    return lambda: read(q, k, v), k.nbytes + v.nbytes


def plain_step(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """One query, all keys."""
    return (q / SIZE**0.5 @ k.mT).softmax(-1) @ v


def formula_mib(mixer: str, n: int) -> float:
    """What a pass has to hold at once beyond its inputs: its largest tensors, counted by hand."""
    held = {
        "full": (2 * HEADS + 1) * n * n,  # scores and weights of each head, and a mask
        "fused": CHANNELS * n,  # the output
        f"window {WINDOW}": 2 * HEADS * n * 2 * WINDOW
        + 6 * CHANNELS * n,  # the same in blocks; keys and values padded, and twice in blocks
        "linear": HEADS * n * (2 * CHUNK + 3 * (SIZE + 1) + 2 * SIZE + 2 * SIZE * (SIZE + 1) / CHUNK),
        "recurrence": 5 * CHANNELS * n,  # the decay as given, decay and value of a round, and the next value on its way
    }[mixer]
    return held * 4 / 2**20


def mib(mixer: str, n: int) -> float:
    """How much a fresh process grows in a pass; what a first, short pass sets up for ever is not counted."""
    before = f"""
    import torch
    from benchmarks import attention
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    run = attention.PASSES[{mixer!r}]
    run(*attention.inputs({mixer!r}, {2 * WINDOW}))
    x = attention.inputs({mixer!r}, {n})
    """
    return growth(before, "run(*x)")


def main() -> None:
    """Measure, print and write."""
    torch.set_num_threads(1)
    console, rows = Console(width=110), []
    for n in LENGTHS:
        given = {mixer: inputs(mixer, n) for mixer in PASSES}
        steps = {mixer: step(mixer, n) for mixer in PASSES}
        with torch.no_grad():
            times = medians(
                *(lambda run=run, x=given[mixer]: run(*x) for mixer, run in PASSES.items()), repeats=max(5, 8192 // n)
            )
            step_times = medians(*(lambda one=one: [one() for _ in range(50)] for one, _ in steps.values()), repeats=15)
        for mixer, seconds, step_seconds in zip(PASSES, times, step_times, strict=True):
            row = {
                "mixer": mixer,
                "n": n,
                "ms": f"{1e3 * seconds:.3g}",
                "mib": f"{mib(mixer, n):.2f}",
                "formula_mib": f"{formula_mib(mixer, n):.2f}",
                "step_ms": f"{20 * step_seconds:.3g}",
                "state_kib": f"{steps[mixer][1] / 1024:g}",
            }
            rows.append(row)
        console.print(shown(rows[-len(PASSES) :]))
    with (DATA / "attention_cost.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: list(PASSES).index(row["mixer"])))


def shown(rows: list[dict[str, Any]]) -> Table:
    """One length as a table, times as ratios to full attention's too."""
    table = Table("mixer", "n", "pass, ms", "of full", "MiB", "by formula", "step, ms", "of full", "state, KiB")
    full = rows[0]
    for row in rows:
        of_pass, of_step = (float(row[name]) / float(full[name]) for name in ("ms", "step_ms"))
        table.add_row(
            row["mixer"], str(row["n"]), row["ms"], f"{of_pass:.2f}x", row["mib"], row["formula_mib"], row["step_ms"],
            f"{of_step:.2f}x", row["state_kib"],
        )  # fmt: skip
    return table


if __name__ == "__main__":
    if sys.platform != "linux":
        raise SystemExit("benchmarks.attention: memory is read from /proc, which only Linux has")
    main()
