"""`python -m benchmarks.likelihood [NAME ...]`: the shipped models on all 10 000 test digits, beside the papers' numbers.

Nats per image on statically binarised MNIST, with the standard error of the mean over images. Others measured on Larochelle's
draw of the same digits, we on ours (`lib.data.load_binary_mnist`); who trained on one draw and who on new ones is told apart.
Milliseconds are processor time of one digit drawn alone: a whole pass for each pixel or patch, and the model's own sampler.
Writes `data/scoreboard.csv`, from which `lib.scoreboard` makes the scoreboard of every lesson. Models that are not named keep
the nats that they have there (`--times`: all of them); times are always of one run. A model without shipped weights has no row.
"""

from __future__ import annotations

import csv
import sys
import time
from typing import Any, NamedTuple

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from benchmarks.timing import medians
from lib import scoreboard, weights
from lib.data import load_binary_mnist
from lib.information import nats_to_bits
from lib.models.any_order import AnyOrder
from lib.models.bernoulli import Bernoulli
from lib.models.mixture import Mixture

PASSES = 2  # of the naive way that are timed at once
ANEW = "EugenHotaj/pytorch-generative, README"


class Entry(NamedTuple):
    """A model on the scoreboard, and the published numbers of its kind, if there are any."""

    name: str
    lesson: str
    what: str
    paper: str = ""  # trained on Larochelle's static draw
    source: str = ""
    anew: str = ""  # trained on digits drawn anew
    anew_source: str = ""
    after: str = ""  # a model whose training this one goes on from


MADE = "Germain et al. 2015 (1 hidden layer, 1 mask)"
ENTRIES = (
    Entry("bernoulli", "03", "independent pixels"),
    Entry("fvsbn", "03", "FVSBN"),
    Entry("nade", "03", "NADE", "88.33", "Uria et al. 2016 (1 hidden layer, 1 order)", "85.65", ANEW),
    Entry("made_static", "04", "MADE, one static draw", "88.40", MADE),
    Entry("made", "04", "MADE, one order", "88.40", MADE, "84.87", ANEW),
    Entry("orders", "04", "NADE, mean over two orders", after="nade"),
    Entry(
        "patch_pixelcnn", "05", "PixelCNN, 2 x 4 patches",
        "81.30", "van den Oord et al. 2016 (pixel by pixel)", "81.45", ANEW,
    ),
    Entry(
        "gated_pixelcnn", "05", "Gated PixelCNN, 2 x 2 patches",
        "80.10", "Gulrajani et al. 2017 (pixel by pixel; the PixelCNN beside their PixelVAE)", "81.50", ANEW,
    ),
    Entry("wavenet_digits", "06", "WaveNet, digits unrolled"),
    Entry("pixel_gpt", "07", "GPT, 2 x 4 patches", "", "", "79.17", f"{ANEW} (pixel by pixel)"),
    Entry(
        "any_order", "09", "any order, mean over orders",
        "87.13", "Raiko et al. 2014 (NADE-5, 2 hidden layers, mean over 10 orders; yaoli/nade_k, README)",
    ),
)  # fmt: skip


@torch.no_grad()
def nats_per_digit(model: Any, x: Tensor) -> Tensor:
    """-log p of each digit, float64 `(N,)`; of a model of all orders an unbiased estimate of its mean over orders."""
    if hasattr(model, "order_nll"):
        generator = torch.Generator().manual_seed(0)
        return torch.cat([model.order_nll(some, generator=generator) for some in x.split(200)]).double()
    return -torch.cat([model.log_prob(some) for some in x.split(200)]).double()


@torch.no_grad()
def sampling(model: Any) -> tuple[int, float, float | None]:
    """Passes and milliseconds of one digit, a whole pass per step, and milliseconds with a sampler that does less."""
    network = model.members[0] if isinstance(model, Mixture) else model
    x = torch.zeros(1, 784)
    rest: list[Tensor] = []
    n = network.grid.n_tokens if hasattr(network, "grid") else 784
    if isinstance(network, AnyOrder):  # whose patches are not drawn at once
        n, rest = 784, [torch.zeros(784, dtype=torch.bool)]
    elif isinstance(network, Bernoulli):  # whose pixels do not wait for one another
        n = 1
    elif getattr(network, "n_classes", 0):
        rest = [torch.zeros(1, dtype=torch.long)]

    def passes() -> None:
        for _ in range(PASSES):
            network.logits(x, *rest)

    if isinstance(network, (AnyOrder, Bernoulli)):  # nothing to be saved
        (some,) = medians(passes, repeats=5)
        return n, 1e3 * some / PASSES * n, None
    some, own = medians(passes, lambda: model.sample(1), repeats=5)
    return n, 1e3 * some / PASSES * n, 1e3 * own


def row(entry: Entry, known: dict[str, str] | None, x: Tensor) -> dict[str, str]:
    """What the scoreboard says of a model; `known` are the nats that it has there, if they are not to be measured again."""
    model, about = weights.load(entry.name), weights.about(entry.name)
    if known is None:
        nll = nats_per_digit(model, x)
        known = {"nats": f"{nll.mean():.2f}", "error": f"{nll.std() / len(nll) ** 0.5:.2f}"}
    minutes = about["minutes"] + (weights.about(entry.after)["minutes"] if entry.after else 0)
    n, naive, cached = sampling(model)
    return {
        "lesson": entry.lesson, "name": entry.name, "what": entry.what, "nats": known["nats"], "error": known.get("error", ""),
        "paper": entry.paper, "source": entry.source, "anew": entry.anew, "anew_source": entry.anew_source,
        "numbers": str(weights.n_kept(model)), "minutes": f"{minutes:.1f}", "passes": str(n),
        "naive": _three(naive), "cached": "" if cached is None else _three(cached),
    }  # fmt: skip


def _three(x: float) -> str:
    """Three digits, whole from 100 on."""
    return f"{x:.0f}" if x >= 100 else f"{x:.3g}"


def main(names: list[str]) -> None:
    """Measure the models of these names (all, if there is none), print, and write the scoreboard."""
    x = load_binary_mnist("test")
    with open(scoreboard.SCORES, encoding="utf-8", newline="") as file:
        before = {r["name"]: r for r in csv.DictReader(file)}
    table = Table(*("model", "nats", "± s.e.", "bits per pixel", "numbers", "passes", "naive ms", "own ms", "s"))
    found = []
    for entry in ENTRIES:
        if entry.name not in weights.NAMES:
            continue
        keep = bool(names) and entry.name not in names and entry.name in before
        begun = time.perf_counter()
        r = row(entry, before[entry.name] if keep else None, x)
        found.append(r)
        bits = f"{nats_to_bits(float(r['nats'])) / x.shape[1]:.4f}"
        seconds = f"{time.perf_counter() - begun:.1f}"
        table.add_row(
            *(r["name"], r["nats"], r["error"], bits, r["numbers"], r["passes"], r["naive"], r["cached"], seconds)
        )
    Console(width=120).print(table)
    with open(scoreboard.SCORES, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, found[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)


if __name__ == "__main__":
    main(sys.argv[1:])
