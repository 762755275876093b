"""`python -m benchmarks.models`: what the tricks of lessons 3 and 4 buy, as ratios in one run.

Each comparison alternates the two ways and takes medians of processor time, so that a busy machine slows both.

- NADE, one training step: `RunningSum` against the obvious way (all B x D x H sums at once, automatic
  differentiation), in time and in peak memory.
- MADE, one training step: against a network of the same size without masks, which is as fast as it gets.
- Sampling one image and sixteen: each model's own sampler against one whole pass per pixel.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable

import torch
import torch.nn.functional as F
from rich.console import Console
from torch import Tensor, nn

from benchmarks.memory import growth
from benchmarks.timing import medians
from lib import data, weights
from lib.models import pixel_by_pixel
from lib.models.bernoulli import log_bernoulli
from lib.models.made import MADE
from lib.models.nade import NADE

D = 784
NADE_BATCH = 100


class ObviousNADE(NADE):
    """NADE as the formula has it: a cumulative sum over batch x pixels x hidden units."""

    def logits(self, x: Tensor) -> Tensor:
        added = x[:, :, None] * self.W.T
        hidden = torch.sigmoid(self.c + added.cumsum(1) - added)
        return torch.einsum("bdh,dh->bd", hidden, self.V) + self.b


class Unmasked(nn.Module):
    """The layers of a MADE, direct connections included, as a plain network."""

    def __init__(self, hidden: tuple[int, ...]) -> None:
        super().__init__()
        sizes = [D, *hidden]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.out, self.direct = nn.Linear(hidden[-1], D), nn.Linear(D, D, bias=False)

    def log_prob(self, x: Tensor) -> Tensor:
        h = x
        for layer in self.layers:
            h = F.relu(layer(h))
        return log_bernoulli(x, self.out(h) + self.direct(x))


def trainer(model: nn.Module, x: Tensor) -> Callable[[], None]:
    """One step of training: forward, backward, Adam."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

    def step() -> None:
        optimiser.zero_grad()
        (-model.log_prob(x).mean()).backward()  # type: ignore[operator]
        optimiser.step()

    return step


def digits(n: int) -> Tensor:
    """The first n test digits, binarised."""
    return data.load_binary_mnist("test")[:n]


def peak_memory(kind: str) -> float:
    """MiB that one training step of NADE needs beyond what a fresh process with the model and the digits has. Linux only."""
    before = f"""
    from benchmarks import models
    x = models.digits(models.NADE_BATCH).clone()
    models.trainer(models.{kind}(models.D, 500), x[:2])()
    step = models.trainer(models.{kind}(models.D, 500), x)
    """
    return growth(before, "step()")


def main() -> None:
    """Measure and print."""
    console = Console(width=110)
    x = digits(NADE_BATCH)
    console.print(f"{torch.get_num_threads()} threads. Medians, in milliseconds.")

    obvious, ours = medians(
        trainer(ObviousNADE(D, 500), x), trainer(NADE(D, 500), x), repeats=5
    )  # fmt: skip
    epoch = 60_000 / NADE_BATCH / 60
    console.print(
        f"NADE, 500 hidden units, one step on {NADE_BATCH} digits: obvious {1e3 * obvious:.0f}, ours {1e3 * ours:.0f}: "
        f"{obvious / ours:.1f}x (an epoch of 60 000: {obvious * epoch:.1f} and {ours * epoch:.1f} minutes)"
    )
    if sys.platform == "linux":
        first, second = peak_memory("ObviousNADE"), peak_memory("NADE")
        console.print(
            f"  peak memory of that step: obvious {first:.0f} MiB, ours {second:.0f} MiB: {first / second:.0f}x"
        )

    for hidden in ((1000,), (1200, 1200)):
        x = digits(256)
        masked, plain = medians(trainer(MADE(D, hidden, direct=True), x), trainer(Unmasked(hidden), x), repeats=20)
        console.print(
            f"MADE {hidden}, one step on 256 digits: masked {1e3 * masked:.1f}, unmasked {1e3 * plain:.1f}: "
            f"{masked / plain:.2f}x of the floor ({256 / masked:,.0f} digits per second)"
        )

    for name in ("nade", "made"):
        model, order = weights.load(name), torch.arange(D)
        for n in (1, 16):
            naive, fast = medians(
                lambda model=model, n=n, order=order: pixel_by_pixel.sample(model.logits, order, n),
                lambda model=model, n=n: model.sample(n),
                repeats=3,
            )
            console.print(
                f"{name}, sampling {n}: a pass per pixel {1e3 * naive:.0f}, ours {1e3 * fast:.0f}: {naive / fast:.0f}x"
            )


if __name__ == "__main__":
    main()
