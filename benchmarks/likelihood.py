"""`python -m benchmarks.likelihood [NAME ...]`: the shipped models on all 10 000 test digits, beside the papers' numbers.

Nats per image on statically binarised MNIST, with the standard error of the mean over images. The papers measured on Larochelle's
draw of the same digits, we on ours (`lib.data.load_binary_mnist`). Most of them trained on that one draw; our models see a new
draw at each step (`data/make_weights.py`), so a lower number is not a better architecture.
Writes `data/scoreboard.csv`, from which `lib.scoreboard` draws the scoreboard of every lesson; models that are not named keep
the rows that they have there.
"""

from __future__ import annotations

import csv
import sys
import time
from typing import NamedTuple

import torch
from rich.console import Console
from rich.table import Table

from lib import scoreboard, weights
from lib.data import load_binary_mnist
from lib.information import nats_to_bits


class Entry(NamedTuple):
    """A shipped model on the scoreboard, and the published number that is nearest to it."""

    name: str
    lesson: str
    what: str
    paper: str
    source: str


ENTRIES = (
    Entry("bernoulli", "03", "independent pixels", "", ""),
    Entry("fvsbn", "03", "FVSBN", "", ""),
    Entry("nade", "03", "NADE", "88.33", "Larochelle & Murray 2011; Uria et al. 2016"),
    Entry("made", "04", "MADE, one order", "86.64", "Germain et al. 2015 (2 layers, 32 masks)"),
    Entry("orders", "04", "NADE, mean over two orders", "84.68", "Raiko et al. 2014 (EoNADE-5, 2 layers, 128 orders)"),
    Entry("patch_pixelcnn", "05", "PixelCNN, 2 x 4 patches", "81.30", "van den Oord et al. 2016, pixel by pixel"),
    Entry(
        "gated_pixelcnn",
        "05",
        "Gated PixelCNN, 2 x 2 patches",
        "80.10",
        "Gulrajani et al. 2017 (PixelVAE), pixel by pixel",
    ),
    Entry("pixel_gpt", "07", "GPT, 2 x 4 patches", "", ""),
)


@torch.no_grad()
def main(names: list[str]) -> None:
    """Measure the models of these names (all, if there is none), print, and write the scoreboard."""
    x = load_binary_mnist("test")
    with open(scoreboard.SCORES, encoding="utf-8", newline="") as file:
        known = {row["name"]: row for row in csv.DictReader(file)}
    table = Table("model", "nats", "± s.e.", "bits per pixel", "paper", "numbers learned", "s", "source of the paper's")
    rows = []
    for entry in ENTRIES:
        if names and entry.name not in names:
            rows += [known[entry.name]] if entry.name in known else []
            continue
        model = weights.load(entry.name)
        begun = time.perf_counter()
        nll = -torch.cat([model.log_prob(some) for some in x.split(200)]).double()
        seconds = time.perf_counter() - begun
        mean, error = nll.mean().item(), nll.std().item() / len(nll) ** 0.5
        rows.append(
            {
                "lesson": entry.lesson, "name": entry.name, "what": entry.what, "nats": f"{mean:.2f}",
                "paper": entry.paper, "source": entry.source,
            }
        )  # fmt: skip
        table.add_row(
            entry.name, f"{mean:.2f}", f"{error:.2f}", f"{nats_to_bits(mean) / x.shape[1]:.4f}", entry.paper or "-",
            f"{weights.n_kept(model):,}".replace(",", " "), f"{seconds:.1f}", entry.source,
        )  # fmt: skip
    Console(width=140).print(table)
    with open(scoreboard.SCORES, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(sys.argv[1:])
