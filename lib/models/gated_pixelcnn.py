"""Gated PixelCNN: two stacks that together see everything above and to the left, and units with gates.

Van den Oord, Kalchbrenner, Vinyals, Espeholt, Graves & Kavukcuoglu, "Conditional Image Generation with PixelCNN
Decoders", NIPS 2016 (arXiv 1606.05328). Section 2.1: the gated unit, tanh(a) * sigmoid(b). Section 2.2: a stack of masked
convolutions never sees a wedge to the right above the pixel, however deep it is (the blind spot). The cure is one stack
that looks at the rows above, all of them whole, and one that looks along the row and is told at each layer what the first
has seen. Section 2.3: a label shifts the inputs of the gates, in each layer.

The kernels here are cut instead of masked: a kernel's rows below and columns to the right would be zeros, so they are not
there, and the image is moved instead. Left out: the paper's 256-way softmax over grey levels. Different from the paper:
three constant channels (row, column, ones) tell the network where it is, and it can read p x q pixels as one token.

A class-conditional model is a classifier (by Bayes), and with labels drawn first it is a mixture, so that log p(x) without
a label is exact too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lib.models import cached, inputs
from lib.models.cached import Run, everywhere
from lib.models.patches import Grid


class CausalConv2d(nn.Module):
    """A convolution whose kernel covers only what it may see, with zeros around the image: `(B, C_in, H, W)` to `(B, C_out, H, W)`.

    Parameters
    ----------
    c_in, c_out : channels.
    kernel : its rows and columns.
    origin : row and column of the kernel that lie on the position itself; they may lie outside, just below or
        just right of it.
    bias : whether a bias is added. generator : draws the initial weights.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: tuple[int, int],
        origin: tuple[int, int],
        bias: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.origin = origin
        scale = (c_in * kernel[0] * kernel[1]) ** -0.5
        self.weight = nn.Parameter(scale * torch.randn(c_out, c_in, *kernel, generator=generator))
        self.bias = nn.Parameter(torch.zeros(c_out)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        rows, columns = self.weight.shape[2:]
        (above, left) = self.origin
        # Negative padding cuts: an origin outside of the kernel moves the image by one.
        x = F.pad(x, (left, columns - 1 - left, above, rows - 1 - above))
        return F.conv2d(x, self.weight, self.bias)

    def kernel(self) -> tuple[Tensor, Tensor | None, tuple[int, int]]:
        """Weight, bias and origin."""
        return self.weight, self.bias, self.origin


def gated(h: Tensor) -> Tensor:
    """tanh of the first half of the channels times sigmoid of the second: `(B, 2C, ...)` to `(B, C, ...)`."""
    a, b = h.chunk(2, dim=1)
    return torch.tanh(a) * torch.sigmoid(b)


class GatedPixelCNN(nn.Module):
    """A vertical and a horizontal stack over binary images, with or without labels, by single pixels or by patches.

    Parameters
    ----------
    height, width : of the image in pixels; D = height * width.
    channels : C of each stack. n_blocks : gated layers in each.
    patch : pixels (p, q) that make one token, T = D / (p q) of them with K = 2^(p q) values; (1, 1) for single pixels.
    kernel_size : odd; of all layers but the first. first_kernel_size : of the first.
    n_classes : Y labels; 0 for a model without.
    seed : of the initial weights.

    Raises
    ------
    ValueError : an even kernel size, or patches that do not divide the image.
    """

    places: Tensor

    def __init__(
        self,
        height: int = 28,
        width: int = 28,
        channels: int = 64,
        n_blocks: int = 6,
        patch: Sequence[int] = (1, 1),
        kernel_size: int = 3,
        first_kernel_size: int = 7,
        n_classes: int = 10,
        seed: int = 0,
    ) -> None:
        super().__init__()
        for size in (kernel_size, first_kernel_size):
            if size < 3 or size % 2 == 0:
                raise ValueError(f"GatedPixelCNN: kernel sizes should be odd and at least 3, found {size}")
        self.grid = Grid.of(height, width, patch, "GatedPixelCNN")
        self.channels, self.n_blocks, self.n_classes = channels, n_blocks, n_classes
        self.kernel_size, self.first_kernel_size = kernel_size, first_kernel_size
        self.register_buffer("places", self.grid.places(), persistent=False)

        generator = torch.Generator().manual_seed(seed)
        n_inputs, gates = self.grid.n_bits + 3, 2 * channels
        one = (1, 1), (0, 0)
        self.vertical, self.horizontal = nn.ModuleList(), nn.ModuleList()
        for block in range(n_blocks):
            first = block == 0
            c_in, size = (n_inputs, first_kernel_size) if first else (channels, kernel_size)
            reach = size // 2
            # In both stacks layer 1 stops before the position, and later layers include it: they see only what it saw.
            self.vertical.append(
                CausalConv2d(c_in, gates, (reach + (not first), size), (reach, reach), generator=generator)
            )
            self.horizontal.append(CausalConv2d(c_in, gates, (1, reach + (not first)), (0, reach), generator=generator))
        self.links = nn.ModuleList(CausalConv2d(gates, gates, *one, False, generator) for _ in range(n_blocks))
        self.outs = nn.ModuleList(CausalConv2d(channels, channels, *one, generator=generator) for _ in range(n_blocks))
        self.before_last = CausalConv2d(channels, gates, *one, generator=generator)
        self.last = CausalConv2d(gates, self.grid.n_outputs, *one, generator=generator)
        if n_classes:
            self.shifts = nn.Parameter(torch.zeros(n_blocks, 2, n_classes, gates))  # of the gates, by label
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def settings(self) -> dict[str, Any]:
        """What to build the same model with, before it learns anything."""
        return {
            "height": self.grid.height, "width": self.grid.width, "channels": self.channels, "n_blocks": self.n_blocks,
            "patch": self.grid.patch, "kernel_size": self.kernel_size, "first_kernel_size": self.first_kernel_size,
            "n_classes": self.n_classes,
        }  # fmt: skip

    def tokens(self, x: Tensor) -> Tensor:
        """The value of each patch: `(B, D)` to int64 `(B, rows, columns)`."""
        return self.grid.tokens(inputs.binary(x, self.grid.n_pixels, "GatedPixelCNN"))

    def pixels(self, tokens: Tensor) -> Tensor:
        """Tokens `(B, rows, columns)` or `(B, T)` as images, float32 `(B, D)`."""
        return self.grid.pixels(tokens)

    def logits(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """The conditional of every pixel or patch given those before it (and the label).

        x : `(B, D)`. labels : int64 `(B,)`; without, the conditionals of the mixture over labels, Y passes.
        Returns logits `(B, D)` for single pixels, `(B, T, K)` for patches.
        """
        x = inputs.binary(x, self.grid.n_pixels, "GatedPixelCNN")
        if labels is not None or not self.n_classes:
            return self._logits(x, labels)
        each = torch.stack([self._logits(x, torch.full((len(x),), y)) for y in range(self.n_classes)])
        if self.grid.n_outputs == 1:
            each = torch.stack([F.logsigmoid(-each), F.logsigmoid(each)], dim=-1)
        each = each.log_softmax(-1)  # (Y, B, T, K)
        values = self.grid.tokens(x).flatten(1)
        seen = each.gather(3, values.expand(self.n_classes, -1, -1)[..., None])[..., 0].cumsum(2)
        before = F.pad(seen, (1, 0))[:, :, :-1]  # log p(tokens before | y)
        mixed = (each + before.log_softmax(0)[..., None]).logsumexp(0)
        return mixed[..., 1] - mixed[..., 0] if self.grid.n_outputs == 1 else mixed

    def token_log_probs(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """log p of each pixel or patch given those before it: `(B, D)` to `(B, T)`, nats. Their sum is `log_prob`."""
        logits = self.logits(x, labels)
        if self.grid.n_outputs == 1:
            return -F.binary_cross_entropy_with_logits(logits.float(), x.to(logits.device).float(), reduction="none")
        values = self.grid.tokens(x).flatten(1)
        return logits.float().log_softmax(-1).gather(2, values[..., None])[..., 0]

    def log_prob(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """log p(x | label), or log p(x) without: `(B, D)` to `(B,)`, nats."""
        if labels is None and self.n_classes:
            return self.log_probs(x).logsumexp(1) - math.log(self.n_classes)
        return self.token_log_probs(x, labels).sum(1)

    def log_probs(self, x: Tensor) -> Tensor:
        """log p(x | y) for every label y: `(B, D)` to `(B, Y)`, nats; the highest one is the model's guess of the label."""
        found = [  # few at a time: what stays in the processor's cache is quicker
            torch.stack([self.log_prob(some, torch.full((len(some),), y)) for y in range(self.n_classes)], dim=1)
            for some in x.split(50)
        ]
        return torch.cat(found)

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None, labels: Tensor | None = None) -> Tensor:
        """n images `(n, D)`, token by token. Without `labels (n,)` these are drawn first, each as likely as any other."""
        if labels is None and self.n_classes:
            labels = torch.randint(self.n_classes, (n,), generator=generator)
        uniforms = torch.rand(n, self.grid.rows, self.grid.columns, 1, generator=generator)
        shifts = self.shifts_of(labels, n)
        whole_rows = shifts.repeat_interleave(self.grid.columns, dim=2)
        tokens = cached.draw(
            lambda run, above: self.along(None, above, shifts[:, 1], run),
            [self.vertical[0], self.horizontal[0]], self.places, self.grid.values(), uniforms,
            above=lambda run: self.above(None, whole_rows[:, 0], run),
        )  # fmt: skip
        return self.pixels(tokens)

    def training_loss(self, x: Tensor | tuple[Tensor, Tensor], generator: torch.Generator) -> Tensor:
        """What `lib.training.fit` minimises: the mean of -log p(x | label) if `x` comes as (images, labels)."""
        return -(self.log_prob(*x) if isinstance(x, tuple) else self.log_prob(x)).mean()

    def _logits(self, x: Tensor, labels: Tensor | None) -> Tensor:
        image = torch.cat([self.grid.bits(x), self.places.expand(len(x), -1, -1, -1)], dim=1)
        image = image.contiguous(memory_format=torch.channels_last)
        shifts = self.shifts_of(labels, len(x))[..., None, None]
        found = self.along(image, self.above(image, shifts[:, 0]), shifts[:, 1])
        return found.flatten(1) if self.grid.n_outputs == 1 else found.flatten(2).mT

    def shifts_of(self, labels: Tensor | None, n: int) -> Tensor:
        """What labels `(B,)` add to the inputs of the gates: `(n_blocks, 2, B, 2C)`, vertical stack first."""
        if not self.n_classes:
            if labels is not None:
                raise ValueError("GatedPixelCNN: this model knows no labels, but was given some")
            return torch.zeros(self.n_blocks, 2, n, 2 * self.channels)
        assert labels is not None
        labels = torch.as_tensor(labels)
        if labels.shape != (n,) or labels.is_floating_point():
            raise ValueError(
                f"GatedPixelCNN: labels should be integers of shape ({n},), found {labels.dtype} {tuple(labels.shape)}"
            )
        if n and not 0 <= int(labels.min()) <= int(labels.max()) < self.n_classes:
            wrong = labels[(labels < 0) | (labels >= self.n_classes)][0].item()
            raise ValueError(f"GatedPixelCNN: labels should be 0 to {self.n_classes - 1}, found {wrong}")
        return self.shifts[:, :, labels.long()]

    def above(self, image: Tensor | None, shifts: Tensor, run: Run = everywhere) -> list[Tensor]:
        """The vertical stack: what it tells the horizontal one in each layer of the rows above, `(B, 2C, ...)` each."""
        told: list[Tensor] = []
        h: Any = image
        for layer, link, shift in zip(self.vertical, self.links, shifts, strict=True):
            a = run(layer, h)
            told.append(run(link, a))
            h = gated(a + shift)
        return told

    def along(self, image: Tensor | None, above: Sequence[Tensor], shifts: Tensor, run: Run = everywhere) -> Tensor:
        """The horizontal stack, from the image and what the vertical one tells, to logits `(B, K, ...)`."""
        h: Any = image
        for block, (layer, out) in enumerate(zip(self.horizontal, self.outs, strict=True)):
            new = run(out, gated(run(layer, h) + above[block] + shifts[block]))
            h = h + new if block else new
        h = run(self.before_last, F.relu(h))
        return run(self.last, F.relu(h))
