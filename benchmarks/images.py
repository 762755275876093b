"""`python -m benchmarks.images`: what lesson 5's ways of writing a PixelCNN buy, as ratios in one run.

Each comparison alternates the two ways and takes medians of processor time, so that a busy machine slows both.

- Sampling one image and sixteen: the cached sampler against one whole pass per token. Every naive pass costs the same, so
  some are timed and the rest are counted.
- One training step: a PixelCNN against the same network without masks.
- A PixelRNN (Row LSTM) beside a PixelCNN of about as many numbers: a training step, and a pass.
- A WaveNet over unrolled digits after 300 steps: with dilations that are multiples of the width, whose sums miss the pixel above,
  with one of them made smaller by two, and with the powers of two.
- Bits per dimension of coloured digits, and the share of impossible colours in samples, with and without masks over channels.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from rich.console import Console
from torch import Tensor

from benchmarks.models import digits, trainer
from benchmarks.timing import medians
from lib import weights
from lib.data import binarise, impossible_colours, load_binary_mnist, load_coloured_digits, load_mnist
from lib.models.gated_pixelcnn import GatedPixelCNN
from lib.models.pixelcnn import MaskedConv2d, PixelCNN
from lib.models.pixelrnn import PixelRNN
from lib.models.unrolled_wavenet import UnrolledWaveNet
from lib.training import fit, mean_nll

PASSES = 2  # of the naive way that are timed at once


class UnmaskedConv2d(MaskedConv2d):
    """The same convolution, with nothing to multiply its weights with."""

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, padding=(self.rows, self.sides))[:, :, : x.shape[2]]


def unmasked(model: PixelCNN) -> PixelCNN:
    """The model with its masks taken off; no distribution any more, and as fast as it gets."""
    for layer in model.modules():
        if isinstance(layer, MaskedConv2d):
            layer.__class__ = UnmaskedConv2d
    return model


@torch.no_grad()
def sampling(model: Any, n: int) -> tuple[float, float]:
    """Processor seconds for n images: a whole pass per token, and the model's own sampler."""
    x = torch.zeros(n, model.grid.n_pixels)
    labels = [torch.zeros(n, dtype=torch.long)] if getattr(model, "n_classes", 0) else []

    def passes() -> None:
        for _ in range(PASSES):
            model.logits(x, *labels)

    some, ours = medians(passes, lambda: model.sample(n), repeats=3)
    return some / PASSES * model.grid.n_tokens, ours


def unrolled(kernel_size: int, dilations: tuple[int, ...]) -> float:
    """Nats per test digit of a WaveNet of these dilations after 300 steps of 16 digits, on 500 of them."""
    model = UnrolledWaveNet(channels=32, skip_channels=64, kernel_size=kernel_size, dilations=dilations)
    grey = load_mnist("train")[0].flatten(1)[: 300 * 16]
    settings: dict[str, Any] = {"average": 0.95, "muon": True, "bfloat16": True, "progress": False}
    fit(model, grey, draw=binarise, epochs=1, batch_size=16, lr=1e-2, warmup=50, **settings)
    return mean_nll(model, load_binary_mnist("test")[:500], batch_size=100)


def main() -> None:
    """Measure and print."""
    console = Console(width=120)
    console.print(f"{torch.get_num_threads()} threads. Medians of processor time.")
    x = digits(32)
    for name, model in {
        "PixelCNN, pixels": PixelCNN(channels=64, n_blocks=7),
        "PixelCNN, 2 x 2": PixelCNN(channels=64, n_blocks=7, patch=(2, 2)),
        "PixelCNN, 2 x 4": PixelCNN(channels=160, n_blocks=8, patch=(2, 4)),
        "Gated PixelCNN, pixels": GatedPixelCNN(),
        "Gated PixelCNN, 2 x 2": GatedPixelCNN(patch=(2, 2)),
    }.items():
        for n in (1, 16):
            naive, ours = sampling(model.eval(), n)
            console.print(
                f"{name}, sampling {n}: a pass per token {naive:.1f} s, cached {ours:.2f} s: {naive / ours:.0f}x"
            )

    for patch in ((1, 1), (2, 2)):
        masked, plain = medians(
            trainer(PixelCNN(patch=patch), x), trainer(unmasked(PixelCNN(patch=patch)), x), repeats=7
        )
        console.print(
            f"PixelCNN, patch {patch}, one step on 32 digits: {masked / plain:.2f}x of the same without masks"
        )

    rnn, cnn = PixelRNN(channels=32, n_layers=4), PixelCNN(channels=64, n_blocks=7)
    step_rnn, step_cnn = medians(trainer(rnn, x), trainer(cnn, x), repeats=5)
    with torch.no_grad():
        pass_rnn, pass_cnn = medians(lambda: rnn.logits(x), lambda: cnn.logits(x), repeats=5)
    console.print(
        f"PixelRNN ({weights.n_kept(rnn):,} numbers) against PixelCNN ({weights.n_kept(cnn):,}): a step "
        f"{step_rnn / step_cnn:.2f}x, a pass {pass_rnn / pass_cnn:.2f}x; {rnn.n_layers * rnn.grid.height} steps that wait "
        f"for one another, against {2 + 3 * cnn.n_blocks + 1} layers"
    )

    for kernel_size, dilations in (
        (3, (1, 28, 2, 56, 1, 28, 4, 112)),
        (3, (1, 26, 2, 56, 1, 28, 4, 112)),
        (2, (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)),
    ):
        console.print(
            f"WaveNet over unrolled digits, {kernel_size} taps, dilations {dilations}: {unrolled(kernel_size, dilations):.1f} "
            "nats after 300 steps"
        )

    coloured = load_coloured_digits("test")[0]
    for name in ("colour_pixelcnn", "independent_colours"):
        model = weights.load(name)
        nll = mean_nll(model, coloured)
        share = impossible_colours(model.sample(256, torch.Generator().manual_seed(0))).mean().item()
        console.print(
            f"{name}: {nll:.2f} nats, {nll / math.log(2) / coloured[0].numel():.4f} bits per dimension; "
            f"{100 * share:.1f} % of the drawn pixels in impossible colours"
        )


if __name__ == "__main__":
    main()
