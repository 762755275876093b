"""Train small language models that differ in nothing but how positions exchange information, and write what they remember.

    python data/make_recall.py                      # data/recall.csv and data/mixers.csv, minutes of one processor core
    python data/make_recall.py --folder /tmp/mine   # elsewhere than data/

Recall (`lib.recall`): two layers, 32 wide, one model of each kind, trained on prompts of 4, 8, 16, 32 and 64 pairs in turn and scored
on new ones of those numbers and of some between. Text: the same models, 64 wide, read the first nine tenths of Tiny Shakespeare once, in
pieces of 129 characters in random order, and are scored on the last tenth, in windows of 128 that begin 64 apart. Rows are written when a
model is done, and models that have theirs are not trained again (delete the file to begin anew).
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lib import recall
from lib.data import DATA
from lib.models.mixers import MixerLM
from lib.text import SHAKESPEARE, fetch_shakespeare, nats_per_token
from lib.training import fit

WINDOW = 32
# what a row calls it: settings of the model, and how many steps it trains on prompts
KINDS: dict[str, tuple[dict[str, Any], int]] = {
    "full": ({"mixer": "full"}, 600),
    "window 32": ({"mixer": "window", "window": WINDOW}, 600),
    "linear": ({"mixer": "linear"}, 2000),
    "linear, twice the state": ({"mixer": "linear", "n_heads": 1}, 2000),
    "recurrence": ({"mixer": "recurrence"}, 2000),
}
TRAINED = (4, 8, 16, 32, 64)
SCORED = (4, 6, 8, 12, 16, 24, 32, 48, 64)
CONTEXT = 128
BATCH = 32
RECALL_COLUMNS = ("mixer", "pairs", "accuracy", "state_bytes", "parameters", "steps", "cpu_seconds")
TEXT_COLUMNS = ("mixer", "parameters", "nats", "state_bytes", "ms_per_step", "tokens", "cpu_seconds")


class Asked(nn.Module):
    """A model that is trained on what it is asked for."""

    def __init__(self, model: MixerLM) -> None:
        super().__init__()
        self.model = model

    def training_loss(self, prompts: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Nats per value of the second half."""
        return recall.loss(self.model, prompts)


def draw(rows: Tensor, generator: torch.Generator) -> Tensor:
    """New prompts, all of as many pairs: 512 pairs in all."""
    n_pairs = TRAINED[int(torch.randint(len(TRAINED), (), generator=generator))]
    return recall.prompts(512 // n_pairs, n_pairs, generator=generator)


def state_bytes(model: MixerLM, tokens: Tensor) -> int:
    """What it keeps of one sequence when it has read it."""
    state = model.new_cache(1)
    with torch.no_grad():
        model.next_logits(tokens[None], state)
    return state.n_bytes


def recall_rows(kind: str) -> list[dict[str, Any]]:
    """Train one model on prompts; a row for each number of pairs."""
    settings, steps = KINDS[kind]
    model, begun = MixerLM(recall.N_TOKENS, **settings), time.process_time()
    fit(
        Asked(model),
        torch.arange(steps),
        draw=draw,
        epochs=1,
        batch_size=1,
        lr=0.02,
        muon=True,
        bfloat16=True,
        average=0.99,
    )
    taken, rows = time.process_time() - begun, []
    for pairs in SCORED:
        prompts = recall.prompts(8192 // pairs, pairs, seed=1)
        rows.append(
            {
                "mixer": kind,
                "pairs": pairs,
                "accuracy": f"{recall.accuracy(model, prompts):.4f}",
                "state_bytes": state_bytes(model, prompts[0]),
                "parameters": sum(p.numel() for p in model.parameters()),
                "steps": steps,
                "cpu_seconds": f"{taken:.0f}",
            }
        )
    return rows


def text_rows(kind: str) -> list[dict[str, Any]]:
    """Train one model on text; its row."""
    settings, _ = KINDS[kind]
    text, validation = (SHAKESPEARE.encode(fetch_shakespeare(split)) for split in ("train", "validation"))
    pieces = text.unfold(0, CONTEXT + 1, CONTEXT)
    model, begun = MixerLM(len(SHAKESPEARE.symbols), width=64, **settings), time.process_time()
    fit(model, pieces, epochs=1, batch_size=BATCH, lr=0.024, warmup=50, average=0.98, muon=True)
    taken, steps = time.process_time() - begun, len(pieces) // BATCH
    model.context = CONTEXT
    return [
        {
            "mixer": kind,
            "parameters": sum(p.numel() for p in model.parameters()),
            "nats": f"{nats_per_token(model, validation, CONTEXT // 2):.4f}",
            "state_bytes": state_bytes(model, validation[:CONTEXT]),
            "ms_per_step": f"{1000 * taken / steps:.0f}",  # of processor time, a step of training
            "tokens": steps * BATCH * CONTEXT,
            "cpu_seconds": f"{taken:.0f}",
        }
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=DATA)
    folder = parser.parse_args().folder
    torch.set_num_threads(1)
    for name, columns, make in (("recall", RECALL_COLUMNS, recall_rows), ("mixers", TEXT_COLUMNS, text_rows)):
        target = folder / f"{name}.csv"
        rows: list[dict[str, Any]] = list(csv.DictReader(target.open(encoding="utf-8"))) if target.is_file() else []
        for kind in KINDS:
            if kind in (row["mixer"] for row in rows):
                continue
            rows += make(kind)
            rows.sort(key=lambda row: list(KINDS).index(row["mixer"]))  # stable: pairs stay in order
            with target.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, columns, lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
            print(kind, rows[-1], flush=True)


if __name__ == "__main__":
    main()
