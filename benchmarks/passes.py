"""`python -m benchmarks.passes [--digits N]`: nats per digit against passes of the network, and one network under four orders.

What draws several pixels at once costs nats: `any_order`, its pixels in blocks of a random order (of equal size, of the sizes that cost least by dynamic programming, or
doubling), row by row, and from coarse to fine. Blocks in random order are estimated without bias from a few passes per digit;
orders one pixel at a time need all 784, for few digits, and are compared on the same ones.

The sizes that cost least are found on training digits, everything is measured on test digits.
Writes `data/passes.csv` (method, passes, nats, standard_error, exact) and `data/orders.csv` (order, nats, difference,
standard_error), which lesson 09 draws.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from tqdm import tqdm

from lib import weights
from lib.data import DATA, binarise, load_binary_mnist, load_mnist
from lib.models.any_order import AnyOrder, best_sizes, coarse_to_fine, turns

PASSES, ORDERS = DATA / "passes.csv", DATA / "orders.csv"
SIDE = 28
D = SIDE * SIDE
DRAWS = 4  # passes per digit and schedule
BATCH = 250


@torch.no_grad()
def in_random_order(model: AnyOrder, x: Tensor, sizes: Sequence[int], generator: torch.Generator) -> Tensor:
    """Nats of each digit, its pixels drawn in blocks of these sizes in a random order: `(N, D)` to `(N,)`, without bias.

    A block's share is its size times the mean of all pixels that are unknown when it begins: any of them could be in it. A few
    blocks are all looked at; of many, DRAWS, each as likely as it is large.
    """
    ends = torch.tensor(sizes).cumsum(0)
    starts = ends - torch.tensor(sizes)
    total = torch.zeros(len(x))
    few = len(sizes) <= DRAWS
    for draw in range(len(sizes) if few else DRAWS):
        if few:
            block = torch.full((len(x),), draw)
            weight = torch.tensor(sizes)[block]
        else:
            pixel = ((draw + torch.rand(len(x), generator=generator)) / DRAWS * D).long().clamp(max=D - 1)
            block = torch.searchsorted(ends, pixel, right=True)
            weight = torch.full((len(x),), D / DRAWS)
        total += weight * mean_unknown(model, x, turns(x, generator), starts[block])
    return total


def mean_unknown(model: AnyOrder, x: Tensor, turn: Tensor, t: Tensor) -> Tensor:
    """Nats of the average unknown pixel when those of the first t turns are known: `(N,)`."""
    batches = zip(x.split(BATCH), (turn < t[:, None]).split(BATCH), strict=True)
    return torch.cat([model.unknown_nats(some, known).sum(1) for some, known in batches]) / (D - t)


@torch.no_grad()
def stages(model: AnyOrder, x: Tensor, generator: torch.Generator) -> np.ndarray:
    """Nats of an unknown pixel when t = 0 to 783 are known, falling and smooth: `(D,)`, from 8 passes per digit."""
    t = torch.arange(8 * len(x)) % D
    x = x.repeat(8, 1)[torch.randperm(8 * len(x), generator=generator)]
    nats = mean_unknown(model, x, turns(x, generator), t).double()
    each = torch.zeros(D, dtype=torch.float64).index_add(0, t, nats) / t.bincount(minlength=D)
    # Every 16 stages one average; more knowledge never costs nats, whatever the noise says.
    averages = np.minimum.accumulate(each.numpy().reshape(-1, 16).mean(1))
    return np.interp(np.arange(D), np.arange(8, D, 16), averages)


@torch.no_grad()
def in_this_order(model: AnyOrder, x: Tensor, blocks: Sequence[Tensor]) -> Tensor:
    """Nats of each digit, block by block: `(N, D)` to `(N,)`."""
    return -torch.cat([model.block_log_prob(some, blocks).sum(1) for some in x.split(BATCH)])


def told(nats: Tensor) -> tuple[str, str]:
    """The mean and its standard error, as they are written down."""
    return f"{nats.double().mean():.2f}", f"{nats.double().std() / len(nats) ** 0.5:.2f}"


def against_passes(model: AnyOrder, n: int) -> list[dict[str, object]]:
    """The rows of `data/passes.csv`, from the first n test digits."""
    generator = torch.Generator().manual_seed(0)
    grey = load_mnist("train")[0].flatten(1)[: max(n // 4, 98)]
    f = stages(model, binarise(grey, generator), generator)
    x = load_binary_mnist("test")[:n]
    rows: list[dict[str, object]] = []

    def add(method: str, passes: int, nats: Tensor) -> None:
        mean, error = told(nats)
        exact = "yes" if passes == D else "no"
        rows.append({"method": method, "passes": passes, "nats": mean, "standard_error": error, "exact": exact})

    add("any_order, one at a time", D, in_random_order(model, x, [1] * D, generator))
    equal, chosen = (392, 196, 98, 49, 28, 14, 7, 4, 2, 1), (98, 49, 28, 14, 7, 4, 2)
    for passes in tqdm(equal, desc="equal blocks"):
        add("any_order, equal blocks", passes, in_random_order(model, x, [D // passes] * passes, generator))
    for passes in tqdm(chosen, desc="chosen blocks"):
        add("any_order, chosen blocks", passes, in_random_order(model, x, best_sizes(f, passes), generator))
    doubling = [1, *(2**i for i in range(9)), D - 2**9]
    add("any_order, doubling", len(doubling), in_random_order(model, x, doubling, generator))
    add("any_order, row by row", SIDE, in_this_order(model, x[: n // 8], list(torch.arange(D).split(SIDE))))
    add("any_order, coarse to fine", 3, in_this_order(model, x, coarse_to_fine(SIDE)))
    return rows


def orders() -> dict[str, Tensor]:
    """Four orders of the pixels, int64 `(D,)` each."""
    raster = torch.arange(D)
    return {
        "raster": raster,
        "from the last pixel to the first": raster.flip(0),
        "coarse to fine": torch.cat(coarse_to_fine(SIDE)),
        "random": torch.randperm(D, generator=torch.Generator().manual_seed(0)),
    }


def against_orders(model: AnyOrder, n: int) -> list[dict[str, object]]:
    """The rows of `data/orders.csv`, from the first n test digits; the standard error is that of the difference to raster order."""
    x = load_binary_mnist("test")[:n]
    nats = {name: in_this_order(model, x, order.split(1)) for name, order in tqdm(orders().items(), desc="orders")}
    rows = []
    for name, found in nats.items():
        difference, error = told(found - nats["raster"])
        rows.append({"order": name, "nats": told(found)[0], "difference": difference, "standard_error": error})
    return rows


def write(path: Path, rows: list[dict[str, object]]) -> None:
    """Print the rows and write them."""
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*map(str, row.values()))
    Console(width=100).print(table)
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--digits", type=int, default=2000, help="test digits, at least 400; 2000 if absent")
    arguments = parser.parse_args()
    model = weights.load("any_order")
    with torch.autocast("cpu", dtype=torch.bfloat16):  # as it was trained; nats differ by less than their error
        write(PASSES, against_passes(model, arguments.digits))
        write(ORDERS, against_orders(model, arguments.digits // 40))


if __name__ == "__main__":
    main()
