"""Train GPTs of eight sizes on the same text in the same way, and write data/scaling.csv: what size buys.

    python data/make_scaling.py                      # a few minutes of one processor core
    python data/make_scaling.py --folder /tmp/mine   # elsewhere than data/

Two layers of two heads each, 8 to 128 wide. Each reads the first nine tenths of Tiny Shakespeare once, in pieces of
65 characters in random order, and is scored on all of the last tenth, in windows of 64 characters that begin 32 apart
(`lib.text.nats_per_token`). An interrupted sweep goes on where it stopped: a row is written when its model is done, and models that
have a row are not trained again (delete the file to begin anew).
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

from torch import Tensor

from lib.data import DATA
from lib.models.gpt import GPT
from lib.text import SHAKESPEARE, fetch_shakespeare, nats_per_token
from lib.training import fit

WIDTHS = (8, 12, 16, 20, 32, 48, 64, 128)
CONTEXT = 64
BATCH = 32
COLUMNS = ("parameters", "nats", "width", "tokens", "train", "seconds")


def row(width: int, text: Tensor, validation: Tensor) -> dict[str, str]:
    """Train and score the model of one width."""
    model = GPT(len(SHAKESPEARE.symbols), CONTEXT, n_layers=2, n_heads=2, width=width)
    pieces = text.unfold(0, CONTEXT + 1, CONTEXT)
    settings: dict[str, Any] = {"epochs": 1, "batch_size": BATCH, "lr": 0.024, "warmup": 50, "average": 0.98}
    history = fit(model, pieces, muon=True, bfloat16=True, **settings)
    found = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "nats": f"{nats_per_token(model, validation, CONTEXT // 2):.4f}",
        "width": width,
        "tokens": len(pieces) // BATCH * BATCH * CONTEXT,
        "train": f"{history[-1]['train']:.4f}",  # the mean over all steps, of the weights before each
        "seconds": f"{history[-1]['seconds']:.0f}",
    }
    return {name: str(value) for name, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=DATA)
    folder = parser.parse_args().folder
    target = folder / "scaling.csv"
    text, validation = (SHAKESPEARE.encode(fetch_shakespeare(split)) for split in ("train", "validation"))
    rows = list(csv.DictReader(target.open(encoding="utf-8"))) if target.is_file() else []
    for width in WIDTHS:
        if str(width) in (found["width"] for found in rows):
            continue
        rows.append(row(width, text, validation))
        with target.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(sorted(rows, key=lambda found: int(found["width"])))
        print(rows[-1])


if __name__ == "__main__":
    main()
